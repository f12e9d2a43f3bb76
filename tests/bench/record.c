// SPDX-License-Identifier: Apache-2.0
/*
 * What one event costs the model: nanoseconds for a tokens.used, then for an approval.requested with
 * 10,000 pending, from a parsed event to the committed sums, in groups of 100. The best of ten runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../exporter/accounts.h"

#define GROUP  100
#define GROUPS 100
#define ROUNDS 10

static int ignore(void *context, const void *row)
{
	(void)context;
	(void)row;
	return 0;
}

static int put_tally(void *context, const struct tally_row *row)
{
	return ignore(context, row);
}

static int put_approval(void *context, const struct approval_row *row)
{
	return ignore(context, row);
}

static int put_value(void *context, const char *name, const char *value)
{
	(void)value;
	return ignore(context, name);
}

static int add_cost(void *context, const struct cost_row *row)
{
	return ignore(context, row);
}

static int add_rollup(void *context, const struct rollup_row *row)
{
	return ignore(context, row);
}

static int add_run(void *context, const struct run_row *row)
{
	return ignore(context, row);
}

static int add_audit(void *context, const struct audit_row *row)
{
	return ignore(context, row);
}

static uint64_t nanoseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct event *make(const char *format, int number)
{
	struct timespec now;
	struct event_origin origin = {.way = WAY_STREAM};
	struct event_error error;
	struct event *event;
	char json[256];

	clock_gettime(CLOCK_REALTIME, &now);
	origin.wall_us = (int64_t)now.tv_sec * 1000000;
	clock_gettime(CLOCK_BOOTTIME, &now);
	origin.boot_ns = (uint64_t)now.tv_sec * 1000000000;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(json, sizeof(json), format, number);
#pragma GCC diagnostic pop
	if (event_parse(json, strlen(json), &origin, &event, &error)) {
		fprintf(stderr, "record: %s\n", error.message);
		exit(1);
	}
	return event;
}

/* GROUPS groups of GROUP events; nanoseconds for each event. */
static double run(struct accounts *accounts, const char *format, int first)
{
	static const struct account_store store = {.put_tally = put_tally,
						   .put_approval = put_approval,
						   .put_value = put_value,
						   .add_cost = add_cost,
						   .add_rollup = add_rollup,
						   .add_run = add_run,
						   .add_audit = add_audit};
	static struct event *events[GROUP * GROUPS];
	struct outcome outcome;
	uint64_t begin;
	int i;

	for (i = 0; i < GROUP * GROUPS; i++)
		events[i] = make(format, first + i);
	begin = nanoseconds_now();
	for (i = 0; i < GROUP * GROUPS; i++) {
		accounts_apply(accounts, events[i], &outcome);
		if (outcome.kind != OUTCOME_TAKEN) {
			fprintf(stderr, "record: event %d was not taken\n", i);
			exit(1);
		}
		if ((i + 1) % GROUP == 0) {
			accounts_save(accounts, &store);
			accounts_commit(accounts);
		}
	}
	begin = nanoseconds_now() - begin;
	for (i = 0; i < GROUP * GROUPS; i++)
		event_free(events[i]);
	return (double)begin / (GROUP * GROUPS);
}

static double best_of(struct accounts *accounts, const char *format)
{
	double best = 1e12, now;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		now = run(accounts, format, i * GROUP * GROUPS);
		best = now < best ? now : best;
	}
	return best;
}

int main(void)
{
	static struct reporting_settings settings = {
		.approval_timeout_ns = UINT64_C(1800) * 1000000000,
		.pending_max = ROUNDS * GROUP * GROUPS,
	};
	struct accounts *accounts;
	double tokens;

	if (accounts_create(&settings, &accounts))
		return 1;
	tokens = best_of(accounts,
			 "{\"type\":\"tokens.used\",\"model\":\"claude-sonnet\",\"input\":%d,"
			 "\"output\":3}");
	printf("%.0f %.0f\n", tokens,
	       best_of(accounts, "{\"type\":\"approval.requested\",\"approval_id\":\"a%d\"}"));
	accounts_free(accounts);
	return 0;
}
