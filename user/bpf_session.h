// SPDX-License-Identifier: Apache-2.0
/* The kernel half, from nothing or from an earlier run's pins to counting. */
#ifndef OPERAGLASS_BPF_SESSION_H
#define OPERAGLASS_BPF_SESSION_H

#include "bpf_set.h"
#include "config.h"

enum bpf_session_kind {
	BPF_SESSION_NONE, /* nothing is loaded */
	BPF_SESSION_LOADED,
	BPF_SESSION_ADOPTED, /* an earlier run's programs go on counting */
};

struct bpf_session {
	struct bpf_set set;
	enum bpf_session_kind start;
	int stats_fd; /* run times are measured while it is open; -1 */
};

/*
 * Takes over what is pinned below pin_path if it is this very kernel half, or replaces it; attaches
 * what is not attached. pin_path: existing directory on bpffs. cgroup_path: NULL to look for it. What this kernel cannot do is reported and left out; an error is returned
 * when nothing at all is attached or pins cannot be written.
 */
int bpf_session_start(struct bpf_session *session, const char *pin_path, const char *cgroup_path,
		      const struct config *config);

/* Closes descriptors; what is pinned stays. */
void bpf_session_end(struct bpf_session *session);

#endif
