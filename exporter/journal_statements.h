// SPDX-License-Identifier: Apache-2.0
/*
 * Every statement that the journal runs while it is open, prepared once.
 *
 *	journal_run(journal, PUT_VALUE, "tt", name, value);
 *	if ((err = journal_row(journal, GET_END, &row, "t", "head")) > 0)
 *		…sqlite3_column_…(row, 0)…
 *	journal_end(row);
 */
#ifndef EXPORTER_JOURNAL_STATEMENTS_H
#define EXPORTER_JOURNAL_STATEMENTS_H

struct journal;
struct sqlite3;
struct sqlite3_stmt;

enum journal_statement {
	BEGIN_GROUP,
	COMMIT_GROUP,
	ROLLBACK_GROUP,
	KNOWN_ID,
	PUT_EVENT,
	EVENT_ENDS,
	PUT_TALLY,
	PUT_APPROVAL,
	PUT_VALUE,
	GET_VALUE,
	ADD_COST,
	HAS_COST,
	COUNT_COSTS,
	COUNT_RUNS,
	GET_ROLLUP,
	PUT_ROLLUP,
	GET_RUN_BUCKETS,
	ADD_RUN,
	PUT_AUDIT,
	GET_END,
	PUT_END,
	OLD_EVENT,
	OLD_AUDIT,
	REMOVE_EVENTS,
	REMOVE_AUDIT,
	REMOVE_APPROVALS,
	REMOVE_ROLLUPS,
	OLD_IDS,
	FORGET_IDS,
	PAGES,
	FREE_PAGES,
	VACUUM,
	LOAD_TALLIES,
	LOAD_APPROVALS,
	LOAD_VALUES,
	JOURNAL_STATEMENTS
};

/* 0 or the errno of the SQLite error; the journal keeps its text. */
int journal_prepare(struct journal *journal);
void journal_unprepare(struct journal *journal);

/*
 * Binds what follows by `types`: i int64_t, t const char * (NULL: null), b const void *, size_t.
 * Texts are borrowed for the call.
 * run: until it is done; 0 or -errno.
 * row: to its first row; 1, 0 when there is none, or -errno. To be ended whatever it returned; bound
 * texts must live until then.
 */
int journal_run(struct journal *journal, enum journal_statement statement, const char *types, ...);
int journal_row(struct journal *journal, enum journal_statement statement,
		struct sqlite3_stmt **ret_row, const char *types, ...);
/* To the next row: 1, 0 or -errno. */
int journal_next(struct journal *journal, struct sqlite3_stmt *row);
void journal_end(struct sqlite3_stmt *row);

/* Remembers why the last call failed, and returns its errno. */
int journal_failed(struct journal *journal, int result);

#endif
