// SPDX-License-Identifier: Apache-2.0
/* Following the chain from its checkpoint to its head. */
#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "journal_schema.h"

static int broken(struct audit_report *report, int64_t seq, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int broken(struct audit_report *report, int64_t seq, const char *format, ...)
{
	va_list arguments;

	report->bad_seq = seq;
	va_start(arguments, format);
	vsnprintf(report->why, sizeof(report->why), format, arguments);
	va_end(arguments);
	return -EBADMSG;
}

static bool read_hash(sqlite3_stmt *row, int column, uint8_t ret_hash[AUDIT_HASH_SIZE])
{
	if (sqlite3_column_bytes(row, column) != AUDIT_HASH_SIZE)
		return false;
	memcpy(ret_hash, sqlite3_column_blob(row, column), AUDIT_HASH_SIZE);
	return true;
}

static int read_end(sqlite3 *db, const char *place, struct audit_link *ret_link, bool *ret_there)
{
	sqlite3_stmt *row = NULL;
	struct audit_link link = {0};
	int result;

	result = sqlite3_prepare_v2(db, "SELECT seq, hash FROM audit_ends WHERE place = ?1", -1,
				    &row, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_bind_text(row, 1, place, -1, SQLITE_STATIC);
	if (result == SQLITE_OK)
		result = sqlite3_step(row);
	if (result == SQLITE_ROW) {
		link.seq = sqlite3_column_int64(row, 0);
		read_hash(row, 1, link.hash);
	}
	sqlite3_finalize(row);
	if (journal_errno(result))
		return journal_errno(result);
	*ret_there = result == SQLITE_ROW;
	*ret_link = link;
	return 0;
}

/* Whether this row says that everything up to the checkpoint was removed. */
static bool names_checkpoint(const struct audit_row *row, const struct audit_link *checkpoint)
{
	char hex[AUDIT_HEX_SIZE], seq[24];

	audit_hex(checkpoint->hash, hex);
	snprintf(seq, sizeof(seq), "%lld", (long long)checkpoint->seq);
	return !strcmp(row->action, AUDIT_CHECKPOINT_ACTION) && !strcmp(row->resource, seq) &&
	       !strcmp(row->details, hex);
}

static int check_row(sqlite3_stmt *row, struct audit_link *link,
		     const struct audit_link *checkpoint, bool *named, struct audit_report *report)
{
	const char *texts[4];
	uint8_t previous[AUDIT_HASH_SIZE], stored[AUDIT_HASH_SIZE], computed[AUDIT_HASH_SIZE];
	const int64_t seq = sqlite3_column_int64(row, 0), expected = link->seq + 1;
	struct audit_row fields;
	int i;

	for (i = 0; i < 4; i++) {
		texts[i] = (const char *)sqlite3_column_text(row, 2 + i);
		if (!texts[i])
			texts[i] = "";
	}
	fields = (struct audit_row){sqlite3_column_int64(row, 1), texts[0], texts[1], texts[2],
				    texts[3]};
	if (seq != expected)
		return broken(report, expected, "row %lld is missing: row %lld comes next",
			      (long long)expected, (long long)seq);
	if (!read_hash(row, 6, previous) || !read_hash(row, 7, stored))
		return broken(report, seq, "row %lld holds no hash", (long long)seq);
	if (memcmp(previous, link->hash, sizeof(previous)) != 0)
		return broken(
			report, seq,
			"row %lld does not continue row %lld: one of them was moved or replaced",
			(long long)seq, (long long)link->seq);
	audit_hash(previous, seq, &fields, computed);
	if (memcmp(computed, stored, sizeof(computed)) != 0)
		return broken(report, seq, "row %lld was changed", (long long)seq);
	if (names_checkpoint(&fields, checkpoint))
		*named = true;
	link->seq = seq;
	memcpy(link->hash, stored, sizeof(stored));
	report->rows++;
	return 0;
}

static int check_rows(sqlite3 *db, struct audit_link *link, const struct audit_link *checkpoint,
		      bool *named, struct audit_report *report)
{
	sqlite3_stmt *row = NULL;
	int err = 0, result;

	result = sqlite3_prepare_v2(db,
				    "SELECT seq, time, actor, action, resource, details, previous,"
				    " hash FROM audit ORDER BY seq",
				    -1, &row, NULL);
	if (result == SQLITE_OK)
		while (!err && (result = sqlite3_step(row)) == SQLITE_ROW)
			err = check_row(row, link, checkpoint, named, report);
	sqlite3_finalize(row);
	return err ? err : journal_errno(result);
}

static int verify(sqlite3 *db, struct audit_report *report)
{
	struct audit_link checkpoint, head, link;
	bool removed, ended, named = false;
	int err;

	err = read_end(db, "checkpoint", &checkpoint, &removed);
	if (!err)
		err = read_end(db, "head", &head, &ended);
	if (err)
		return err;
	link = checkpoint;
	err = check_rows(db, &link, &checkpoint, &named, report);
	if (err)
		return err;
	if (removed && !named)
		return broken(report, checkpoint.seq + 1,
			      "no row of the chain says that the rows up to %lld were removed",
			      (long long)checkpoint.seq);
	if (link.seq == 0 && !ended)
		return 0;
	if (!ended)
		return broken(report, link.seq, "the end of the chain is not noted");
	if (head.seq > link.seq)
		return broken(report, link.seq + 1, "rows %lld to %lld were cut off at the end",
			      (long long)link.seq + 1, (long long)head.seq);
	if (head.seq != link.seq || memcmp(head.hash, link.hash, sizeof(link.hash)) != 0)
		return broken(report, link.seq, "row %lld is not the end that was noted",
			      (long long)link.seq);
	return 0;
}

int audit_verify(sqlite3 *db, struct audit_report *ret_report)
{
	struct audit_report report = {0};
	int result, err;

	/* One view of the file, however long it takes. */
	result = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
	if (result != SQLITE_OK)
		return journal_errno(result);
	err = verify(db, &report);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (!err || err == -EBADMSG)
		*ret_report = report;
	return err;
}
