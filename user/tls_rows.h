// SPDX-License-Identifier: Apache-2.0
/* The table of targets. Private to tls_targets.c, tls_takers.c and tls_tables.c. */
#ifndef OPERAGLASS_TLS_ROWS_H
#define OPERAGLASS_TLS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tls_candidates.h"
#include "tls_search_queue.h"
#include "tls_signatures.h"
#include "tls_target.h"

struct tls_targets {
	struct tls_target_tools tools;
	struct tls_mappings *mappings; /* NULL: no records */
	struct tls_candidates *candidates;
	struct tls_search_queue *searches;
	char *pin_directory;
	struct tls_signature_directories signatures; /* none until they are set */
	int counts_fd, trusts_fd;
	int changes; /* descriptor; <0: files are not watched */
	int processes_fd, lost_fd;
	bool full;	  /* said so */
	bool agents_only; /* scope: files of others get no probes */
	bool started;
	bool locked; /* by the last scan: some process keeps its memory locked (bounded_call.h) */
	unsigned edits; /* of rows, so far: what they are counted as may have changed */
	size_t count;
	struct tls_target rows[TLS_TARGET_SLOTS];
};

/* NULL: not known. */
struct tls_target *tls_row_find(struct tls_targets *targets, dev_t device, ino_t inode);

/* The same for an open file. */
struct tls_target *tls_row_of_file(struct tls_targets *targets, int file);

/* The lowest slot that no row has; there are more slots than rows. */
uint32_t tls_row_free_slot(const struct tls_targets *targets);

/* NULL, and said once: the table is full. */
struct tls_target *tls_row_add(struct tls_targets *targets, dev_t device, ino_t inode,
			       uint32_t stack, uint32_t slot);

/* Takes its probes away; the last row takes its place. */
void tls_row_drop(struct tls_targets *targets, size_t row);

/* Drops those that may be probed otherwise now that it was set how. */
void tls_rows_drop_unfit(struct tls_targets *targets);

/* Wrong places are given up: for the symbols, which are right and slow, if configured, else for none. */
void tls_row_give_up_places(struct tls_targets *targets, struct tls_target *target, int file,
			    const char *path);

#endif
