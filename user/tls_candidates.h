// SPDX-License-Identifier: Apache-2.0
/*
 * Whose files are worth a look inside, beyond those that their name tells: those of agents and what
 * they spawned, and of processes that speak with a watched upstream; each file once.
 */
#ifndef OPERAGLASS_TLS_CANDIDATES_H
#define OPERAGLASS_TLS_CANDIDATES_H

#include <stdbool.h>
#include <sys/types.h>

#include "bpf_set.h"
#include "tls_files.h"
#include "tls_mappings.h"

struct tls_candidates;

/* set: has the maps `processes` and `connections`, must outlive the result; a map that it does not
 * have finds nothing. */
int tls_candidates_new(const struct bpf_set *set, struct tls_candidates **ret_candidates);
void tls_candidates_free(struct tls_candidates *candidates);

/* Whether an agent, or what it spawned, maps it. One look-up for the mappings of an exec. */
bool tls_candidates_is_agents(struct tls_candidates *candidates, const struct tls_mapping *mapping);

/* A filter for tls_mappings_take: whether more than its numbers decides. Costs no system call. */
bool tls_candidates_pass(struct tls_candidates *candidates, const struct tls_mapping *mapping);

/* Whether to look into what is mapped here. Costs a process that is none one look-up, and a file
 * that was looked into none. */
bool tls_candidates_want(struct tls_candidates *candidates, const struct tls_mapping *mapping);

/* What tls_candidates_pass may take for granted of the file from now on. */
void tls_candidates_decided(struct tls_candidates *candidates, const struct tls_mapping *mapping,
			    enum tls_file_kind kind);

/* There was no room for it, or it cannot be touched. True: it is to be counted, once for as long as somebody
 * maps it. Until targets go, or the next scan, it is left out without a look. */
bool tls_candidates_leave_out(struct tls_candidates *candidates, const struct tls_mapping *mapping);
bool tls_candidates_is_left_out(struct tls_candidates *candidates,
				const struct tls_mapping *mapping);

/* Targets went: takes back what was decided, but for files that have nothing in them. */
void tls_candidates_undecide(struct tls_candidates *candidates);

/* Gives the mappings of processes that became agents since the last time to `take`: those that their
 * exec made came before. False: of some it is not known any more which they are. */
bool tls_candidates_born(struct tls_candidates *candidates, tls_mapping_taker *take, void *context);

/* After each batch of records. Gives the mappings of processes that have begun to speak with a watched
 * upstream to `take`; looks for such at most four times a second. */
void tls_candidates_clients(struct tls_candidates *candidates, tls_mapping_taker *take,
			    void *context);

/* Around a scan of all mappings, each of which goes through tls_candidates_want: forgets files that
 * nobody maps any more, whose numbers may be used again, and all processes. */
void tls_candidates_begin_scan(struct tls_candidates *candidates);
void tls_candidates_end_scan(struct tls_candidates *candidates);

#endif
