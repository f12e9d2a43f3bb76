// SPDX-License-Identifier: Apache-2.0
/* Rows into the open group. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "journal_state.h"

/*
 * Rows of one day, as senders choose the names: of further combinations the epic and the story are
 * "other", and beyond twice as many everything is.
 */
#define COSTS_PER_DAY 10000
#define RUNS_PER_DAY  10000 /* of model and agent type */
#define OTHER	      "other"

static const char *given(const char *text)
{
	return text ? text : "";
}

int journal_knows(struct journal *journal, const char *id)
{
	sqlite3_stmt *row;
	int known;

	if (!id)
		return 0;
	known = journal_row(journal, KNOWN_ID, &row, "t", id);
	journal_end(row);
	return known;
}

int journal_put_event(struct journal *journal, const struct event *event)
{
	const struct event_origin *origin = event_origin(event);
	ssize_t length = event_write_json(event, journal->json, sizeof(journal->json));
	int err;

	if (length < 0)
		return (int)length;
	err = journal_run(
		journal, PUT_EVENT, "tiitiiittt", event_text(event, FIELD_ID), event_wall_us(event),
		origin->wall_us, event_types[event_type(event)].name, (int64_t)origin->way,
		(int64_t)origin->uid, (int64_t)origin->pid, event_text(event, FIELD_SESSION_ID),
		event_text(event, FIELD_APPROVAL_ID), journal->json);
	if (err)
		return err;
	journal->last_seq = sqlite3_last_insert_rowid(journal->db);
	if (!journal->first_seq)
		journal->first_seq = journal->last_seq;
	return 0;
}

static int put_tally(void *context, const struct tally_row *row)
{
	return journal_run(context, PUT_TALLY, "ttb", row->family, row->labels, row->value,
			   row->value_size);
}

static int put_approval(void *context, const struct approval_row *row)
{
	return journal_run(context, PUT_APPROVAL, "tttttttiiiiiiiiiiii", row->approval_id,
			   given(row->session_id), given(row->tool), given(row->priority),
			   given(row->reason), given(row->actor), given(row->agent_type),
			   row->requested_us, row->due_us, row->decided_us,
			   (int64_t)row->requested_boot_ns, (int64_t)row->boot_epoch,
			   (int64_t)row->root_start_ns, (int64_t)row->message_ns, (int64_t)row->pid,
			   (int64_t)row->root, (int64_t)row->message_status, (int64_t)row->state,
			   (int64_t)row->automatic);
}

static int put_value(void *context, const char *name, const char *value)
{
	return journal_run(context, PUT_VALUE, "tt", name, value);
}

/* How many rows the day has: counted once in a group. */
static int find_day(struct journal *journal, enum journal_statement count,
		    struct journal_day days[JOURNAL_DAYS], const char *day, int64_t **ret_rows)
{
	sqlite3_stmt *row;
	unsigned i = 0;
	int err = 0;

	while (i < JOURNAL_DAYS - 1 && days[i].day[0] && strcmp(days[i].day, day) != 0)
		i++;
	if (strcmp(days[i].day, day) != 0) {
		err = journal_row(journal, count, &row, "t", day);
		days[i].rows = err > 0 ? sqlite3_column_int64(row, 0) : 0;
		journal_end(row);
		snprintf(days[i].day, sizeof(days[i].day), "%s", err < 0 ? "" : day);
	}
	*ret_rows = &days[i].rows;
	return err < 0 ? err : 0;
}

static int has_cost(struct journal *journal, const char *day, const struct cost_row *row)
{
	sqlite3_stmt *found;
	int known = journal_row(journal, HAS_COST, &found, "ttttt", day, row->model,
				row->agent_type, row->epic, row->story);

	journal_end(found);
	return known;
}

/* Gives the row the names under which the day has a place for it. */
static int place_cost(struct journal *journal, const char *day, struct cost_row *row)
{
	static const int64_t limits[] = {COSTS_PER_DAY, 2 * COSTS_PER_DAY, INT64_MAX};
	int64_t *rows;
	int known = 0, err = find_day(journal, COUNT_COSTS, journal->cost_days, day, &rows);
	unsigned i;

	for (i = 0; !err; i++) {
		if (i > 0 && (*row->epic || *row->story))
			row->epic = row->story = OTHER;
		if (i > 1)
			row->model = row->agent_type = OTHER;
		known = has_cost(journal, day, row);
		if (known || *rows < limits[i])
			break;
	}
	if (!err && !known)
		++*rows;
	return known < 0 ? known : err;
}

static int add_cost(void *context, const struct cost_row *row)
{
	struct journal *journal = context;
	const char *day = calendar_day(&journal->calendar, row->time_us);
	struct cost_row named = *row;
	int err;

	named.model = given(row->model);
	named.agent_type = given(row->agent_type);
	named.epic = given(row->epic);
	named.story = given(row->story);
	err = place_cost(journal, day, &named);
	return err ? err
		   : journal_run(journal, ADD_COST, "tttttiiiiii", day, named.model,
				 named.agent_type, named.epic, named.story, (int64_t)row->input,
				 (int64_t)row->output, (int64_t)row->cache_read,
				 (int64_t)row->cache_write, (int64_t)row->microdollars,
				 (int64_t)(row->priced ? 0 : 1));
}

/* Adds one held-back sum to one of its windows. */
static int write_rollup(struct journal *journal, const struct journal_rollup *rollup,
			enum calendar_window window)
{
	int64_t length = calendar_seconds[window];
	int64_t start = calendar_start(&journal->calendar, window, rollup->minute_us);
	struct sketch sketch = rollup->sketch;
	uint8_t bytes[SKETCH_BYTES_MAX];
	int64_t count = (int64_t)rollup->count, sum = (int64_t)rollup->sum;
	size_t size = 0;
	sqlite3_stmt *row;
	int err = journal_row(journal, GET_ROLLUP, &row, "iit", length, start, rollup->series);

	if (err > 0) {
		count += sqlite3_column_int64(row, 0);
		sum += sqlite3_column_int64(row, 1);
		/* One that cannot be read is begun anew: its count and sum stay right. */
		sketch_merge(&sketch, sqlite3_column_blob(row, 2),
			     (size_t)sqlite3_column_bytes(row, 2));
		size = (size_t)sqlite3_column_bytes(row, 2);
	}
	journal_end(row);
	if (err < 0)
		return err;
	if (size || rollup->measured)
		size = sketch_encode(&sketch, bytes);
	return journal_run(journal, PUT_ROLLUP, "iitiib", length, start, rollup->series, count, sum,
			   bytes, size);
}

int journal_flush_rollups(struct journal *journal)
{
	int window, err = 0;
	unsigned i;

	for (i = 0; i < journal->rollup_count && !err; i++)
		for (window = 0; window < CALENDAR_WINDOWS && !err; window++)
			err = write_rollup(journal, &journal->rollups[i], window);
	journal->rollup_count = 0;
	return err;
}

/* The sum of this series and minute, a new one where there is none. */
static struct journal_rollup *find_rollup(struct journal *journal, const char *series,
					  int64_t minute_us)
{
	struct journal_rollup *rollup;
	unsigned i;

	for (i = 0; i < journal->rollup_count; i++)
		if (journal->rollups[i].minute_us == minute_us &&
		    !strcmp(journal->rollups[i].series, series))
			return &journal->rollups[i];
	if (journal->rollup_count == JOURNAL_ROLLUPS_MAX)
		return NULL;
	rollup = &journal->rollups[journal->rollup_count++];
	memset(rollup, 0, sizeof(*rollup));
	snprintf(rollup->series, sizeof(rollup->series), "%s", series);
	rollup->minute_us = minute_us;
	return rollup;
}

static int add_rollup(void *context, const struct rollup_row *row)
{
	struct journal *journal = context;
	int64_t minute =
		calendar_start(&journal->calendar, WINDOW_MINUTE, row->time_us) * INT64_C(1000000);
	struct journal_rollup *rollup;
	int err;

	if (strlen(row->series) >= JOURNAL_SERIES_SIZE)
		return -EINVAL;
	rollup = find_rollup(journal, row->series, minute);
	if (!rollup) {
		err = journal_flush_rollups(journal);
		if (err)
			return err;
		rollup = find_rollup(journal, row->series, minute);
	}
	rollup->count += row->count;
	rollup->sum += row->value_ns;
	if (row->value_ns) {
		sketch_add(&rollup->sketch, row->value_ns, row->count);
		rollup->measured = true;
	}
	return 0;
}

/* 1: there is one, and its distribution is in the sketch. */
static int read_run(struct journal *journal, const char *day, const char *agent_type,
		    const char *model, struct sketch *sketch)
{
	sqlite3_stmt *stored;
	int found = journal_row(journal, GET_RUN_BUCKETS, &stored, "ttt", day, agent_type, model);

	if (found > 0)
		sketch_merge(sketch, sqlite3_column_blob(stored, 0),
			     (size_t)sqlite3_column_bytes(stored, 0));
	journal_end(stored);
	return found;
}

static int add_run(void *context, const struct run_row *row)
{
	struct journal *journal = context;
	const char *day = calendar_day(&journal->calendar, row->time_us);
	const char *agent_type = given(row->agent_type), *model = given(row->model);
	struct sketch sketch = {{0}};
	uint8_t bytes[SKETCH_BYTES_MAX];
	int64_t *rows;
	int found, err = find_day(journal, COUNT_RUNS, journal->run_days, day, &rows);

	if (err)
		return err;
	found = read_run(journal, day, agent_type, model, &sketch);
	if (!found && *rows >= RUNS_PER_DAY) {
		agent_type = OTHER;
		model = *model ? OTHER : "";
		found = read_run(journal, day, agent_type, model, &sketch);
	}
	if (found < 0)
		return found;
	*rows += !found;
	if (row->duration_ns && row->runs == 1)
		sketch_add(&sketch, row->duration_ns, 1);
	return journal_run(journal, ADD_RUN, "tttiiiiiiiiiib", day, agent_type, model,
			   (int64_t)row->runs, (int64_t)row->successes, (int64_t)row->exits,
			   (int64_t)row->failed_exits, (int64_t)row->duration_ns,
			   (int64_t)row->tokens, (int64_t)row->cpu_ns, (int64_t)row->blocked_ns,
			   (int64_t)row->tool_runs, (int64_t)row->tool_failures, bytes,
			   sketch_encode(&sketch, bytes));
}

static int add_audit(void *context, const struct audit_row *row)
{
	return audit_append(context, row);
}

struct account_store journal_store(struct journal *journal)
{
	return (struct account_store){
		.context = journal,
		.put_tally = put_tally,
		.put_approval = put_approval,
		.put_value = put_value,
		.add_cost = add_cost,
		.add_rollup = add_rollup,
		.add_run = add_run,
		.add_audit = add_audit,
	};
}
