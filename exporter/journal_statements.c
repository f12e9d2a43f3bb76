// SPDX-License-Identifier: Apache-2.0
#include "journal_statements.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "journal_schema.h"
#include "journal_state.h"

static const char *const texts[JOURNAL_STATEMENTS] = {
	[BEGIN_GROUP] = "BEGIN IMMEDIATE",
	[COMMIT_GROUP] = "COMMIT",
	[ROLLBACK_GROUP] = "ROLLBACK",
	[KNOWN_ID] = "SELECT 1 FROM events WHERE id = ?1 AND remembered = 1",
	[PUT_EVENT] = "INSERT INTO events(id, time, received, type, way, uid, pid, session,"
		      " approval, json, remembered)"
		      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?1 IS NOT NULL)",
	[EVENT_ENDS] = "SELECT (SELECT min(seq) FROM events), (SELECT max(seq) FROM events)",
	[PUT_TALLY] = "INSERT INTO tallies(family, labels, value) VALUES(?1, ?2, ?3)"
		      " ON CONFLICT DO UPDATE SET value = excluded.value",
	[PUT_APPROVAL] = "REPLACE INTO approvals VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
			 " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
	[PUT_VALUE] = "REPLACE INTO named_values(name, value) VALUES(?1, ?2)",
	[GET_VALUE] = "SELECT value FROM named_values WHERE name = ?1",
	[ADD_COST] = "INSERT INTO costs VALUES(?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, ?9, ?10, ?11)"
		     " ON CONFLICT DO UPDATE SET events = events + 1,"
		     " input = input + excluded.input, output = output + excluded.output,"
		     " cache_read = cache_read + excluded.cache_read,"
		     " cache_write = cache_write + excluded.cache_write,"
		     " microdollars = microdollars + excluded.microdollars,"
		     " unpriced = unpriced + excluded.unpriced",
	[HAS_COST] = "SELECT 1 FROM costs WHERE day = ?1 AND model = ?2 AND agent_type = ?3"
		     " AND epic = ?4 AND story = ?5",
	[COUNT_RUNS] = "SELECT count(*) FROM runs WHERE day = ?1",
	[COUNT_COSTS] = "SELECT count(*) FROM costs WHERE day = ?1",
	[GET_ROLLUP] = "SELECT count, sum, buckets FROM rollups"
		       " WHERE window = ?1 AND start = ?2 AND series = ?3",
	[PUT_ROLLUP] = "REPLACE INTO rollups(window, start, series, count, sum, buckets)"
		       " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[GET_RUN_BUCKETS] = "SELECT buckets FROM runs"
			    " WHERE day = ?1 AND agent_type = ?2 AND model = ?3",
	[ADD_RUN] =
		"INSERT INTO runs VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
		" ?14) ON CONFLICT DO UPDATE SET runs = runs + excluded.runs,"
		" successes = successes + excluded.successes, exits = exits + excluded.exits,"
		" failed_exits = failed_exits + excluded.failed_exits,"
		" duration = duration + excluded.duration, tokens = tokens + excluded.tokens,"
		" cpu = cpu + excluded.cpu, blocked = blocked + excluded.blocked,"
		" tool_runs = tool_runs + excluded.tool_runs,"
		" tool_failures = tool_failures + excluded.tool_failures,"
		" buckets = excluded.buckets",
	[PUT_AUDIT] = "INSERT INTO audit VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[GET_END] = "SELECT seq, hash FROM audit_ends WHERE place = ?1",
	[PUT_END] = "REPLACE INTO audit_ends(place, seq, hash) VALUES(?1, ?2, ?3)",
	/* Of the oldest ?1 events: how many, the last number, the newest time, how many before ?2. */
	[OLD_EVENT] = "SELECT count(*), max(seq), max(received), count(received < ?2 OR NULL)"
		      " FROM (SELECT seq, received FROM events ORDER BY seq LIMIT ?1)",
	/* Of the oldest ?1 rows, those before ?2: how many, and the last one with its hash. */
	[OLD_AUDIT] = "SELECT count(*), max(seq), hash FROM"
		      " (SELECT seq, time, hash FROM audit ORDER BY seq LIMIT ?1) WHERE time < ?2",
	[REMOVE_EVENTS] = "DELETE FROM events WHERE seq <= ?1",
	[REMOVE_AUDIT] = "DELETE FROM audit WHERE seq <= ?1",
	[REMOVE_APPROVALS] = "DELETE FROM approvals WHERE approval_id IN (SELECT approval_id FROM"
			     " approvals WHERE decided > 0 AND decided < ?1 LIMIT ?2)",
	[REMOVE_ROLLUPS] = "DELETE FROM rollups WHERE window = ?1 AND start < ?2",
	[OLD_IDS] =
		"SELECT count(*), max(seq) FROM (SELECT seq, received FROM events WHERE seq > ?1"
		" ORDER BY seq LIMIT ?2) WHERE received < ?3",
	[FORGET_IDS] = "UPDATE events SET remembered = 0 WHERE seq > ?1 AND seq <= ?2 AND"
		       " remembered = 1",
	[PAGES] = "PRAGMA page_count",
	[FREE_PAGES] = "PRAGMA freelist_count",
	[VACUUM] = "PRAGMA incremental_vacuum(256)",
	[LOAD_TALLIES] = "SELECT family, labels, value FROM tallies",
	/* Those that wait and the last ?1 that were decided, oldest first. */
	[LOAD_APPROVALS] = "SELECT * FROM (SELECT * FROM approvals WHERE decided = 0 UNION ALL"
			   " SELECT * FROM (SELECT * FROM approvals WHERE decided > 0"
			   " ORDER BY decided DESC LIMIT ?1)) ORDER BY requested",
	/* The journal's own are not the accounts'. */
	[LOAD_VALUES] = "SELECT name, value FROM named_values WHERE name NOT GLOB 'journal.*'",
};

int journal_failed(struct journal *journal, int result)
{
	/* Without a database every call is one of misuse, and what is known already stays. */
	int code = journal->db ? sqlite3_system_errno(journal->db) : 0;
	int err = journal_errno(result);

	if (!journal->db)
		return err;
	if (err == -EIO && code == ENOSPC)
		err = -ENOSPC;
	snprintf(journal->problem, sizeof(journal->problem), "%s%s%s",
		 result == SQLITE_OK ? "" : sqlite3_errmsg(journal->db),
		 err == -EIO && code ? ": " : "", err == -EIO && code ? strerror(code) : "");
	return err;
}

int journal_prepare(struct journal *journal)
{
	int i, result;

	for (i = 0; i < JOURNAL_STATEMENTS; i++) {
		result = sqlite3_prepare_v3(journal->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
					    &journal->statements[i], NULL);
		if (result != SQLITE_OK)
			return journal_failed(journal, result);
	}
	return 0;
}

void journal_unprepare(struct journal *journal)
{
	int i;

	for (i = 0; i < JOURNAL_STATEMENTS; i++) {
		sqlite3_finalize(journal->statements[i]);
		journal->statements[i] = NULL;
	}
}

static int bind(sqlite3_stmt *statement, const char *types, va_list *values)
{
	const char *text;
	const void *bytes;
	int i, result = SQLITE_OK;

	for (i = 1; *types && result == SQLITE_OK; i++, types++) {
		if (*types == 'i') {
			result = sqlite3_bind_int64(statement, i, va_arg(*values, int64_t));
		} else if (*types == 't') {
			text = va_arg(*values, const char *);
			result = sqlite3_bind_text(statement, i, text, -1, SQLITE_STATIC);
		} else {
			bytes = va_arg(*values, const void *);
			result = sqlite3_bind_blob64(statement, i, bytes, va_arg(*values, size_t),
						     SQLITE_STATIC);
		}
	}
	return result;
}

int journal_run(struct journal *journal, enum journal_statement statement, const char *types, ...)
{
	sqlite3_stmt *prepared = journal->statements[statement];
	va_list values;
	int result, err = 0;

	va_start(values, types);
	result = bind(prepared, types, &values);
	va_end(values);
	if (result == SQLITE_OK)
		do
			result = sqlite3_step(prepared);
		while (result == SQLITE_ROW);
	if (result != SQLITE_DONE)
		err = journal_failed(journal, result);
	sqlite3_reset(prepared);
	return err;
}

int journal_next(struct journal *journal, sqlite3_stmt *row)
{
	int result = sqlite3_step(row);

	if (result == SQLITE_ROW)
		return 1;
	return result == SQLITE_DONE ? 0 : journal_failed(journal, result);
}

int journal_row(struct journal *journal, enum journal_statement statement, sqlite3_stmt **ret_row,
		const char *types, ...)
{
	sqlite3_stmt *prepared = journal->statements[statement];
	va_list values;
	int result;

	*ret_row = prepared;
	va_start(values, types);
	result = bind(prepared, types, &values);
	va_end(values);
	return result == SQLITE_OK ? journal_next(journal, prepared)
				   : journal_failed(journal, result);
}

void journal_end(sqlite3_stmt *row)
{
	sqlite3_reset(row);
}
