// SPDX-License-Identifier: Apache-2.0
/* Adding to the chain. */
#include <errno.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "journal_state.h"

static void put_number(struct sha256_ctx *sha, uint64_t number)
{
	uint8_t bytes[8];
	int i;

	for (i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(number >> (56 - 8 * i));
	sha256_update(sha, sizeof(bytes), bytes);
}

/* With its length before it, so that no text can pass for the end of one and the start of the next. */
static void put_text(struct sha256_ctx *sha, const char *text)
{
	size_t length = text ? strlen(text) : 0;

	put_number(sha, length);
	sha256_update(sha, length, (const uint8_t *)text);
}

void audit_hash(const uint8_t previous[AUDIT_HASH_SIZE], int64_t seq, const struct audit_row *row,
		uint8_t ret_hash[AUDIT_HASH_SIZE])
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, AUDIT_HASH_SIZE, previous);
	put_number(&sha, (uint64_t)seq);
	put_number(&sha, (uint64_t)row->time_us);
	put_text(&sha, row->actor);
	put_text(&sha, row->action);
	put_text(&sha, row->resource);
	put_text(&sha, row->details);
	sha256_digest(&sha, AUDIT_HASH_SIZE, ret_hash);
}

void audit_hex(const uint8_t hash[AUDIT_HASH_SIZE], char ret_text[AUDIT_HEX_SIZE])
{
	int i;

	for (i = 0; i < AUDIT_HASH_SIZE; i++)
		snprintf(ret_text + (size_t)2 * i, 3, "%02x", hash[i]);
}

static int read_head(struct journal *journal)
{
	sqlite3_stmt *row;
	int err = journal_row(journal, GET_END, &row, "t", "head");

	memset(&journal->head, 0, sizeof(journal->head));
	if (err > 0 && sqlite3_column_bytes(row, 1) == AUDIT_HASH_SIZE) {
		journal->head.seq = sqlite3_column_int64(row, 0);
		memcpy(journal->head.hash, sqlite3_column_blob(row, 1), AUDIT_HASH_SIZE);
	}
	journal_end(row);
	if (err < 0)
		return err;
	journal->head_known = true;
	return 0;
}

int audit_append(struct journal *journal, const struct audit_row *row)
{
	const char *texts[] = {row->actor, row->action, row->resource, row->details};
	struct audit_link next;
	size_t i;
	int err = 0;

	if (!journal->head_known)
		err = read_head(journal);
	if (err)
		return err;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!texts[i])
			texts[i] = "";
	next.seq = journal->head.seq + 1;
	audit_hash(journal->head.hash, next.seq, row, next.hash);
	err = journal_run(journal, PUT_AUDIT, "iittttbb", next.seq, row->time_us, texts[0],
			  texts[1], texts[2], texts[3], journal->head.hash, (size_t)AUDIT_HASH_SIZE,
			  next.hash, (size_t)AUDIT_HASH_SIZE);
	if (err)
		return err;
	journal->head = next;
	journal->head_moved = true;
	return 0;
}

int audit_flush(struct journal *journal)
{
	if (!journal->head_moved)
		return 0;
	journal->head_moved = false;
	return journal_run(journal, PUT_END, "tib", "head", journal->head.seq, journal->head.hash,
			   (size_t)AUDIT_HASH_SIZE);
}
