// SPDX-License-Identifier: Apache-2.0
/* A directory for a journal, events, and a recorder that is waited for. */
#ifndef TESTS_JOURNAL_SCENE_H
#define TESTS_JOURNAL_SCENE_H

#include <dirent.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../include/reporting.h"
#include "../../exporter/journal.h"
#include "../../exporter/recorder.h"
#include "scratch.h"

#define SCENE_DAY_NS (UINT64_C(86400) * 1000000000)

static char scene_directory[SCRATCH_SIZE];

static inline struct reporting_settings *scene_settings(void)
{
	static struct reporting_settings settings;

	memset(&settings, 0, sizeof(settings));
	settings.id_window_ns = 7 * SCENE_DAY_NS;
	settings.approval_timeout_ns = UINT64_C(1800) * 1000000000;
	settings.approval_grace_ns = UINT64_C(30) * 1000000000;
	settings.pending_max = 1000;
	return &settings;
}

static inline int scene_begin(void **state)
{
	(void)state;
	return scratch_make(scene_directory);
}

static inline int scene_end(void **state)
{
	(void)state;
	return scratch_remove(scene_directory);
}

static inline const char *scene_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", scene_directory, name);
	return path;
}

static inline int64_t scene_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* An event that arrived at wall_us; NULL when the JSON is refused. */
static inline struct event *scene_event_at(int64_t wall_us, const char *json)
{
	const struct event_origin origin = {WAY_STREAM, 0, 0, wall_us, UINT64_C(1000000000)};
	struct event *event = NULL;
	struct event_error error;

	if (event_parse(json, strlen(json), &origin, &event, &error))
		fprintf(stderr, "# %s: %s\n", json, error.message);
	return event;
}

/* {"type":TYPE,"id":ID} or without an id. */
static inline struct event *scene_event(const char *type, const char *id)
{
	char json[256];

	snprintf(json, sizeof(json), id ? "{\"type\":\"%s\",\"id\":\"%s\"}" : "{\"type\":\"%s\"}",
		 type, id);
	return scene_event_at(scene_now_us(), json);
}

#define SCENE_EVENTS 16

struct scene_ticket {
	struct ticket ticket;
	int done;
	__typeof__(*((struct ticket *)NULL)->events) events[SCENE_EVENTS];
};

static inline void scene_done(struct ticket *ticket)
{
	((struct scene_ticket *)ticket->context)->done = 1;
}

/* Submits and waits for the answer; the result of recorder_submit(), or -ETIME. */
static inline int scene_record(struct recorder *recorder, struct event **events, unsigned count,
			       struct scene_ticket *ret_ticket)
{
	struct pollfd wait = {.fd = recorder_fd(recorder), .events = POLLIN};
	int err;

	memset(ret_ticket, 0, sizeof(*ret_ticket));
	ret_ticket->ticket = (struct ticket){.done = scene_done,
					     .context = ret_ticket,
					     .count = count,
					     .events = ret_ticket->events};
	err = recorder_submit(recorder, events, count, &ret_ticket->ticket);
	while (!err && !ret_ticket->done) {
		if (poll(&wait, 1, 20000) != 1)
			abort();
		recorder_run(recorder);
	}
	return err;
}

/* What one event came to: enum record_result, or the error of recorder_submit(). */
static inline int scene_record_one(struct recorder *recorder, struct event *event)
{
	struct scene_ticket ticket;
	int err = scene_record(recorder, &event, 1, &ticket);

	return err ? err : (int)ticket.events[0].result;
}

/* The sum of a family's integers, as a scrape would show it. */
static inline uint64_t scene_sum(struct recorder *recorder, enum family family)
{
	const struct series *series;
	struct model *model;
	struct sample sample;
	uint64_t sum = 0;

	if (model_create(0, &model))
		abort();
	recorder_add(recorder, model);
	for (series = model_first(model, family); series; series = model_next(model, series)) {
		model_sample(model, series, &sample);
		sum += sample.integer;
	}
	model_free(model);
	return sum;
}

/* The first number of the first row; -1 when the query fails. */
static inline int64_t scene_query(const char *sql)
{
	sqlite3_stmt *row = NULL;
	sqlite3 *db = NULL;
	int64_t number = -1;

	if (!journal_open_reader(scene_path(JOURNAL_FILE), &db) &&
	    sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK &&
	    sqlite3_step(row) == SQLITE_ROW)
		number = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	sqlite3_close_v2(db);
	return number;
}

/* Changes the file behind everybody's back; 0 or an SQLite code. */
static inline int scene_tamper(const char *sql)
{
	sqlite3 *db = NULL;
	int result = sqlite3_open(scene_path(JOURNAL_FILE), &db);

	if (result == SQLITE_OK)
		result = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	return result;
}

/* Files in the directory whose name begins so. */
static inline unsigned scene_files(const char *beginning)
{
	DIR *directory = opendir(scene_directory);
	struct dirent *entry;
	unsigned count = 0;

	while (directory && (entry = readdir(directory)))
		count += !strncmp(entry->d_name, beginning, strlen(beginning));
	if (directory)
		closedir(directory);
	return count;
}

#endif
