// SPDX-License-Identifier: Apache-2.0
/* The exporter as a child process: started, watched, started again.
 *
 * It ends by itself when this side of the socket is closed, also when the observer is killed.
 */
#ifndef OPERAGLASS_SUPERVISE_H
#define OPERAGLASS_SUPERVISE_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "options.h"

struct supervise {
	const struct options *options;
	/* Writes the settings into a new exporter's socket, before it starts; may be NULL. */
	void (*greet)(void *context, int socket);
	void *greet_context;
	pid_t pid;     /* 0: not running */
	int pidfd;     /* readable when it has ended; -1 */
	int socket;    /* messages of include/handover.h; -1 */
	uint16_t port; /* of the first address, once it listens; 0 before */
	unsigned int backoff_ms;
	unsigned int deaths; /* that nobody asked for */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
};

/* Starts the program. 0 or -errno (logged). */
int supervise_start(struct supervise *exporter, const struct options *options);

/*
 * Waits until it listens. 0; or a positive exit code to end with: the exporter ended, and has said
 * why, or it did not answer.
 */
int supervise_wait_listening(struct supervise *exporter);

/* To be called when the socket is readable: 1 it listens now, 0 nothing new, -errno it is gone. */
int supervise_on_message(struct supervise *exporter);

/*
 * To be called when the pidfd is readable: reaps it, logs how it ended, and says after how many
 * milliseconds to start it again. Doubled from 100 to 5000 while it keeps dying young.
 */
unsigned int supervise_reap(struct supervise *exporter);

/* Ends it: by closing the socket, after two seconds by SIGKILL. */
void supervise_stop(struct supervise *exporter);

/* The exporter's program: beside this one, as in the build directory; else where `make install` puts it. */
void supervise_find_program(char path[PATH_MAX]);

/* Delay after `previous` (0: none yet) for a process that lived so long. Pure. */
unsigned int supervise_backoff(unsigned int previous_ms, uint64_t lived_ns);

#endif
