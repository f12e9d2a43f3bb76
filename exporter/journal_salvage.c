// SPDX-License-Identifier: Apache-2.0
/*
 * What can still be read of a damaged journal goes over to the new one: sums, approvals, costs. The
 * events and the audit log stay where they were; a chain that goes on from a damaged one would hide
 * the damage.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "journal_salvage.h"
#include "journal_state.h"

static const char *const tables[] = {"tallies", "approvals", "named_values",
				     "costs",	"rollups",   "runs"};

/* One table in a transaction of its own: all of it, or nothing. */
static int copy(sqlite3 *db, const char *table)
{
	char sql[256];
	int result;

	/* A malformed page is found by the check, a malformed value by the accounts that load it. */
	snprintf(sql, sizeof(sql),
		 "BEGIN IMMEDIATE; INSERT OR REPLACE INTO main.%s SELECT * FROM damaged.%s; COMMIT",
		 table, table);
	result = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (result != SQLITE_OK && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return result;
}

/* Read-only, so that the evidence stays as it is; where it has a log, an index of that comes beside
 * it. */
static int attach(sqlite3 *db, const char *path)
{
	char wal[PATH_MAX];
	bool logged;
	char *uri = sqlite3_mprintf("file:"), *longer;
	sqlite3_stmt *statement = NULL;
	int result;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	logged = access(wal, F_OK) == 0;
	for (; uri && *path; path++) {
		longer = sqlite3_mprintf(strchr("%?#", *path) ? "%s%%%02x" : "%s%c", uri,
					 (unsigned char)*path);
		sqlite3_free(uri);
		uri = longer;
	}
	longer = uri ? sqlite3_mprintf("%s?mode=ro%s", uri, logged ? "" : "&immutable=1") : NULL;
	sqlite3_free(uri);
	if (!longer)
		return SQLITE_NOMEM;
	result = sqlite3_prepare_v2(db, "ATTACH ?1 AS damaged", -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_bind_text(statement, 1, longer, -1, SQLITE_STATIC);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	sqlite3_finalize(statement);
	sqlite3_free(longer);
	return result;
}

void journal_salvage(struct journal *journal, const char *path, char *ret_lost, size_t size)
{
	size_t i, used = 0;
	int result;

	ret_lost[0] = '\0';
	result = attach(journal->db, path);
	for (i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		if (result == SQLITE_DONE && copy(journal->db, tables[i]) == SQLITE_OK)
			continue;
		if (used < size)
			used += (size_t)snprintf(ret_lost + used, size - used, ", %s", tables[i]);
	}
	if (result == SQLITE_DONE)
		sqlite3_exec(journal->db, "DETACH damaged", NULL, NULL, NULL);
}
