// SPDX-License-Identifier: Apache-2.0
/*
 * The tables of the journal and their versions (PRAGMA user_version). Journals of older programs
 * are brought up to date when they are opened; those of newer ones are refused.
 */
#ifndef EXPORTER_JOURNAL_SCHEMA_H
#define EXPORTER_JOURNAL_SCHEMA_H

#include <stdint.h>

struct sqlite3;

#define JOURNAL_VERSION 1

/*
 * Makes the tables of an empty database, or brings those of an older version up to date, in one
 * transaction. 0; -EPROTONOSUPPORT: a newer version; or the errno of the SQLite error. The version
 * that was found is written always, -1 for an empty database.
 */
int journal_schema_apply(struct sqlite3 *db, int *ret_found);

/* The errno that says the same as a result code of SQLite. 0, row and done are 0. */
int journal_errno(int result);

#endif
