// SPDX-License-Identifier: Apache-2.0
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

#include "tls_elf.h"
#include "tls_unwind.h"

#define NAMES 4

static const char *const names[NAMES] = {"SSL_read", "SSL_write", "SSL_read_ex", "SSL_free"};

/* This host's libssl, and where four of its functions lie. */
static int open_library(uint64_t offsets[NAMES])
{
	glob_t found;
	int file;

	assert_int_equal(glob("/usr/lib/*/libssl.so.3", 0, NULL, &found), 0);
	file = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
	globfree(&found);
	assert_true(file >= 0);
	assert_int_equal(tls_elf_functions(file, names, NAMES, offsets, NULL), NAMES);
	return file;
}

static void every_byte_of_a_function_leads_to_its_begin(void **state)
{
	uint64_t offsets[NAMES], begin;
	static struct tls_image image;
	int file = open_library(offsets);
	size_t i, byte;

	(void)state;
	assert_int_equal(tls_image_read(file, &image), 0);
	for (i = 0; i < NAMES; i++)
		for (byte = 0; byte < 8; byte++) {
			assert_int_equal(tls_unwind_begin(&image, offsets[i] + byte, &begin), 0);
			assert_int_equal(begin, offsets[i]);
		}
	close(file);
}

static void what_is_no_code_has_no_begin(void **state)
{
	uint64_t offsets[NAMES], begin;
	static struct tls_image image;
	int file = open_library(offsets);

	(void)state;
	assert_int_equal(tls_image_read(file, &image), 0);
	assert_int_equal(tls_unwind_begin(&image, 0, &begin), -ENOENT);
	assert_int_equal(tls_unwind_begin(&image, image.size, &begin), -ENOENT);
	assert_int_equal(tls_unwind_begin(&image, UINT64_MAX, &begin), -ENOENT);
	close(file);
}

static uint64_t table_offset(const struct tls_image *image)
{
	size_t i;

	for (i = 0; i < image->segment_count; i++)
		if (image->segments[i].p_type == PT_GNU_EH_FRAME)
			return image->segments[i].p_offset;
	fail();
	return 0;
}

static int copy_of(int file, uint64_t size)
{
	char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
	int copy = memfd_create("unwind", MFD_CLOEXEC);

	assert_true(bytes != MAP_FAILED && copy >= 0);
	assert_int_equal(pwrite(copy, bytes, size, 0), size);
	munmap(bytes, size);
	return copy;
}

static void a_damaged_table_tells_nothing_that_is_wrong(void **state)
{
	uint64_t offsets[NAMES], begin, table, whole;
	static struct tls_image image, damaged;
	static const uint8_t ones[8] = {255, 255, 255, 255, 255, 255, 255, 255};
	int file = open_library(offsets), copy, err;
	size_t at;

	(void)state;
	assert_int_equal(tls_image_read(file, &image), 0);
	table = table_offset(&image);
	whole = image.size;
	for (at = 0; at < 64; at++) {
		copy = copy_of(file, whole);
		assert_int_equal(pwrite(copy, ones, 4, (off_t)(table + at)), 4);
		assert_int_equal(tls_image_read(copy, &damaged), 0);
		err = tls_unwind_begin(&damaged, offsets[0] + 2, &begin);
		assert_true(err == -ENOENT || err == -EBADMSG || (!err && begin == offsets[0]));
		close(copy);
	}
	copy = copy_of(file, table + 8); /* cut off inside of it */
	assert_int_equal(tls_image_read(copy, &damaged), 0);
	assert_int_equal(tls_unwind_begin(&damaged, offsets[0], &begin), -EBADMSG);
	close(copy);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_of_a_function_leads_to_its_begin),
		cmocka_unit_test(what_is_no_code_has_no_begin),
		cmocka_unit_test(a_damaged_table_tells_nothing_that_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
