// SPDX-License-Identifier: Apache-2.0
/* When a decoded call without a socket is over although no answer came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unjoined.bpf.h"

#define BEGIN 5000000000ULL
#define NOW   (BEGIN + 1000000)

/* The seventh call of an object that waits for the answers to this one and the next. */
struct scene {
	struct call_key key;
	struct call call;
	struct tls_stream stream;
	struct process process;
};

static struct scene waiting(void)
{
	return (struct scene){
		.key = {.owner = 0x1000, .tgid = 42, .sequence = 7},
		.call = {.begin_ns = BEGIN, .tgid = 42},
		.stream = {.state = TLS_STREAM_NAMED, .first_call = 7, .next_call = 9},
		.process = {.start_ns = BEGIN - 1, .tgid = 42},
	};
}

static bool over(const struct scene *scene, __u64 now)
{
	return unjoined_is_over(&scene->key, &scene->call, &scene->stream, &scene->process, true,
				now);
}

static void a_call_whose_object_waits_for_it_is_not_over(void **state)
{
	struct scene scene = waiting();

	(void)state;
	assert_false(over(&scene, NOW));
	assert_false(over(&scene, BEGIN)); /* the sweep's clock was read before the call began */
	assert_false(over(&scene, BEGIN - 1));
	scene.key.sequence = 8;
	assert_false(over(&scene, NOW));
	scene.key.sequence = 9; /* its row is there, its number not yet */
	assert_false(over(&scene, NOW));
	scene.stream.state = TLS_STREAM_DRAINED;
	assert_false(over(&scene, NOW));
}

static void one_that_its_object_left_behind_is_over(void **state)
{
	struct scene scene = waiting();

	(void)state;
	scene.stream.first_call = 8;
	assert_true(over(&scene, NOW));
	scene.key.sequence = UINT32_MAX; /* numbers come round */
	scene.stream.first_call = 0;
	assert_true(over(&scene, NOW));
	scene.key.sequence = 0;
	scene.stream.first_call = UINT32_MAX;
	assert_false(over(&scene, NOW));
}

static void one_whose_object_is_gone_or_not_followed_or_joined_is_over(void **state)
{
	struct scene scene = waiting();

	(void)state;
	assert_true(unjoined_is_over(&scene.key, &scene.call, NULL, &scene.process, true, NOW));
	scene.stream.state = TLS_STREAM_IGNORED;
	assert_true(over(&scene, NOW));
	scene.stream.state = TLS_STREAM_JOINED;
	scene.stream.sock = 0x2000;
	assert_true(over(&scene, NOW));
}

static void one_whose_process_has_ended_is_over(void **state)
{
	struct scene scene = waiting();

	(void)state;
	scene.process.exited = 1;
	assert_true(over(&scene, NOW));
	scene.process.exited = 0;
	scene.process.start_ns = BEGIN + 1; /* another one of the same number */
	assert_true(over(&scene, NOW));
}

static void a_process_without_a_row_has_ended_unless_rows_were_refused(void **state)
{
	struct scene scene = waiting();

	(void)state;
	assert_true(unjoined_is_over(&scene.key, &scene.call, &scene.stream, NULL, true, NOW));
	assert_false(unjoined_is_over(&scene.key, &scene.call, &scene.stream, NULL, false, NOW));
}

static void nothing_waits_longer_than_an_hour(void **state)
{
	struct scene scene = waiting();

	(void)state;
	assert_false(over(&scene, BEGIN + UNJOINED_PATIENCE_NS));
	assert_true(over(&scene, BEGIN + UNJOINED_PATIENCE_NS + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_whose_object_waits_for_it_is_not_over),
		cmocka_unit_test(one_that_its_object_left_behind_is_over),
		cmocka_unit_test(one_whose_object_is_gone_or_not_followed_or_joined_is_over),
		cmocka_unit_test(one_whose_process_has_ended_is_over),
		cmocka_unit_test(a_process_without_a_row_has_ended_unless_rows_were_refused),
		cmocka_unit_test(nothing_waits_longer_than_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
