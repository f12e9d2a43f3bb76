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

#include <bpf/libbpf.h>

#include "bpf_catalogue.h"
#include "bpf_load.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static struct bpf_object *open_object(size_t object, size_t variant)
{
	const void *bytes;
	size_t size;

	bytes = bpf_objects[object].bytes[variant](&size);
	return bpf_object__open_mem(bytes, size, NULL);
}

static void test_every_program_has_a_row(void **state)
{
	struct bpf_program *program;
	struct bpf_object *object;
	size_t i, variant;
	int row;

	(void)state;
	for (i = 0; i < bpf_object_count; i++) {
		for (variant = 0; variant < BPF_VARIANTS; variant++) {
			object = open_object(i, variant);
			assert_non_null(object);
			bpf_object__for_each_program(program, object)
			{
				row = bpf_catalogue_find(bpf_program__name(program));
				if (row < 0)
					print_message("# no row: %s\n", bpf_program__name(program));
				assert_true(row >= 0);
				assert_string_equal(bpf_programs[row].object, bpf_objects[i].name);
			}
			bpf_object__close(object);
		}
	}
}

static void test_every_row_has_a_program(void **state)
{
	struct bpf_object *object;
	size_t i, k;

	(void)state;
	for (i = 0; i < bpf_object_count; i++) {
		object = open_object(i, 0);
		assert_non_null(object);
		for (k = 0; k < bpf_program_count; k++)
			if (!strcmp(bpf_programs[k].object, bpf_objects[i].name))
				assert_non_null(bpf_object__find_program_by_name(
					object, bpf_programs[k].name));
		bpf_object__close(object);
	}
}

static void test_names_are_unique(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < bpf_program_count; i++)
		assert_int_equal(bpf_catalogue_find(bpf_programs[i].name), i);
	assert_int_equal(bpf_catalogue_find("no_such_program"), -ENOENT);
}

static void test_room(void **state)
{
	size_t i;

	(void)state;
	assert_true(bpf_object_count <= BPF_OBJECTS_MAX);
	assert_true(bpf_program_count <= BPF_PROGRAMS_MAX);
	for (i = 0; i < bpf_program_count; i++)
		assert_true(bpf_programs[i].lost[0] != '\0');
}

static void test_hash(void **state)
{
	static struct config config;
	unsigned long long before;

	(void)state;
	config_defaults(&config);
	before = bpf_load_hash(&config);
	assert_true(bpf_load_hash(&config) == before);
	config.idle_after_ns++;
	assert_true(bpf_load_hash(&config) == before);
	config.limits.tools++;
	assert_true(bpf_load_hash(&config) != before);
	config.limits.tools--;
	config.histograms.call.bound[0]++;
	assert_true(bpf_load_hash(&config) != before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("every program has a row in the catalogue", test_every_program_has_a_row),
		TEST("every row of the catalogue has a program", test_every_row_has_a_program),
		TEST("no two programs have one name", test_names_are_unique),
		TEST("the tables have room, and every row says what it is for", test_room),
		TEST("limits and histograms change the identity, the rest does not", test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
