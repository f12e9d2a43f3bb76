// SPDX-License-Identifier: Apache-2.0
/*
 * Plays events into a journal until it is killed, or until it has played enough:
 *
 *	journal_play DIRECTORY PREFIX EVENTS GROUP TICKETS
 *
 * EVENTS (0: without end) in tickets of GROUP, TICKETS of them in flight; ids are PREFIX and a number.
 * Two in a hundred events are a request for an approval and its acceptance, the others sms.received.
 * Standard output: first what the journal held, "held SMS ACCEPTED STORED MILLISECONDS"; then a line
 * with the first and the last number of each ticket that was acknowledged; at the end
 * "played EVENTS SECONDS REFUSED P99_MILLISECONDS".
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../include/reporting.h"
#include "../../exporter/recorder.h"

#define GROUP_MAX     1000
#define TICKETS_MAX   64
#define LATENCIES_MAX 200000

struct flight {
	struct ticket ticket;
	unsigned long first;
	double begin;
	bool busy;
	__typeof__(*((struct ticket *)NULL)->events) events[GROUP_MAX];
};

static struct flight flights[TICKETS_MAX];
static double latencies[LATENCIES_MAX];
static unsigned long latency_count, acknowledged, refused;
static struct recorder *recorder;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "journal_play: %s: %s\n", what, why);
	exit(1);
}

static void say(const char *line, size_t size)
{
	if (write(STDOUT_FILENO, line, size) != (ssize_t)size)
		exit(1);
}

static void done(struct ticket *ticket)
{
	struct flight *flight = ticket->context;
	char line[64];
	unsigned i;
	int size;

	for (i = 0; i < ticket->count; i++)
		if (ticket->events[i].result != RECORD_STORED)
			die("an event was not stored", "see the log");
	if (latency_count < LATENCIES_MAX)
		latencies[latency_count++] = now() - flight->begin;
	size = snprintf(line, sizeof(line), "%lu %lu\n", flight->first,
			flight->first + ticket->count - 1);
	say(line, (size_t)size);
	acknowledged += ticket->count;
	flight->busy = false;
}

static struct event *make(const char *prefix, unsigned long number)
{
	static const struct event_origin unknown = {.way = WAY_STREAM, .uid = 0};
	struct event_origin origin = unknown;
	struct event_error error;
	struct event *event;
	struct timespec time;
	char json[256];
	int size;

	clock_gettime(CLOCK_REALTIME, &time);
	origin.wall_us = (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
	clock_gettime(CLOCK_BOOTTIME, &time);
	origin.boot_ns = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
	if (number % 100 >= 2)
		size = snprintf(
			json, sizeof(json),
			"{\"type\":\"sms.received\",\"id\":\"%s%lu\",\"session_id\":\"s-%lu\"}",
			prefix, number, number / 1000);
	else
		size = snprintf(
			json, sizeof(json),
			"{\"type\":\"approval.%s\",\"id\":\"%s%lu\",\"approval_id\":\"%s%lu\"}",
			number % 100 ? "accepted" : "requested", prefix, number, prefix,
			number / 100);
	if (event_parse(json, (size_t)size, &origin, &event, &error))
		die(json, error.message);
	return event;
}

static int submit(struct flight *flight, const char *prefix, unsigned long first, unsigned count)
{
	struct event *events[GROUP_MAX];
	unsigned i;
	int err;

	for (i = 0; i < count; i++)
		events[i] = make(prefix, first + i);
	flight->ticket = (struct ticket){
		.done = done, .context = flight, .count = count, .events = flight->events};
	flight->first = first;
	flight->begin = now();
	flight->busy = true;
	err = recorder_submit(recorder, events, count, &flight->ticket);
	if (err) {
		flight->busy = false;
		refused += count;
	}
	return err;
}

static uint64_t sum(const struct model *model, enum family family)
{
	const struct series *series;
	struct sample sample;
	uint64_t total = 0;

	for (series = model_first(model, family); series; series = model_next(model, series)) {
		model_sample(model, series, &sample);
		total += sample.integer;
	}
	return total;
}

static void say_held(double milliseconds)
{
	struct recorder_health health;
	struct model *model;
	char line[128];
	int size;

	if (model_create(0, &model))
		die("model", "out of memory");
	recorder_add(recorder, model);
	recorder_health(recorder, &health);
	size = snprintf(line, sizeof(line), "held %llu %llu %llu %.1f\n",
			(unsigned long long)sum(model, FAMILY_SMS),
			(unsigned long long)sum(model, FAMILY_APPROVAL_ACCEPTED),
			(unsigned long long)health.stored, milliseconds);
	say(line, (size_t)size);
	model_free(model);
}

static int ascending(const void *one, const void *other)
{
	const double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static void play(const char *prefix, unsigned long events, unsigned group, unsigned tickets)
{
	struct pollfd wait = {.fd = recorder_fd(recorder), .events = POLLIN};
	double begin = now(), seconds;
	unsigned long next = 0;
	unsigned i;

	while (events == 0 || acknowledged + refused < events) {
		for (i = 0; i < tickets; i++) {
			if (flights[i].busy || (events && next >= events))
				continue;
			submit(&flights[i], prefix, next, group);
			next += group;
		}
		poll(&wait, 1, 1000);
		recorder_run(recorder);
	}
	seconds = now() - begin;
	qsort(latencies, latency_count, sizeof(*latencies), ascending);
	printf("played %lu %.3f %lu %.2f\n", acknowledged, seconds, refused,
	       latency_count ? latencies[latency_count * 99 / 100] * 1e3 : 0);
}

int main(int argc, char **argv)
{
	static struct reporting_settings settings = {
		.id_window_ns = UINT64_C(7) * 86400 * 1000000000,
		.approval_timeout_ns = UINT64_C(1800) * 1000000000,
		.approval_grace_ns = UINT64_C(30) * 1000000000,
		.pending_max = 100000,
		.sender_rate = 1000000,
		.total_rate = 1000000,
	};
	unsigned group, tickets;
	double begin = now();

	if (argc != 6)
		die("usage", "journal_play DIRECTORY PREFIX EVENTS GROUP TICKETS");
	group = (unsigned)atoi(argv[4]);
	tickets = (unsigned)atoi(argv[5]);
	if (group < 1 || group > GROUP_MAX || tickets < 1 || tickets > TICKETS_MAX)
		die("usage", "GROUP is 1 to 1000, TICKETS 1 to 64");
	if (recorder_open(argv[1], &settings, &recorder))
		return 1;
	say_held((now() - begin) * 1e3);
	play(argv[2], strtoul(argv[3], NULL, 10), group, tickets);
	recorder_close(recorder);
	return 0;
}
