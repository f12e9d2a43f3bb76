// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_link.h"
#include "call.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, begin, end, NULL \
	}

#define S  UINT64_C(1000000000)
#define MS UINT64_C(1000000)

#define ROOT	 100
#define CHILD	 101 /* of ROOT */
#define OTHER	 200 /* another agent */
#define STRANGER 300 /* of no agent */
#define TELEGRAM 1
#define HTTPS	 2

static struct agent_link *joint;
static struct facts_listener listener;
static struct moment now;
static const struct fact_call *unread; /* in the ring */
static struct event *said[8];
static unsigned said_count;

static int find_process(void *context, uint32_t tgid, struct process *ret_process)
{
	static const struct process rows[] = {
		{.tgid = ROOT, .root = ROOT, .root_start_ns = 5 * S, .type = 3},
		{.tgid = CHILD, .root = ROOT, .root_start_ns = 5 * S, .type = 3},
		{.tgid = OTHER, .root = OTHER, .root_start_ns = 6 * S, .type = 9},
		{.tgid = STRANGER},
	};
	size_t i;

	(void)context;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].tgid == tgid) {
			*ret_process = rows[i];
			return 0;
		}
	return -ENOENT;
}

static int find_type(void *context, uint32_t id, struct agent_type *ret_type)
{
	(void)context;
	if (id != 3)
		return -ENOENT;
	*ret_type = (struct agent_type){"claude"};
	return 0;
}

static bool is_telegram(void *context, uint16_t upstream)
{
	(void)context;
	return upstream == TELEGRAM;
}

static void tell_time(void *context, struct moment *ret_now)
{
	(void)context;
	*ret_now = now;
}

static void submit(void *context, struct event *event)
{
	(void)context;
	assert_true(said_count < 8);
	said[said_count++] = event;
}

static void catch_up(void *context)
{
	const struct fact_call *fact = unread;

	(void)context;
	unread = NULL;
	if (fact)
		listener.call(listener.context, fact);
}

static int begin(void **state)
{
	static const struct agent_link_source source = {
		NULL, find_process, find_type, is_telegram, tell_time, submit, catch_up};

	(void)state;
	now = (struct moment){.wall_us = INT64_C(1700000000000000), .boot_ns = 1000 * S};
	said_count = 0;
	unread = NULL;
	if (agent_link_create(&source, &joint))
		return -1;
	listener = agent_link_listener(joint);
	return 0;
}

static int end(void **state)
{
	(void)state;
	while (said_count)
		event_free(said[--said_count]);
	agent_link_free(joint);
	return 0;
}

/* An event as it comes in, with `pid` in it (0: none), from `sender`; attached. */
static struct event *report(const char *type, const char *id, uint32_t pid, uint32_t sender)
{
	const struct event_origin origin = {
		.way = WAY_DATAGRAM, .pid = sender, .wall_us = now.wall_us, .boot_ns = now.boot_ns};
	struct event_error error;
	struct event *event;
	char json[256], pid_text[32] = "";

	if (pid)
		snprintf(pid_text, sizeof(pid_text), ",\"pid\":%u", pid);
	snprintf(json, sizeof(json), "{\"type\":\"%s\",\"approval_id\":\"%s\"%s}", type, id,
		 pid_text);
	assert_int_equal(event_parse(json, strlen(json), &origin, &event, &error), 0);
	agent_link_attach(joint, event);
	return event;
}

static void report_and_forget(const char *type, const char *id, uint32_t pid)
{
	event_free(report(type, id, pid, pid));
}

static void assert_root(const char *type, uint32_t pid, uint32_t sender, uint32_t root,
			uint64_t start_ns, const char *agent_type)
{
	struct event *event = report(type, "a", pid, sender);
	const char *got_type = "";
	uint64_t got_start = 0;

	assert_int_equal(event_root(event, &got_start, &got_type), root);
	assert_int_equal(got_start, start_ns);
	assert_string_equal(got_type, agent_type);
	event_free(event);
}

static struct fact_call message(uint32_t tgid, uint32_t root, uint64_t begin_ns)
{
	return (struct fact_call){
		.head = {.kind = FACT_CALL, .size = sizeof(struct fact_call), .time_ns = begin_ns},
		.begin_ns = begin_ns,
		.duration_ns = 250 * MS,
		.tgid = tgid,
		.upstream = TELEGRAM,
		.status = 200,
		.endpoint = "sendMessage",
		.root = root,
		.root_start_ns = root == ROOT	 ? 5 * S
				 : root == OTHER ? 6 * S
						 : 0,
	};
}

static void call(const struct fact_call *fact)
{
	listener.call(listener.context, fact);
}

static void assert_said(unsigned index, const char *id, double seconds, double status,
			const char *outcome)
{
	assert_true(index < said_count);
	assert_int_equal(event_type(said[index]), EVENT_APPROVAL_DELIVERED);
	assert_string_equal(event_text(said[index], FIELD_APPROVAL_ID), id);
	assert_true(event_number(said[index], FIELD_DURATION_SECONDS, -1) == seconds);
	assert_true(event_number(said[index], FIELD_STATUS, 9999) == status);
	assert_string_equal(event_text(said[index], FIELD_OUTCOME), outcome);
	assert_int_equal(event_origin(said[index])->way, WAY_INTERNAL);
}

static void test_roots(void **state)
{
	(void)state;
	assert_root("approval.requested", ROOT, ROOT, ROOT, 5 * S, "claude");
	assert_root("approval.requested", CHILD, STRANGER, ROOT, 5 * S, "claude");
	assert_root("approval.accepted", OTHER, OTHER, OTHER, 6 * S, "unknown");
	/* Without a pid it is the sender's; with one that is dead, too. */
	assert_root("approval.requested", 0, CHILD, ROOT, 5 * S, "claude");
	assert_root("approval.requested", 4000000, CHILD, ROOT, 5 * S, "claude");
	/* Nobody's. */
	assert_root("approval.requested", STRANGER, STRANGER, 0, 0, "");
	assert_root("approval.requested", 4000000, 0, 0, 0, "");
	assert_root("approval.requested", 0, 0, 0, 0, "");
}

static void test_linked(void **state)
{
	struct fact_call fact = message(CHILD, ROOT, 1000 * S + 1);

	(void)state;
	report_and_forget("approval.requested", "ap-1", ROOT);
	assert_int_equal(agent_link_awaiting(joint), 1);
	call(&fact);
	assert_int_equal(said_count, 1);
	assert_said(0, "ap-1", 0.25, 200, "delivered");
	assert_int_equal(agent_link_awaiting(joint), 0);
	/* One question, one message. */
	call(&fact);
	assert_int_equal(said_count, 1);
	assert_int_equal(agent_link_counts(joint).linked, 1);
}

static void test_not_its_message(void **state)
{
	struct fact_call fact;

	(void)state;
	report_and_forget("approval.requested", "ap-1", ROOT);
	fact = message(OTHER, OTHER, 1001 * S);
	call(&fact);
	fact = message(CHILD, ROOT, 1001 * S);
	fact.root_start_ns++; /* the same number, another process */
	call(&fact);
	fact = message(CHILD, ROOT, 1001 * S);
	strcpy(fact.endpoint, "sendMessageDraft");
	call(&fact);
	strcpy(fact.endpoint, "unknown");
	call(&fact);
	fact = message(CHILD, ROOT, 1001 * S);
	fact.upstream = HTTPS;
	call(&fact);
	fact = message(CHILD, ROOT, 1000 * S - AGENT_LINK_SLACK_NS - 1);
	call(&fact);
	assert_int_equal(said_count, 0);
	fact = message(CHILD, ROOT, 1000 * S - AGENT_LINK_SLACK_NS);
	call(&fact);
	assert_said(0, "ap-1", 0.25, 200, "delivered");
}

static void test_older_kernel_half(void **state)
{
	struct fact_call fact = message(CHILD, OTHER, 1001 * S);

	(void)state;
	report_and_forget("approval.requested", "ap-1", ROOT);
	fact.head.size = 104;
	call(&fact);
	assert_said(0, "ap-1", 0.25, 200, "delivered");
	/* A caller that is gone is nobody's. */
	report_and_forget("approval.requested", "ap-2", ROOT);
	fact.tgid = 4000000;
	call(&fact);
	assert_int_equal(said_count, 1);
}

static void test_failures(void **state)
{
	struct fact_call fact = message(CHILD, ROOT, 1001 * S);

	(void)state;
	report_and_forget("approval.requested", "ap-1", ROOT);
	report_and_forget("approval.requested", "ap-2", ROOT);
	fact.status = 429;
	fact.failure = FAILURE_RATE_LIMITED;
	call(&fact);
	assert_said(0, "ap-1", 0.25, 429, "rate_limited");
	fact.status = 0;
	fact.failure = FAILURE_TIMEOUT;
	call(&fact);
	assert_said(1, "ap-2", 0.25, -1 - FAILURE_TIMEOUT, "timeout");
}

static void test_order(void **state)
{
	struct fact_call fact = message(CHILD, ROOT, 1002 * S);

	(void)state;
	report_and_forget("approval.requested", "ap-1", ROOT);
	report_and_forget("approval.requested", "ap-2", ROOT);
	report_and_forget("approval.requested", "ap-3", ROOT);
	/* Decided without a message: the next message is the next one's. */
	report_and_forget("approval.accepted", "ap-1", STRANGER);
	assert_int_equal(agent_link_awaiting(joint), 2);
	call(&fact);
	call(&fact);
	assert_said(0, "ap-2", 0.25, 200, "delivered");
	assert_said(1, "ap-3", 0.25, 200, "delivered");
}

static void test_decided_at_once(void **state)
{
	struct fact_call fact = message(CHILD, ROOT, 1001 * S);

	(void)state;
	report_and_forget("approval.requested", "ap-1", ROOT);
	unread = &fact;
	report_and_forget("approval.requested", "ap-2", ROOT);
	assert_int_equal(said_count, 0);
	report_and_forget("approval.accepted", "ap-1", STRANGER);
	assert_int_equal(said_count, 1);
	assert_said(0, "ap-1", 0.25, 200, "delivered");
	assert_int_equal(agent_link_awaiting(joint), 1);
}

static void test_bounds(void **state)
{
	struct fact_call fact = message(CHILD, ROOT, 1000 * S);
	char id[16];
	unsigned i;

	(void)state;
	for (i = 0; i <= AGENT_LINK_AWAITING; i++) {
		snprintf(id, sizeof(id), "ap-%u", i);
		report_and_forget("approval.requested", id, ROOT);
	}
	assert_int_equal(agent_link_awaiting(joint), AGENT_LINK_AWAITING);
	assert_int_equal(agent_link_counts(joint).dropped, 1);
	call(&fact);
	assert_said(0, "ap-1", 0.25, 200, "delivered");
	now.boot_ns += AGENT_LINK_PATIENCE_NS;
	agent_link_tick(joint);
	assert_int_equal(agent_link_counts(joint).expired, 0);
	now.boot_ns++;
	agent_link_tick(joint);
	assert_int_equal(agent_link_counts(joint).expired, AGENT_LINK_AWAITING - 1);
	assert_int_equal(agent_link_awaiting(joint), 0);
}

static void test_agents(void **state)
{
	const struct fact_agent_start start = {
		.head = {.kind = FACT_AGENT_START, .size = sizeof(start), .time_ns = 998 * S},
		.start_ns = 997 * S,
		.tgid = 77,
	};
	const struct fact_agent_end ended = {
		.head = {.kind = FACT_AGENT_END, .size = sizeof(ended), .time_ns = 999 * S},
		.start_ns = 997 * S,
		.run_ns = 2 * S,
		.cpu_ns = 500 * MS,
		.tgid = 77,
		.status = 9,
		.reason = END_SIGNAL_PARENT,
	};
	const char *type;
	uint64_t start_ns;

	(void)state;
	listener.agent_started(listener.context, &start, "claude");
	listener.agent_ended(listener.context, &ended, "claude");
	assert_int_equal(said_count, 2);
	assert_int_equal(event_type(said[0]), EVENT_AGENT_STARTED);
	assert_int_equal(event_wall_us(said[0]), INT64_C(1699999998000000));
	assert_string_equal(event_text(said[0], FIELD_AGENT_TYPE), "claude");
	assert_int_equal(event_root(said[0], &start_ns, &type), 77);
	assert_int_equal(start_ns, 997 * S);
	assert_int_equal(event_type(said[1]), EVENT_AGENT_ENDED);
	assert_int_equal(event_wall_us(said[1]), INT64_C(1699999999000000));
	assert_int_equal(event_root(said[1], &start_ns, &type), 77);
	assert_string_equal(event_text(said[1], FIELD_REASON), "signal_parent");
	assert_string_equal(event_text(said[1], FIELD_OUTCOME), "SIGKILL");
	assert_true(event_number(said[1], FIELD_DURATION_SECONDS, -1) == 2);
	assert_true(event_number(said[1], FIELD_CPU_SECONDS, -1) == 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("an event's process, or its sender, leads to its agent's root", test_roots),
		TEST("the next message of the agent's tree carried the question", test_linked),
		TEST("another agent's, earlier, other and unreadable calls carried nothing",
		     test_not_its_message),
		TEST("without a root in the record the caller is looked up",
		     test_older_kernel_half),
		TEST("a question that did not arrive is told so", test_failures),
		TEST("messages are linked in the order of the requests, decided ones left out",
		     test_order),
		TEST("a message that waits to be read is linked before its approval is decided",
		     test_decided_at_once),
		TEST("what is too much or waits too long is dropped and counted", test_bounds),
		TEST("an agent's start and end are events at the kernel's time", test_agents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
