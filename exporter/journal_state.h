// SPDX-License-Identifier: Apache-2.0
/* The inside of a journal; for journal*.c, audit_append.c and retention.c. */
#ifndef EXPORTER_JOURNAL_STATE_H
#define EXPORTER_JOURNAL_STATE_H

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit.h"
#include "journal.h"
#include "journal_calendar.h"
#include "journal_sketch.h"
#include "journal_statements.h"

/* Roll-ups of one group: a few series in the minutes that a group spans. More are written early. */
#define JOURNAL_ROLLUPS_MAX 32
#define JOURNAL_SERIES_SIZE 32

struct journal_rollup {
	char series[JOURNAL_SERIES_SIZE];
	int64_t minute_us;
	uint64_t count, sum;
	bool measured; /* has a distribution */
	struct sketch sketch;
};

/* Days of one group: events are at most a day late or early. */
#define JOURNAL_DAYS 4

/* How many rows a table has for a day. */
struct journal_day {
	char day[16]; /* "": none */
	int64_t rows;
};

struct journal {
	sqlite3 *db;
	sqlite3_stmt *statements[JOURNAL_STATEMENTS];
	char *path;  /* NULL: in memory */
	char *aside; /* a damaged file whose sums are to be taken over; NULL: none */
	int lock_fd;
	struct calendar calendar;
	char problem[JOURNAL_PROBLEM_SIZE];
	int64_t first_seq, last_seq; /* of the stored events; 0, 0: none */
	int wal_pages;
	char json[EVENT_JSON_MAX]; /* of the event that is written */
	/* Of the open transaction. */
	unsigned rollup_count;
	struct journal_rollup rollups[JOURNAL_ROLLUPS_MAX];
	struct audit_link head;
	bool head_known, head_moved;
	struct journal_day cost_days[JOURNAL_DAYS], run_days[JOURNAL_DAYS];
	/* Retention's way through the ids; kept in named_values. */
	int64_t forgotten_seq;
	bool forgotten_known;
};

/* Writes the sums that journal_store.c holds back until the commit. */
int journal_flush_rollups(struct journal *journal);

#endif
