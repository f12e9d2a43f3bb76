// SPDX-License-Identifier: Apache-2.0
/* The table of targets, and how mappings and files become rows of it. Private to tls_targets.c and
 * tls_tables.c. */
#ifndef OPERAGLASS_TLS_ROWS_H
#define OPERAGLASS_TLS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tls_candidates.h"
#include "tls_mappings.h"
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
	size_t count;
	struct tls_target rows[TLS_TARGET_SLOTS];
};

/* NULL: not known. */
struct tls_target *tls_row_find(struct tls_targets *targets, dev_t device, ino_t inode);

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

/* Takers, with a struct tls_targets as their context. */
void tls_take_change(void *context, int watch);
void tls_take_mapping(void *context, const struct tls_mapping *mapping);
void tls_take_known_file(void *context, const char *path, int file);
void tls_take_search(void *context, const struct tls_search_job *job);

#endif
