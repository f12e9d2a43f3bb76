// SPDX-License-Identifier: Apache-2.0
/* Where a read of OpenSSL shows all of itself: in the distribution's library; in a small file (openssl-read, with its
 * code as a compiler makes it), as each thing that is asked of it is taken away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe_sites.h"
#include "tls.h"
#include "tls_inside.h"

#define CHEAP ((1U << PROBE_CLASSES) - 1)

#if defined(__x86_64__)

/* Of openssl-read. */
enum {
	FILE_SIZE = 2000,
	FIRST = 0x249, /* behind a call at 0x241 */
	AGAIN = 0x2a1, /* behind one at 0x295 */
};

static uint8_t bytes[FILE_SIZE];

static int find(const uint8_t *image, unsigned classes, struct tls_inside *inside)
{
	int file = memfd_create("inside", MFD_CLOEXEC), err;

	assert_true(file >= 0);
	assert_int_equal(write(file, image, FILE_SIZE), FILE_SIZE);
	err = tls_inside_find(file, classes, inside);
	close(file);
	return err;
}

static int read_bytes(void **state)
{
	int file = open("tests/fuzz/corpus/elf/openssl-read", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(read(file, bytes, sizeof(bytes)), sizeof(bytes));
	close(file);
	return 0;
}

static void both_calls_and_the_registers_are_found(void **state)
{
	struct tls_inside inside;

	(void)state;
	assert_int_equal(find(bytes, CHEAP, &inside), 0);
	assert_int_equal(inside.first, FIRST);
	assert_int_equal(inside.again, AGAIN);
	assert_int_equal(inside.keeps,
			 TLS_COOKIE_KEEPS(TLS_ARGUMENT_OBJECT, TLS_KEEPER_RBX) |
				 TLS_COOKIE_KEEPS(TLS_ARGUMENT_BUFFER, TLS_KEEPER_RBP) |
				 TLS_COOKIE_KEEPS(TLS_ARGUMENT_LENGTH, TLS_KEEPER_R12) |
				 TLS_COOKIE_KEEPS(TLS_ARGUMENT_COUNT, TLS_KEEPER_R14) |
				 TLS_COOKIE_KEEPS(TLS_ARGUMENT_PEEK, TLS_KEEPER_R13));
}

static void nothing_is_found_where_no_branch_is_cheap(void **state)
{
	struct tls_inside inside;

	(void)state;
	assert_int_equal(find(bytes, CHEAP & ~(unsigned)PROBE_CLASS_BRANCH, &inside), -ENOENT);
}

static void nothing_is_found_when_anything_is_otherwise(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t was, is;
	} changes[] = {
		{"the table is not returned", 0x1e5, 0x8d, 0x8b},
		{"it is returned elsewhere", 0x1e6, 0x05, 0x0d},
		{"it is not all that is returned", 0x1eb, 0xc3, 0x90},
		{"the way there does not say that nobody peeks", 0x2c3, 0x31, 0x39},
		{"the way there loses an argument", 0x2c1, 0x89, 0x8b},
		{"another object is read", 0x206, 0xfb, 0xf3},
		{"no application data is read", 0x230, 0x17, 0x16},
		{"it is read to somewhere else", 0x22e, 0xe9, 0xe1},
		{"the count goes elsewhere", 0x240, 0x56, 0x55},
		{"another entry is called", 0x243, 0x68, 0x70},
		{"another entry is called the second time", 0x297, 0x68, 0x70},
		{"an argument is lost behind the call", 0x245, 0x5e, 0x5d},
		{"the result is lost behind the call", 0x245, 0x5e, 0x58},
		{"there is another way to what is behind the call", 0x2b9, 0x67, 0x8c},
		{"no second call is reached", 0x24a, 0x17, 0x00},
		{"the result is lost behind the second call", 0x299, 0xf6, 0xc0},
	};
	struct tls_inside inside;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint8_t *byte = &bytes[changes[i].at];

		print_message("# %s\n", changes[i].what);
		assert_int_equal(*byte, changes[i].was);
		*byte = changes[i].is;
		assert_int_equal(find(bytes, CHEAP, &inside), -ENOENT);
		*byte = changes[i].was;
	}
}

static void the_distributions_library_is_read_inside(void **state)
{
	struct tls_inside inside;
	glob_t found;
	int file;

	(void)state;
	assert_int_equal(glob("/usr/lib/*/libssl.so.3", 0, NULL, &found), 0);
	file = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
	globfree(&found);
	assert_true(file >= 0);
	assert_int_equal(tls_inside_find(file, CHEAP, &inside), 0);
	assert_true(inside.first < inside.again);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_calls_and_the_registers_are_found, read_bytes),
		cmocka_unit_test_setup(nothing_is_found_where_no_branch_is_cheap, read_bytes),
		cmocka_unit_test_setup(nothing_is_found_when_anything_is_otherwise, read_bytes),
		cmocka_unit_test(the_distributions_library_is_read_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void other_machines_have_none(void **state)
{
	struct tls_inside inside;

	(void)state;
	assert_int_equal(tls_inside_find(-1, CHEAP, &inside), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(other_machines_have_none)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
