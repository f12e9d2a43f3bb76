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
	unsigned long long hash; /* of the kernel half that is wanted */
	int stats_fd;		 /* run times are measured while it is open; -1 */
};

/*
 * Takes over what is pinned below pin_path if it is this very kernel half, else loads it and pins
 * that. Nothing that counts is changed yet. pin_path: existing directory on bpffs. What this kernel
 * cannot do is reported and left out. 0, or -errno when there is nothing to attach (logged).
 */
int bpf_session_prepare(struct bpf_session *session, const char *pin_path,
			const struct config *config);

/*
 * Writes the tables of what was prepared and attaches what is not attached. cgroup_path: NULL to
 * look for it. 0, or -errno when tables or pins cannot be written (logged).
 */
int bpf_session_attach(struct bpf_session *session, const char *pin_path, const char *cgroup_path,
		       const struct config *config);

/* Instead of attaching: removes what was loaded for it. What was taken over goes on. */
void bpf_session_abandon(struct bpf_session *session, const char *pin_path);

/* Closes descriptors; what is pinned stays. */
void bpf_session_end(struct bpf_session *session);

#endif
