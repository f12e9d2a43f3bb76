// SPDX-License-Identifier: Apache-2.0
/* Which TLS files the processes of this host have mapped, and what the Operaglass that is pinned at a
 * path makes of them. Attaches and changes nothing. */
#ifndef OPERAGLASS_TLS_LIST_H
#define OPERAGLASS_TLS_LIST_H

#include <sys/types.h>

#include "tls_recognise.h"

/* As enum tls_target_state, and one for a file that nobody has probed. */
enum tls_list_state {
	TLS_LIST_ATTACHED,
	TLS_LIST_REFUSED, /* it could be read, but the Operaglass that runs has not probed it */
	TLS_LIST_STALE,
	TLS_LIST_UNDECODED,
	TLS_LIST_COVERED,
	TLS_LIST_UNWATCHED,  /* no Operaglass is pinned there */
	TLS_LIST_WRITE_ONLY, /* probed, but only where requests are written */
	TLS_LIST_STATES,
};

extern const char *const tls_list_states[TLS_LIST_STATES];

struct tls_list_row {
	pid_t pid;
	const char *command; /* its name, as in /proc/PID/comm */
	const char *path;    /* as the process sees it */
	const char *stack;
	enum tls_list_state state;
	const char *
		trust; /* label `trust` of operaglass_tls_probed_files; empty when it is not probed */
	const char *why; /* what is wrong with it; empty for ATTACHED */
};

typedef void tls_list_taker(void *context, const struct tls_list_row *row);

/* Gives a row for each process and TLS file to `take`, by process. Files without a telling name are
 * looked into as the observer does: those of agents and of watched clients. 0 or -errno. */
int tls_list(const char *pin_path, const char *state_dir, tls_list_taker *take, void *context);

#endif
