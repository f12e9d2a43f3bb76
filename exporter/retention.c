// SPDX-License-Identifier: Apache-2.0
#include "retention.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal_state.h"

#define DAY_SECONDS INT64_C(86400)
/* Free pages from which the file is made smaller. */
#define FREE_PAGES_MIN 256
#define PAGE_BYTES     4096

static int64_t cutoff_us(int64_t now_us, uint64_t age_ns)
{
	return age_ns ? now_us - (int64_t)(age_ns / 1000) : INT64_MIN;
}

static int read_number(struct journal *journal, enum journal_statement statement,
		       int64_t *ret_number)
{
	sqlite3_stmt *row;
	int err = journal_row(journal, statement, &row, "");

	if (err > 0)
		*ret_number = sqlite3_column_int64(row, 0);
	journal_end(row);
	return err < 0 ? err : 0;
}

/* Bytes in use beyond what may be kept, per thousand; free pages inside the file will be used again. */
static int excess(struct journal *journal, uint64_t bytes)
{
	int64_t pages = 0, unused = 0;
	uint64_t used;
	int err = read_number(journal, PAGES, &pages);

	if (!err)
		err = read_number(journal, FREE_PAGES, &unused);
	if (err)
		return err;
	used = (uint64_t)(pages - unused) * PAGE_BYTES;
	return bytes && used > bytes ? (int)((used - bytes) * 1000 / used) + 1 : 0;
}

/* How many events make up this share of them; at least one, at most a step. */
static int64_t share(const struct journal *journal, int per_thousand)
{
	uint64_t count = journal_stored(journal) * (uint64_t)per_thousand / 1000 + 1;

	return count < RETENTION_STEP ? (int64_t)count : RETENTION_STEP;
}

/*
 * Events came in in the order of their numbers, so the oldest are the first. Writes the newest time
 * among those that were removed for the size's sake.
 */
static int remove_events(struct journal *journal, int64_t before_us, int large,
			 struct retention_result *result, int64_t *removed_us)
{
	const int64_t most = large ? share(journal, large) : RETENTION_STEP;
	int64_t count = 0, seq = 0, newest = 0;
	sqlite3_stmt *row;
	int err = journal_row(journal, OLD_EVENT, &row, "ii", most, before_us);

	if (err > 0) {
		count = sqlite3_column_int64(row, large ? 0 : 3);
		newest = sqlite3_column_int64(row, 2);
	}
	journal_end(row);
	if (err < 0 || count == 0)
		return err < 0 ? err : 0;
	seq = journal->first_seq + count - 1;
	err = journal_run(journal, REMOVE_EVENTS, "i", seq);
	if (err)
		return err;
	result->events = (uint64_t)count;
	result->more |= count == RETENTION_STEP;
	if (large)
		*removed_us = newest;
	if (seq >= journal->last_seq)
		journal->first_seq = journal->last_seq = 0;
	else
		journal->first_seq = seq + 1;
	return 0;
}

/* Says in the chain what was taken from its beginning. */
static int note_checkpoint(struct journal *journal, const struct audit_link *link, int64_t now_us)
{
	char seq[24], hex[AUDIT_HEX_SIZE];
	const struct audit_row row = {now_us, "operaglass", AUDIT_CHECKPOINT_ACTION, seq, hex};
	int err;

	snprintf(seq, sizeof(seq), "%" PRId64, link->seq);
	audit_hex(link->hash, hex);
	err = audit_append(journal, &row);
	return err ? err
		   : journal_run(journal, PUT_END, "tib", "checkpoint", link->seq, link->hash,
				 sizeof(link->hash));
}

static int remove_audit(struct journal *journal, int64_t before_us, int64_t now_us,
			struct retention_result *result)
{
	struct audit_link link = {0};
	int64_t count = 0;
	sqlite3_stmt *row;
	int err = journal_row(journal, OLD_AUDIT, &row, "ii", (int64_t)RETENTION_STEP, before_us);

	if (err > 0 && sqlite3_column_bytes(row, 2) == AUDIT_HASH_SIZE) {
		count = sqlite3_column_int64(row, 0);
		link.seq = sqlite3_column_int64(row, 1);
		memcpy(link.hash, sqlite3_column_blob(row, 2), AUDIT_HASH_SIZE);
	}
	journal_end(row);
	if (err < 0 || count < RETENTION_AUDIT_MIN)
		return err < 0 ? err : 0;
	err = journal_run(journal, REMOVE_AUDIT, "i", link.seq);
	if (!err)
		err = note_checkpoint(journal, &link, now_us);
	if (err)
		return err;
	result->audit_rows = (uint64_t)count;
	result->more |= count == RETENTION_STEP;
	return 0;
}

static int remove_state(struct journal *journal, int64_t before_us, int64_t now_us,
			struct retention_result *result)
{
	/* How long sums of each length are of use: what a page or a report looks back. */
	static const int64_t kept_days[CALENDAR_WINDOWS] = {2, 14, 100, 3660};
	int64_t changes = sqlite3_total_changes64(journal->db);
	int window, err;

	err = journal_run(journal, REMOVE_APPROVALS, "ii", before_us, (int64_t)RETENTION_STEP);
	if (err)
		return err;
	result->approvals = (uint64_t)(sqlite3_total_changes64(journal->db) - changes);
	changes = sqlite3_total_changes64(journal->db);
	for (window = 0; window < CALENDAR_WINDOWS && !err; window++)
		err = journal_run(journal, REMOVE_ROLLUPS, "ii", calendar_seconds[window],
				  now_us / 1000000 - kept_days[window] * DAY_SECONDS);
	if (!err)
		result->rollups = (uint64_t)(sqlite3_total_changes64(journal->db) - changes);
	return err;
}

static int load_forgotten(struct journal *journal)
{
	sqlite3_stmt *row;
	int err = journal_row(journal, GET_VALUE, &row, "t", "journal.forgotten");

	journal->forgotten_seq =
		err > 0 ? strtoll((const char *)sqlite3_column_text(row, 0), NULL, 10) : 0;
	journal_end(row);
	if (err < 0)
		return err;
	journal->forgotten_known = true;
	return 0;
}

/* The next events after those whose ids were forgotten already. */
static int forget_ids(struct journal *journal, int64_t before_us, struct retention_result *result)
{
	int64_t seq = 0, last, count = 0;
	char text[24];
	sqlite3_stmt *row;
	int err = journal->forgotten_known ? 0 : load_forgotten(journal);

	if (err)
		return err;
	/* Numbers begin anew after the last event was removed. */
	if (journal->forgotten_seq > journal->last_seq)
		journal->forgotten_seq = 0;
	err = journal_row(journal, OLD_IDS, &row, "iii", journal->forgotten_seq,
			  (int64_t)RETENTION_STEP, before_us);
	if (err > 0) {
		count = sqlite3_column_int64(row, 0);
		seq = sqlite3_column_int64(row, 1);
	}
	journal_end(row);
	if (err < 0 || count == 0)
		return err < 0 ? err : 0;
	last = journal->forgotten_seq;
	err = journal_run(journal, FORGET_IDS, "ii", last, seq);
	snprintf(text, sizeof(text), "%" PRId64, seq);
	if (!err)
		err = journal_run(journal, PUT_VALUE, "tt", "journal.forgotten", text);
	if (err)
		return err;
	journal->forgotten_seq = seq;
	result->ids = (uint64_t)count;
	result->more |= count == RETENTION_STEP;
	return 0;
}

static int step(struct journal *journal, const struct retention *retention, int64_t now_us,
		struct retention_result *result)
{
	int64_t before_us = cutoff_us(now_us, retention->age_ns), audit_before = before_us,
		state_before;
	int large = excess(journal, retention->bytes), err;

	if (large < 0)
		return large;
	err = remove_events(journal, before_us, large, result, &audit_before);
	if (audit_before < before_us)
		audit_before = before_us;
	state_before = audit_before;
	/* Too large without events: it is the audit log. */
	if (large && result->events == 0)
		audit_before = now_us;
	if (!err)
		err = remove_audit(journal, audit_before, now_us, result);
	if (!err)
		err = remove_state(journal, state_before, now_us, result);
	if (!err && retention->id_window_ns)
		err = forget_ids(journal, cutoff_us(now_us, retention->id_window_ns), result);
	if (large && (result->events || result->audit_rows))
		result->more = true;
	return err;
}

/* Gives free pages at the end of the file back. */
static int shrink(struct journal *journal)
{
	int64_t unused = 0;
	int err = read_number(journal, FREE_PAGES, &unused);

	if (err || unused < FREE_PAGES_MIN)
		return err;
	return journal_run(journal, VACUUM, "");
}

int retention_step(struct journal *journal, const struct retention *retention, int64_t now_us,
		   struct retention_result *ret_result)
{
	struct retention_result result = {0};
	int err = journal_begin(journal);

	if (!err)
		err = step(journal, retention, now_us, &result);
	if (!err && !result.more)
		err = shrink(journal);
	if (!err)
		err = journal_commit(journal);
	if (err) {
		journal->forgotten_known = false;
		journal_rollback(journal);
		return err;
	}
	*ret_result = result;
	return 0;
}
