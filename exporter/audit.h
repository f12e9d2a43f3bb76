// SPDX-License-Identifier: Apache-2.0
/*
 * The audit log: rows that are only ever added at the end. Each holds the SHA-256 of the row before
 * it and of its own fields, so whoever changes, removes or swaps rows breaks the chain. The last
 * row's hash is kept beside the log too, so that a cut at the end is found.
 *
 * Retention removes rows at the front. It keeps the hash of the last row it removed (the checkpoint)
 * and says so in a row at the end of the chain, which makes the new beginning part of what is hashed.
 */
#ifndef EXPORTER_AUDIT_H
#define EXPORTER_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "account_store.h"

#define AUDIT_HASH_SIZE 32
#define AUDIT_HEX_SIZE	(2 * AUDIT_HASH_SIZE + 1)
/* Resource: the last seq that was removed; details: its hash in hex. */
#define AUDIT_CHECKPOINT_ACTION "audit.checkpoint"

struct journal;
struct sqlite3;

/* A place in the chain. seq 0, hash all zero: before the first row. */
struct audit_link {
	int64_t seq;
	uint8_t hash[AUDIT_HASH_SIZE];
};

/* Pure. The hash of row `seq` after `previous`. Texts that are NULL count as "". */
void audit_hash(const uint8_t previous[AUDIT_HASH_SIZE], int64_t seq, const struct audit_row *row,
		uint8_t ret_hash[AUDIT_HASH_SIZE]);
void audit_hex(const uint8_t hash[AUDIT_HASH_SIZE], char ret_text[AUDIT_HEX_SIZE]);

/* Adds a row in the journal's open transaction, and writes the chain's end before its commit. */
int audit_append(struct journal *journal, const struct audit_row *row);
int audit_flush(struct journal *journal);

struct audit_report {
	int64_t rows;	 /* that were read and are right */
	int64_t bad_seq; /* the first row that is wrong; 0: none */
	char why[160];
};

/* 0: the chain is whole; -EBADMSG: it is broken, the report says where; or -errno. */
int audit_verify(struct sqlite3 *db, struct audit_report *ret_report);

/* What is looked for; NULL or 0: anything. `*` in a text stands for any characters. */
struct audit_query {
	int64_t since_us, until_us;
	const char *actor, *action, *resource;
	const char *text;   /* words that must all be there; word* is a beginning */
	int64_t before_seq; /* only rows before this one: the next page */
	unsigned limit;	    /* 1..AUDIT_LIMIT_MAX */
};
#define AUDIT_LIMIT_MAX 10000

struct audit_entry {
	struct audit_link link;
	struct audit_row row;
};

/* Newest first; texts are borrowed for the call; stops when `each` returns non-zero. 0, -EINVAL for
 * a text without a word, or -errno. */
int audit_search(struct sqlite3 *db, const struct audit_query *query,
		 int (*each)(void *context, const struct audit_entry *entry), void *context);

/* `operaglass audit …`: arguments after the word audit. 0; 1: broken, or nothing there; 2: usage. */
int audit_main(int argc, char **argv);

#endif
