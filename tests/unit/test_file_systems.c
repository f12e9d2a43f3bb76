// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "file_systems.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

/* Of a host with a container, a dead server, and a program that answers for an image store. */
static const char host[] =
	"20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"21 20 0:20 / /proc rw - proc proc rw\n"
	"22 20 0:30 / /home rw shared:2 master:1 propagate_from:3 - nfs4 server:/home rw\n"
	"23 20 0:31 / /var/lib/my\\040images rw - fuse.store store rw,user_id=0\n"
	"24 20 0:32 / /run/one rw - overlay overlay rw,lowerdir=/var/lib/a:/var/lib/b,upperdir=/up,"
	"workdir=/w\n"
	"25 20 0:33 / /run/two rw - overlay overlay rw,lowerdir=/var/lib/a:/var/lib/my\\040images/b\n"
	"26 20 0:34 / /run/three rw - overlay overlay rw,lowerdir=/home\\134:1,upperdir=/up\n"
	"27 20 0:35 / /run/four rw - overlay overlay rw,lowerdir+=/var/lib/a,upperdir=/home/joe/up\n"
	"28 20 0:36 / /run/five rw - overlay overlay rw,lowerdir=l/A:l/B,upperdir=/up\n"
	"29 20 0:37 / /homes rw - tmpfs tmpfs rw\n";

static struct mount mount_of(const char *text, unsigned int major, unsigned int minor)
{
	struct mount mount;

	while (mountinfo_next(&text, &mount))
		if (mount.device == makedev(major, minor))
			return mount;
	fail_msg("no mount of %u:%u", major, minor);
	return mount;
}

static bool answers(const char *text, unsigned int minor, enum mounts_of whose)
{
	const struct mount mount = mount_of(text, 0, minor);

	return file_systems_answer(&mount, text, whose);
}

static void test_types(void **state)
{
	const struct mount root = mount_of(host, 8, 1);

	(void)state;
	assert_true(file_systems_answer(&root, host, MOUNTS_OF_ANYBODY));
	assert_true(answers(host, 37, MOUNTS_OF_ANYBODY));
	assert_false(answers(host, 30, MOUNTS_OF_HOST));
	assert_false(answers(host, 31, MOUNTS_OF_HOST));
}

static void test_overlays(void **state)
{
	(void)state;
	assert_true(answers(host, 32, MOUNTS_OF_HOST));
	assert_true(answers(host, 32, MOUNTS_OF_ROOT));
	assert_false(answers(host, 32, MOUNTS_OF_ANYBODY));
	assert_false(answers(host, 33, MOUNTS_OF_HOST));
	assert_false(answers(host, 34, MOUNTS_OF_HOST));
	assert_false(answers(host, 35, MOUNTS_OF_HOST));
	assert_true(answers(host, 36, MOUNTS_OF_HOST));
}

static void test_root(void **state)
{
	static const char text[] =
		"1 0 0:2 / / rw - rootfs rootfs rw\n"
		"20 1 0:30 / / rw - nfs server:/root rw\n"
		"21 20 0:31 / /run/one rw - overlay overlay rw,lowerdir=/var/lib/a\n"
		"22 20 0:32 / /home rw - nfs server:/home rw\n";

	(void)state;
	assert_true(answers(text, 30, MOUNTS_OF_HOST));
	assert_true(answers(text, 31, MOUNTS_OF_HOST));
	assert_false(answers(text, 32, MOUNTS_OF_HOST));
	assert_false(answers(text, 30, MOUNTS_OF_ROOT));
	assert_false(answers(text, 31, MOUNTS_OF_ROOT));
}

static void test_ways(void **state)
{
	static const struct {
		const char *path;
		bool leads;
	} ways[] = {
		{"/usr/lib/libssl.so.3", true},
		{"/home", false},
		{"/home/joe/libssl.so.3", false},
		{"/homes/joe/libssl.so.3", true},
		{"/hom", true},
		{"/var/lib/my images/a", false},
		{"/var/lib/my\\040images/a", true},
		{"/run/one/libssl.so.3", true},
		{"/run/two/libssl.so.3", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (file_systems_lead_to(ways[i].path, host, MOUNTS_OF_HOST) != ways[i].leads)
			fail_msg("the way to '%s'", ways[i].path);
}

/* Each in memory of its own size: a byte behind its end is seen. */
static void take(const char *text, size_t length)
{
	char *copy = malloc(length + 1);
	const char *at = copy;
	struct mount mount;

	assert_non_null(copy);
	memcpy(copy, text, length);
	copy[length] = '\0';
	file_systems_lead_to("/home/joe", copy, MOUNTS_OF_HOST);
	while (mountinfo_next(&at, &mount))
		file_systems_answer(&mount, copy, MOUNTS_OF_HOST);
	free(copy);
}

static void test_cut(void **state)
{
	size_t length;

	(void)state;
	for (length = 0; length < sizeof(host); length++)
		take(host, length);
}

static void test_malformed(void **state)
{
	static const char *const lines[] = {
		"",
		"\n\n \n",
		" - ext4 x rw",
		"1 2 8:1 / / rw -",
		"1 2 8:1 / / rw - ext4",
		"1 2 8:1 / / rw - ext4 x",
		"1 2 8:1 / / rw ext4 x rw",
		"1 2 8 / / rw - ext4 x rw",
		"1 2 8:1 /  rw - ext4 x rw",
		"1 2 8:1 / / rw a b c d e f g h i j k l m n o p q r s t u v w x y z A B - ext4 x rw",
	};
	static const char *const odd[] = {
		"1 2 0:9 / /\\ rw - overlay o lowerdir=\\04",
		"1 2 0:9 / /\\1 rw - overlay o lowerdir=:::,upperdir=,=,lowerdir+=",
		"1 2 99999999999999999999:-1 x y rw - overlay o lowerdir=/",
	};
	struct mount mount;
	const char *at;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		at = lines[i];
		if (mountinfo_next(&at, &mount))
			fail_msg("'%s' is taken for a mount", lines[i]);
		take(lines[i], strlen(lines[i]));
	}
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		take(odd[i], strlen(odd[i]));
}

/* Who mounts chooses names: they look like other mounts, and are none. */
static void test_names(void **state)
{
	static const char text[] =
		"20 1 0:30 / /a rw - fuse.ext4 ext4 rw\n"
		"21 1 0:31 / /b rw - fuse.x\\040-\\040ext4\\040x\\040rw x rw\n"
		"22 1 0:32 /-\\012/c /c\\0401:2 rw - nfs a\\040-\\040ext4\\040b rw\n";

	(void)state;
	assert_false(answers(text, 30, MOUNTS_OF_HOST));
	assert_false(answers(text, 31, MOUNTS_OF_HOST));
	assert_false(answers(text, 32, MOUNTS_OF_HOST));
	assert_false(file_systems_lead_to("/c 1:2/x", text, MOUNTS_OF_HOST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("disks and memory answer, servers and programs may not", test_types),
		TEST("an overlay answers when all its layers do, and root has made it",
		     test_overlays),
		TEST("what the host itself lies on is taken as it is", test_root),
		TEST("a way answers when all mounts on it do", test_ways),
		TEST("a text may end anywhere", test_cut),
		TEST("lines that are none are left out", test_malformed),
		TEST("names are not taken for anything else", test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
