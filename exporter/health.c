// SPDX-License-Identifier: Apache-2.0
#include "health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "json_writer.h"

static const char *const names[HEALTH_COMPONENTS] = {
	[HEALTH_OBSERVER] = "observer",	  [HEALTH_PROGRAMS] = "kernel_programs",
	[HEALTH_JOURNAL] = "journal",	  [HEALTH_QUEUE] = "queue",
	[HEALTH_APPROVALS] = "approvals",
};
static const char *const status_names[] = {
	[HEALTH_OFF] = "off",
	[HEALTH_UP] = "up",
	[HEALTH_DEGRADED] = "degraded",
	[HEALTH_DOWN] = "down",
};

/* A status that stays keeps its time; its detail may change. */
__attribute__((format(printf, 4, 5))) static void note(struct health_entry *entry,
						       enum health_status status, int64_t since_us,
						       const char *format, ...)
{
	va_list arguments;

	if (!entry->since_us || entry->status != status)
		entry->since_us = since_us;
	entry->status = status;
	va_start(arguments, format);
	vsnprintf(entry->detail, sizeof(entry->detail), format, arguments);
	va_end(arguments);
}

static void judge_kernel(struct health *health, const struct health_facts *facts, int64_t now_us)
{
	struct health_entry *observer = &health->entries[HEALTH_OBSERVER];
	struct health_entry *programs = &health->entries[HEALTH_PROGRAMS];
	unsigned missing = facts->programs - facts->attached;

	if (facts->handed_over)
		note(observer, HEALTH_UP, now_us, "everything is handed over");
	else
		note(observer, HEALTH_DOWN, now_us, "still attaching, or being replaced");
	if (facts->handed_over && !facts->readable)
		note(programs, HEALTH_DOWN, now_us, "their maps cannot be read; the log says why");
	else if (!facts->attached)
		note(programs, HEALTH_DOWN, now_us, "none is attached");
	else if (missing)
		note(programs, HEALTH_DEGRADED, now_us,
		     "%u of %u are not attached; `operaglass doctor` says what is lost", missing,
		     facts->programs);
	else
		note(programs, HEALTH_UP, now_us, "%u attached", facts->attached);
}

static void judge_events(struct health *health, const struct health_facts *facts, int64_t now_us)
{
	const struct recorder_health *recorder = &facts->journal;
	struct health_entry *journal = &health->entries[HEALTH_JOURNAL];
	struct health_entry *queue = &health->entries[HEALTH_QUEUE];
	struct health_entry *approvals = &health->entries[HEALTH_APPROVALS];

	if (recorder->detail[0])
		note(journal, recorder->works ? HEALTH_UP : HEALTH_DOWN,
		     recorder->since_us > 0 ? recorder->since_us : now_us, "%s", recorder->detail);
	else
		note(journal, recorder->works ? HEALTH_UP : HEALTH_DOWN,
		     recorder->since_us > 0 ? recorder->since_us : now_us,
		     "%" PRIu64 " events, %" PRIu64 " bytes", recorder->stored, recorder->bytes);
	if (recorder->queued >= RECORDER_QUEUE_EVENTS)
		note(queue, HEALTH_DOWN, now_us, "full: events are refused");
	else if (recorder->queued >= RECORDER_QUEUE_EVENTS / 2)
		note(queue, HEALTH_DEGRADED, now_us, "%u of %d places are taken", recorder->queued,
		     RECORDER_QUEUE_EVENTS);
	else
		note(queue, HEALTH_UP, now_us, "%u of %d places are taken", recorder->queued,
		     RECORDER_QUEUE_EVENTS);
	if (facts->overdue_seconds > HEALTH_OVERDUE_SECONDS)
		note(approvals, HEALTH_DOWN, now_us,
		     "an expired approval has stayed undecided for %.0f s", facts->overdue_seconds);
	else
		note(approvals, HEALTH_UP, now_us, "%" PRIu64 " pending", facts->pending);
}

void health_judge(struct health *health, const struct health_facts *facts, int64_t now_us)
{
	int i;

	judge_kernel(health, facts, now_us);
	if (facts->records) {
		judge_events(health, facts, now_us);
		return;
	}
	for (i = HEALTH_JOURNAL; i <= HEALTH_APPROVALS; i++)
		note(&health->entries[i], HEALTH_OFF, now_us, "events are not taken");
}

bool health_works(const struct health *health)
{
	int i;

	for (i = 0; i < HEALTH_COMPONENTS; i++)
		if (health->entries[i].status == HEALTH_DOWN)
			return false;
	return true;
}

int health_render(const struct health *health, int64_t now_us, struct text *out)
{
	struct json_writer writer = {.text = out};
	enum health_status worst = HEALTH_UP;
	int i;

	for (i = 0; i < HEALTH_COMPONENTS; i++)
		if (health->entries[i].status > worst)
			worst = health->entries[i].status;
	write_open(&writer, NULL, '{');
	write_text(&writer, "status", status_names[worst]);
	write_time(&writer, "time", now_us);
	write_open(&writer, "components", '{');
	for (i = 0; i < HEALTH_COMPONENTS; i++) {
		write_open(&writer, names[i], '{');
		write_text(&writer, "status", status_names[health->entries[i].status]);
		write_text(&writer, "detail", health->entries[i].detail);
		write_time(&writer, "since", health->entries[i].since_us);
		write_close(&writer);
	}
	write_close(&writer);
	write_close(&writer);
	return writer.err;
}
