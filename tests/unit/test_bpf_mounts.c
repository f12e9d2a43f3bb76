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

#include "bpf_mounts.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static const char hybrid[] =
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
	"32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:4 - cgroup cgroup rw,cpu\n"
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:7 master:1 - cgroup2 cgroup2 rw\n"
	"43 23 0:39 / /sys/fs/bpf rw,relatime - bpf bpf rw\n";

static void assert_found(const char *mountinfo, const char *type, const char *expected)
{
	char path[128];

	assert_int_equal(bpf_mounts_find(mountinfo, type, path, sizeof(path)), 0);
	assert_string_equal(path, expected);
}

static void test_hybrid(void **state)
{
	(void)state;
	assert_found(hybrid, "cgroup2", "/sys/fs/cgroup/unified");
	assert_found(hybrid, "cgroup", "/sys/fs/cgroup/cpu");
	assert_found(hybrid, "bpf", "/sys/fs/bpf");
}

static void test_root_goes_first(void **state)
{
	(void)state;
	assert_found("1 2 0:3 /part /a rw - cgroup2 none rw\n"
		     "1 2 0:3 / /b rw - cgroup2 none rw\n"
		     "1 2 0:3 / /c rw - cgroup2 none rw\n",
		     "cgroup2", "/b");
	assert_found("1 2 0:3 /part /a rw - cgroup2 none rw\n", "cgroup2", "/a");
}

static void test_escapes(void **state)
{
	(void)state;
	assert_found("1 2 0:3 / /my\\040cg\\134x rw - cgroup2 none rw\n", "cgroup2", "/my cg\\x");
}

static void test_none(void **state)
{
	char path[64];

	(void)state;
	assert_int_equal(bpf_mounts_find("", "cgroup2", path, sizeof(path)), -ENOENT);
	assert_int_equal(bpf_mounts_find("\n\n - cgroup2\n", "cgroup2", path, sizeof(path)),
			 -ENOENT);
	assert_int_equal(bpf_mounts_find("1 2 0:3 / /cgroup2 rw - tmpfs cgroup2 rw", "cgroup2",
					 path, sizeof(path)),
			 -ENOENT);
}

static void test_small_buffer(void **state)
{
	char path[8];

	(void)state;
	assert_int_equal(bpf_mounts_find(hybrid, "bpf", path, sizeof(path)), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a hybrid host's hierarchies are told apart", test_hybrid),
		TEST("the mount of the root goes before the mount of a part", test_root_goes_first),
		TEST("escaped characters are undone", test_escapes),
		TEST("what is not there is not found", test_none),
		TEST("a mount point that does not fit is refused", test_small_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
