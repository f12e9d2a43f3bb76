// SPDX-License-Identifier: Apache-2.0
/*
 * `operaglass emit`: events from shell scripts, acknowledged.
 *
 *	operaglass emit approval.requested approval_id=42 tool=Bash
 *	produce-ndjson | operaglass emit -
 *
 * Reads the command line and standard input, talks to the exporter over its unix socket, prints one
 * line on standard error for each event that was refused.
 */
#ifndef EXPORTER_EMIT_H
#define EXPORTER_EMIT_H

enum {
	EMIT_STORED = 0,  /* every event is on disk, now or since before */
	EMIT_REFUSED = 1, /* at least one is not, or nobody answered */
	EMIT_USAGE = 2,
};

/* argv[0] is "emit". Returns one of the above. */
int emit_main(int argc, char **argv);

#endif
