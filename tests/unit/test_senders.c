// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "senders.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void test_judged(void **state)
{
	static const struct {
		uint32_t uid;
		gid_t groups[3];
		bool may;
	} cases[] = {
		{1000, {7, 8, 9}, true},      {1001, {7, 8, 9}, true},	 {1002, {20, 8, 9}, true},
		{1002, {7, 8, 21}, true},     {1002, {7, 8, 22}, false}, {0, {0, 0, 0}, false},
		{20, {1000, 1001, 9}, false},
	};
	static const struct reporting_settings settings = {
		.uid_count = 2,
		.uids = {1000, 1001},
		.gid_count = 2,
		.gids = {20, 21, 22},
	};
	static const struct reporting_settings nobody = {.uids = {1000}, .gids = {7}};
	struct sender sender = {.group_count = 3};
	size_t i, group;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		sender.uid = cases[i].uid;
		for (group = 0; group < 3; group++)
			sender.groups[group] = cases[i].groups[group];
		assert_int_equal(sender_may_report(&settings, &sender), cases[i].may);
		assert_false(sender_may_report(&nobody, &sender));
	}
}

static void test_stream(void **state)
{
	gid_t groups[SENDER_GROUPS_MAX];
	int pair[2], count = getgroups(SENDER_GROUPS_MAX - 1, groups), i;
	struct sender sender;

	(void)state;
	assert_in_range(count, 0, SENDER_GROUPS_MAX - 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(sender_of_stream(pair[0], &sender), 0);
	assert_int_equal(sender.uid, getuid());
	assert_int_equal(sender.pid, getpid());
	assert_int_equal(sender.group_count, 1 + count);
	assert_int_equal(sender.groups[0], getgid());
	for (i = 0; i < count; i++)
		assert_int_equal(sender.groups[1 + i], groups[i]);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(sender_of_stream(-1, &sender), -EBADF);
}

/* In a child: only root may choose its groups, and the tests' own must stay. */
static int count_groups(size_t wanted)
{
	gid_t groups[2 * SENDER_GROUPS_MAX];
	struct sender sender;
	int pair[2];
	size_t i;

	for (i = 0; i < wanted; i++)
		groups[i] = (gid_t)(5000 + i);
	if (setgroups(wanted, groups) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
	    sender_of_stream(pair[0], &sender))
		return 0;
	return (int)sender.group_count;
}

static void test_many_groups(void **state)
{
	static const struct {
		size_t groups;
		int seen;
	} cases[] = {
		{0, 1},
		{3, 4},
		{SENDER_GROUPS_MAX - 1, SENDER_GROUPS_MAX},
		{SENDER_GROUPS_MAX, 1},
	};
	int status = 0;
	pid_t child;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		child = fork();
		if (child == 0)
			_exit(count_groups(cases[i].groups));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), cases[i].seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a user or any of its groups must be listed, root as well", test_judged),
		TEST("a stream tells user, process and all groups", test_stream),
		TEST("too many groups leave the primary one", test_many_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
