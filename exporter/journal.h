// SPDX-License-Identifier: Apache-2.0
/*
 * The journal: an SQLite database (WAL, synchronous=FULL) in a directory of its own, with the
 * events, the sums that the accounts keep, and the audit log. For one thread at a time.
 *
 * Writing is in groups: begin, any number of events and rows, commit. When anything fails the
 * group is rolled back as a whole and journal_problem() says why. Readers open the file on their
 * own, read-only (journal_open_reader).
 */
#ifndef EXPORTER_JOURNAL_H
#define EXPORTER_JOURNAL_H

#include <stdint.h>

#include "account_store.h"
#include "accounts.h"
#include "event.h"

#define JOURNAL_FILE	     "journal.db"
#define JOURNAL_LOCK_FILE    "journal.lock"
#define JOURNAL_PROBLEM_SIZE 160

struct journal;
struct sqlite3;

/*
 * Opens `directory`/journal.db, which is made (0700, 0600) where it is missing, brought up to date
 * where it is old, and set aside where it is damaged. NULL: a database in memory.
 * 0; -EWOULDBLOCK: another instance holds the directory; or -errno after one line of log.
 */
int journal_open(const char *directory, struct journal **ret_journal);
void journal_close(struct journal *journal);

/* Renames the damaged file and starts a new one. 0 or -errno after one line of log. */
int journal_set_aside(struct journal *journal);

/* NULL: in memory. */
const char *journal_path(const struct journal *journal);
/* Why the last call failed; one line. */
const char *journal_problem(const struct journal *journal);

/* Feeds every stored row to the accounts. 0 or -errno; counts rows that made no sense. */
int journal_load(struct journal *journal, struct accounts *accounts, uint64_t *ret_skipped);

int journal_begin(struct journal *journal);
int journal_commit(struct journal *journal);
void journal_rollback(struct journal *journal);

/* 1: an event with this id is stored and remembered; 0: there is none, or no id (NULL); or -errno. */
int journal_knows(struct journal *journal, const char *id);
/* One whose id is not known. */
int journal_put_event(struct journal *journal, const struct event *event);
/* The functions of a store whose rows land in the open group. */
struct account_store journal_store(struct journal *journal);
/* A transaction that changes nothing of worth: does the disk take it? */
int journal_probe(struct journal *journal);

/* Brings the write-ahead log back into the file when it has grown. For idle moments. */
int journal_checkpoint(struct journal *journal);

/* Events that are stored, and bytes on disk. */
uint64_t journal_stored(const struct journal *journal);
uint64_t journal_size(struct journal *journal);

/* A read-only connection for reports; close it with sqlite3_close_v2(). 0 or -errno. */
int journal_open_reader(const char *path, struct sqlite3 **ret_db);

#endif
