// SPDX-License-Identifier: Apache-2.0
#include "journal_schema.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

/* The ids that are remembered; forgotten ones stay in their rows. */
#define REMEMBERED_IDS "CREATE UNIQUE INDEX events_id ON events(id) WHERE remembered = 1;"

/*
 * Times are Unix microseconds (`start` of a roll-up: seconds), durations nanoseconds, money
 * micro-dollars, days "2026-11-21" in the configured time zone.
 */
static const char schema[] =
	"CREATE TABLE events(seq INTEGER PRIMARY KEY, id TEXT, time INTEGER NOT NULL,"
	" received INTEGER NOT NULL, type TEXT NOT NULL, way INTEGER NOT NULL, uid INTEGER,"
	" pid INTEGER, session TEXT, approval TEXT,"
	" json TEXT NOT NULL, remembered INTEGER NOT NULL DEFAULT 0);" REMEMBERED_IDS
	"CREATE TABLE tallies(family TEXT, labels TEXT, value BLOB NOT NULL,"
	" PRIMARY KEY(family, labels)) WITHOUT ROWID;"
	"CREATE TABLE approvals(approval_id TEXT PRIMARY KEY, session_id TEXT, tool TEXT,"
	" priority TEXT, reason TEXT, actor TEXT, agent_type TEXT, requested INTEGER NOT NULL,"
	" due INTEGER NOT NULL, decided INTEGER NOT NULL, requested_boot INTEGER NOT NULL,"
	" boot_epoch INTEGER NOT NULL, root_start INTEGER NOT NULL, message INTEGER NOT NULL,"
	" pid INTEGER NOT NULL, root INTEGER NOT NULL, message_status INTEGER NOT NULL,"
	" state INTEGER NOT NULL, automatic INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX approvals_decided ON approvals(decided);"
	"CREATE TABLE named_values(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE costs(day TEXT, model TEXT, agent_type TEXT, epic TEXT, story TEXT,"
	" events INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL,"
	" cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL,"
	" microdollars INTEGER NOT NULL, unpriced INTEGER NOT NULL,"
	" PRIMARY KEY(day, model, agent_type, epic, story)) WITHOUT ROWID;"
	/* window: seconds, 60, 300, 3600 or 86400; buckets: journal_sketch.h */
	"CREATE TABLE rollups(window INTEGER, start INTEGER, series TEXT, count INTEGER NOT NULL,"
	" sum INTEGER NOT NULL, buckets BLOB, PRIMARY KEY(window, start, series)) WITHOUT ROWID;"
	"CREATE TABLE runs(day TEXT, agent_type TEXT, model TEXT, runs INTEGER NOT NULL,"
	" successes INTEGER NOT NULL, exits INTEGER NOT NULL, failed_exits INTEGER NOT NULL,"
	" duration INTEGER NOT NULL, tokens INTEGER NOT NULL, cpu INTEGER NOT NULL,"
	" blocked INTEGER NOT NULL, tool_runs INTEGER NOT NULL, tool_failures INTEGER NOT NULL,"
	" buckets BLOB, PRIMARY KEY(day, agent_type, model)) WITHOUT ROWID;"
	"CREATE TABLE audit(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, actor TEXT NOT NULL,"
	" action TEXT NOT NULL, resource TEXT NOT NULL, details TEXT NOT NULL,"
	" previous BLOB NOT NULL, hash BLOB NOT NULL);"
	/* place: head (the last row), checkpoint (the last row that retention removed) */
	"CREATE TABLE audit_ends(place TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE VIRTUAL TABLE audit_text USING fts5(actor, action, resource, details,"
	" content='audit', content_rowid='seq');"
	"CREATE TRIGGER audit_added AFTER INSERT ON audit BEGIN"
	" INSERT INTO audit_text(rowid, actor, action, resource, details)"
	" VALUES(new.seq, new.actor, new.action, new.resource, new.details); END;"
	"CREATE TRIGGER audit_removed AFTER DELETE ON audit BEGIN"
	" INSERT INTO audit_text(audit_text, rowid, actor, action, resource, details)"
	" VALUES('delete', old.seq, old.actor, old.action, old.resource, old.details); END;";

/* What brings version N to version N + 1. */
static const char *const migrations[JOURNAL_VERSION] = {
	/* Before 1, every id was remembered for as long as its event was kept. */
	"ALTER TABLE events ADD COLUMN remembered INTEGER NOT NULL DEFAULT 0;"
	"UPDATE events SET remembered = 1 WHERE id IS NOT NULL;"
	"DROP INDEX IF EXISTS events_id;" REMEMBERED_IDS,
};

/* Extended codes keep the primary one in their low byte. */
int journal_errno(int result)
{
	static const int codes[] = {
		[SQLITE_OK] = 0,	   [SQLITE_PERM] = EACCES,
		[SQLITE_BUSY] = EBUSY,	   [SQLITE_LOCKED] = EBUSY,
		[SQLITE_NOMEM] = ENOMEM,   [SQLITE_READONLY] = EROFS,
		[SQLITE_IOERR] = EIO,	   [SQLITE_CORRUPT] = EUCLEAN,
		[SQLITE_FULL] = ENOSPC,	   [SQLITE_CANTOPEN] = ENOENT,
		[SQLITE_NOTADB] = EUCLEAN,
	};
	size_t primary = (size_t)(result & 0xff);

	if (primary == SQLITE_OK || primary == SQLITE_ROW || primary == SQLITE_DONE)
		return 0;
	if (primary < sizeof(codes) / sizeof(*codes) && codes[primary])
		return -codes[primary];
	return -EIO;
}

static int read_number(sqlite3 *db, const char *sql, int *ret_number)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*ret_number = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return journal_errno(result);
}

static int migrate(sqlite3 *db, int version)
{
	char mark[64];
	int result = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (result == SQLITE_OK && version < 0) {
		result = sqlite3_exec(db, schema, NULL, NULL, NULL);
		version = JOURNAL_VERSION;
	}
	for (; result == SQLITE_OK && version < JOURNAL_VERSION; version++)
		result = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
	snprintf(mark, sizeof(mark), "PRAGMA user_version = %d", JOURNAL_VERSION);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, mark, NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (result != SQLITE_OK)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return journal_errno(result);
}

int journal_schema_apply(sqlite3 *db, int *ret_found)
{
	int version = -1, tables = 0, err;

	err = read_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (!err && tables > 0)
		err = read_number(db, "PRAGMA user_version", &version);
	*ret_found = version;
	if (err)
		return err;
	if (version > JOURNAL_VERSION)
		return -EPROTONOSUPPORT;
	return version == JOURNAL_VERSION ? 0 : migrate(db, version);
}
