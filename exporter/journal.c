// SPDX-License-Identifier: Apache-2.0
#include "journal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_files.h"
#include "journal_salvage.h"
#include "journal_schema.h"
#include "journal_state.h"
#include "log.h"

#define STRING(x)  STRING_(x)
#define STRING_(x) #x

#define PAGE_BYTES 4096
/* What SQLite may keep: pages of this connection (KiB), and everything of the process (bytes). */
#define CACHE_KIB  4096
#define HEAP_BYTES (16 * 1024 * 1024)
/* A file up to this size is read through when it is opened; of larger ones, the sums. */
#define CHECKED_BYTES (16 * 1024 * 1024)
/* Pages of the write-ahead log from which it is brought back, and at which it is cut. */
#define WAL_PAGES     1000
#define WAL_CUT_PAGES 8000
#define WAL_BYTES     8388608
/* More than most groups of events need: a disk with room for one page is still full. */
#define PROBE_BYTES 65536

/* auto_vacuum only takes effect before there are tables. */
static const char settings[] = "PRAGMA page_size = " STRING(
	PAGE_BYTES) ";"
		    "PRAGMA auto_vacuum = INCREMENTAL;"
		    "PRAGMA journal_mode = WAL;"
		    "PRAGMA synchronous = FULL;"
		    "PRAGMA wal_autocheckpoint = 0;"
		    "PRAGMA journal_size_limit = " STRING(
			    WAL_BYTES) ";"
				       "PRAGMA cache_size = -" STRING(
					       CACHE_KIB) ";"
							  "PRAGMA temp_store = MEMORY;"
							  "PRAGMA busy_timeout = 2000;";

/* What the state is rebuilt from. */
static const char *const state_tables[] = {"tallies", "approvals", "named_values", "audit_ends"};

static int count_wal(void *context, sqlite3 *db, const char *name, int pages)
{
	struct journal *journal = context;

	(void)db;
	(void)name;
	journal->wal_pages = pages;
	return SQLITE_OK;
}

/* quick_check answers with one row "ok", or with what is wrong. */
static int check(struct journal *journal, const char *table)
{
	sqlite3_stmt *row = NULL;
	char sql[96];
	int result, err;

	if (table)
		snprintf(sql, sizeof(sql), "PRAGMA quick_check('%s')", table);
	else
		snprintf(sql, sizeof(sql), "PRAGMA quick_check(1)");
	result = sqlite3_prepare_v2(journal->db, sql, -1, &row, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(row);
	err = result == SQLITE_ROW ? 0 : journal_failed(journal, result);
	if (!err && strcmp((const char *)sqlite3_column_text(row, 0), "ok") != 0) {
		snprintf(journal->problem, sizeof(journal->problem), "%s",
			 (const char *)sqlite3_column_text(row, 0));
		err = -EUCLEAN;
	}
	sqlite3_finalize(row);
	return err;
}

static int check_all(struct journal *journal)
{
	struct stat file;
	size_t i;
	int err = 0;

	if (!journal->path)
		return 0;
	if (!stat(journal->path, &file) && file.st_size <= CHECKED_BYTES)
		return check(journal, NULL);
	for (i = 0; i < sizeof(state_tables) / sizeof(*state_tables) && !err; i++)
		err = check(journal, state_tables[i]);
	return err;
}

static int read_ends(struct journal *journal)
{
	sqlite3_stmt *row;
	int err = journal_row(journal, EVENT_ENDS, &row, "");

	if (err > 0) {
		journal->first_seq = sqlite3_column_int64(row, 0);
		journal->last_seq = sqlite3_column_int64(row, 1);
	}
	journal_end(row);
	return err < 0 ? err : 0;
}

static void close_database(struct journal *journal)
{
	journal_unprepare(journal);
	sqlite3_close_v2(journal->db);
	journal->db = NULL;
}

static int open_database(struct journal *journal)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			  SQLITE_OPEN_URI; /* of what is attached */
	int result, found, err = 0;

	if (journal->path)
		err = journal_files_create(journal->path);
	if (err) {
		snprintf(journal->problem, sizeof(journal->problem), "%s", strerror(-err));
		return err;
	}
	result = sqlite3_open_v2(journal->path ? journal->path : ":memory:", &journal->db, flags,
				 NULL);
	if (result == SQLITE_OK)
		result = sqlite3_extended_result_codes(journal->db, 1);
	if (result == SQLITE_OK)
		result = sqlite3_exec(journal->db, settings, NULL, NULL, NULL);
	if (result != SQLITE_OK)
		return journal_failed(journal, result);
	sqlite3_wal_hook(journal->db, count_wal, journal);
	err = check_all(journal);
	if (err)
		return err;
	err = journal_schema_apply(journal->db, &found);
	if (err == -EPROTONOSUPPORT)
		snprintf(journal->problem, sizeof(journal->problem),
			 "it is of version %d, this program knows %d: use the newer program", found,
			 JOURNAL_VERSION);
	else if (err)
		journal_failed(journal, sqlite3_extended_errcode(journal->db));
	else if (found >= 0 && found < JOURNAL_VERSION)
		log_info(0, "journal '%s' is now of version %d, it was %d", journal->path,
			 JOURNAL_VERSION, found);
	if (!err)
		err = journal_prepare(journal);
	return err ? err : read_ends(journal);
}

static int reopen(struct journal *journal)
{
	int err = open_database(journal);

	if (err)
		close_database(journal);
	return err;
}

/* What can be read of the file that was set aside goes over to the new one. */
static void take_over(struct journal *journal, char *ret_lost, size_t size)
{
	ret_lost[0] = '\0';
	if (journal->path && journal->aside)
		journal_salvage(journal, journal->aside, ret_lost, size);
	free(journal->aside);
	journal->aside = NULL;
}

/* After a damaged file could be set aside, but no new one begun. */
static int begin_anew(struct journal *journal)
{
	char lost[128];
	int err = reopen(journal);

	if (err)
		return err;
	take_over(journal, lost, sizeof(lost));
	return log_error(0, "journal '%s' is begun anew, without its events, audit log%s",
			 journal->path ? journal->path : "in memory", lost);
}

int journal_set_aside(struct journal *journal)
{
	char name[PATH_MAX] = "", why[JOURNAL_PROBLEM_SIZE], lost[128];
	int err = 0;

	snprintf(why, sizeof(why), "%s", journal->problem);
	close_database(journal);
	journal->first_seq = journal->last_seq = 0;
	journal->rollup_count = 0;
	journal->head_known = journal->head_moved = journal->forgotten_known = false;
	if (journal->path)
		err = journal_files_set_aside(journal->path, name, sizeof(name));
	if (err)
		return log_error(err, "journal '%s' is damaged (%s) and cannot be set aside: %s",
				 journal->path, why, strerror(-err));
	/* One that was begun since then, and never held anything, is not what is missing. */
	if (!journal->aside)
		journal->aside = strdup(name);
	err = reopen(journal);
	if (err)
		return log_error(
			err,
			"journal '%s' is damaged (%s) and was set aside as '%s', but a new "
			"one cannot be begun: %s",
			journal->path, why, name, journal->problem);
	if (!journal->path)
		return log_error(0, "the journal in memory is damaged (%s): a new one is begun",
				 why);
	take_over(journal, lost, sizeof(lost));
	return log_error(
		0,
		"journal '%s' is damaged (%s): it was set aside as '%s', a new one is begun "
		"without its events, audit log%s",
		journal->path, why, name, lost);
}

static int open_at(struct journal *journal, const char *directory)
{
	char path[PATH_MAX];
	int err;

	if (directory) {
		err = journal_files_lock(directory, &journal->lock_fd);
		if (err)
			return err;
		snprintf(path, sizeof(path), "%s/%s", directory, JOURNAL_FILE);
		journal->path = strdup(path);
		if (!journal->path)
			return log_error(-ENOMEM, "cannot open the journal: %s", strerror(ENOMEM));
	}
	err = open_database(journal);
	if (err == -EUCLEAN)
		return journal_set_aside(journal);
	return err ? log_error(err, "cannot open the journal '%s': %s", path, journal->problem) : 0;
}

int journal_open(const char *directory, struct journal **ret_journal)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	int err;

	if (!journal)
		return log_error(-ENOMEM, "cannot open the journal: %s", strerror(ENOMEM));
	journal->lock_fd = -1;
	sqlite3_soft_heap_limit64(HEAP_BYTES);
	err = open_at(journal, directory);
	if (err)
		journal_close(journal);
	else
		*ret_journal = journal;
	return err;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	close_database(journal);
	if (journal->lock_fd >= 0)
		close(journal->lock_fd);
	free(journal->aside);
	free(journal->path);
	free(journal);
}

const char *journal_path(const struct journal *journal)
{
	return journal->path;
}

const char *journal_problem(const struct journal *journal)
{
	return journal->problem;
}

int journal_begin(struct journal *journal)
{
	journal->rollup_count = 0;
	journal->head_known = journal->head_moved = false;
	memset(journal->cost_days, 0, sizeof(journal->cost_days));
	memset(journal->run_days, 0, sizeof(journal->run_days));
	return journal_run(journal, BEGIN_GROUP, "");
}

int journal_commit(struct journal *journal)
{
	int err = journal_flush_rollups(journal);

	if (!err)
		err = audit_flush(journal);
	return err ? err : journal_run(journal, COMMIT_GROUP, "");
}

void journal_rollback(struct journal *journal)
{
	char problem[JOURNAL_PROBLEM_SIZE];

	/* Many errors have rolled back already; what counts is the first one's text. */
	memcpy(problem, journal->problem, sizeof(problem));
	if (journal->db && !sqlite3_get_autocommit(journal->db))
		journal_run(journal, ROLLBACK_GROUP, "");
	if (journal->db)
		read_ends(journal);
	memcpy(journal->problem, problem, sizeof(problem));
}

static int put_probe(struct journal *journal, const char *text)
{
	int err = journal_begin(journal);

	if (!err)
		err = journal_run(journal, PUT_VALUE, "tt", "journal.probe", text);
	if (!err)
		err = journal_commit(journal);
	if (err)
		journal_rollback(journal);
	return err;
}

int journal_probe(struct journal *journal)
{
	char text[PROBE_BYTES];
	/* Closed: a damaged file was in the way, and perhaps no new one could be begun. */
	int err = journal->db ? 0 : begin_anew(journal);

	if (err)
		return err;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err = put_probe(journal, text);
	if (!err)
		err = put_probe(journal, "");
	return err ? err : journal_checkpoint(journal);
}

int journal_checkpoint(struct journal *journal)
{
	int mode, result;

	if (journal->wal_pages < WAL_PAGES)
		return 0;
	/* A reader in its way leaves the rest for the next time. */
	mode = journal->wal_pages < WAL_CUT_PAGES ? SQLITE_CHECKPOINT_PASSIVE
						  : SQLITE_CHECKPOINT_TRUNCATE;
	result = sqlite3_wal_checkpoint_v2(journal->db, NULL, mode, NULL, NULL);
	if (result == SQLITE_OK && mode == SQLITE_CHECKPOINT_TRUNCATE)
		journal->wal_pages = 0;
	return result == SQLITE_OK || (result & 0xff) == SQLITE_BUSY
		       ? 0
		       : journal_failed(journal, result);
}

uint64_t journal_stored(const struct journal *journal)
{
	return journal->last_seq ? (uint64_t)(journal->last_seq - journal->first_seq + 1) : 0;
}

uint64_t journal_size(struct journal *journal)
{
	sqlite3_stmt *row;
	uint64_t pages = 0;

	if (journal_row(journal, PAGES, &row, "") > 0)
		pages = (uint64_t)sqlite3_column_int64(row, 0);
	journal_end(row);
	return (pages + (uint64_t)journal->wal_pages) * PAGE_BYTES;
}

int journal_open_reader(const char *path, struct sqlite3 **ret_db)
{
	sqlite3 *db = NULL;
	int result = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_exec(db,
				      "PRAGMA query_only = ON; PRAGMA busy_timeout = 2000;"
				      "PRAGMA temp_store = MEMORY",
				      NULL, NULL, NULL);
	if (result != SQLITE_OK) {
		sqlite3_close_v2(db);
		return journal_errno(result);
	}
	*ret_db = db;
	return 0;
}
