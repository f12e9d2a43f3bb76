// SPDX-License-Identifier: Apache-2.0
/* What is known of files and of processes without a system call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "process.h"
#include "tls_files.h"
#include "tls_trees.h"

static enum tls_file_kind kind(struct tls_files *files, ino_t inode, uint64_t generation)
{
	const struct tls_file *file = tls_files_find(files, 8, inode, generation);

	return file ? file->kind : TLS_FILE_UNKNOWN;
}

static void a_file_is_its_device_inode_and_generation(void **state)
{
	struct tls_files *files = calloc(1, sizeof(*files));

	(void)state;
	assert_null(tls_files_find(files, 8, 42, 7));
	tls_files_set(files, 8, 42, 7, TLS_FILE_EMPTY);
	assert_int_equal(kind(files, 42, 7), TLS_FILE_EMPTY);
	assert_int_equal(kind(files, 42, 0), TLS_FILE_EMPTY);
	assert_null(tls_files_find(files, 9, 42, 7));
	tls_files_set(files, 8, 42, 7, TLS_FILE_SETTLED);
	assert_int_equal(kind(files, 42, 7), TLS_FILE_SETTLED);
	assert_int_equal(kind(files, 42, 8), TLS_FILE_UNKNOWN);
	assert_int_equal(kind(files, 42, 7), TLS_FILE_UNKNOWN);
	free(files);
}

static void a_scan_forgets_what_nobody_maps_and_decides_the_rest_again(void **state)
{
	struct tls_files *files = calloc(1, sizeof(*files));

	(void)state;
	tls_files_set(files, 8, 1, 0, TLS_FILE_EMPTY);
	tls_files_set(files, 8, 2, 0, TLS_FILE_EMPTY);
	tls_files_set(files, 8, 3, 0, TLS_FILE_OTHERS);
	tls_files_set(files, 8, 4, 0, TLS_FILE_SETTLED);
	tls_files_begin_scan(files);
	tls_files_find(files, 8, 1, 0)->seen = true;
	tls_files_set(files, 8, 5, 0, TLS_FILE_SETTLED);
	tls_files_end_scan(files);
	assert_int_equal(kind(files, 1, 0), TLS_FILE_EMPTY);
	assert_int_equal(kind(files, 2, 0), TLS_FILE_UNKNOWN);
	assert_int_equal(kind(files, 3, 0), TLS_FILE_UNKNOWN);
	assert_int_equal(kind(files, 4, 0), TLS_FILE_UNKNOWN);
	assert_int_equal(kind(files, 5, 0), TLS_FILE_SETTLED);
	tls_files_set(files, 8, 1, 0, TLS_FILE_UNKNOWN);
	assert_int_equal(kind(files, 1, 0), TLS_FILE_UNKNOWN);
	tls_files_set(files, 8, 1, 0, TLS_FILE_EMPTY);
	tls_files_unsettle(files);
	assert_int_equal(kind(files, 1, 0), TLS_FILE_EMPTY);
	assert_int_equal(kind(files, 5, 0), TLS_FILE_UNKNOWN);
	free(files);
}

static void what_is_left_out_stays_counted_until_nobody_maps_it(void **state)
{
	struct tls_files *files = calloc(1, sizeof(*files));

	(void)state;
	tls_files_set(files, 8, 1, 0, TLS_FILE_LEFT_OUT);
	tls_files_unsettle(files);
	tls_files_unsettle(files);
	assert_int_equal(kind(files, 1, 0), TLS_FILE_COUNTED);
	tls_files_set(files, 8, 1, 0, TLS_FILE_LEFT_OUT);
	tls_files_begin_scan(files);
	assert_int_equal(kind(files, 1, 0), TLS_FILE_COUNTED);
	tls_files_set(files, 8, 1, 0, TLS_FILE_LEFT_OUT);
	tls_files_end_scan(files);
	assert_int_equal(kind(files, 1, 0), TLS_FILE_LEFT_OUT);
	tls_files_begin_scan(files);
	tls_files_end_scan(files);
	assert_int_equal(kind(files, 1, 0), TLS_FILE_UNKNOWN);
	free(files);
}

static void more_files_than_there_is_room_for_push_others_out(void **state)
{
	struct tls_files *files = calloc(1, sizeof(*files));
	const ino_t room = TLS_FILES_WAYS << TLS_FILES_BITS;
	ino_t inode, known = 0;

	(void)state;
	for (inode = 1; inode <= 4 * room; inode++) {
		tls_files_set(files, 8, inode, 0, TLS_FILE_EMPTY);
		assert_int_equal(kind(files, inode, 0), TLS_FILE_EMPTY);
	}
	for (inode = 1; inode <= 4 * room; inode++)
		known += kind(files, inode, 0) == TLS_FILE_EMPTY;
	assert_int_equal(known, room);
	free(files);
}

static struct agent_tgids *share(struct tls_trees *trees, uint32_t born)
{
	int file = memfd_create("trees", MFD_CLOEXEC);
	struct agent_tgids *kernels;

	assert_int_equal(ftruncate(file, sizeof(*kernels)), 0);
	kernels = mmap(NULL, sizeof(*kernels), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	assert_ptr_not_equal(kernels, MAP_FAILED);
	kernels->born = born;
	kernels->born_tgids[3] = 3; /* of an earlier run */
	tls_trees_open(trees, file);
	close(file);
	return kernels;
}

static void tell(struct agent_tgids *kernels, uint32_t tgid)
{
	kernels->born_tgids[tgid % TREE_BORN] = tgid;
	kernels->born++;
}

struct taken {
	size_t count;
	pid_t last;
};

static void take(void *context, pid_t tgid)
{
	struct taken *taken = context;

	taken->count++;
	taken->last = tgid;
}

static void every_agent_that_starts_is_taken_once(void **state)
{
	const uint32_t borns[] = {0, 41, UINT32_MAX};
	struct agent_tgids *kernels;
	struct tls_trees trees;
	struct taken taken;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		taken = (struct taken){};
		kernels = share(&trees, borns[i]);
		assert_true(tls_trees_take_born(&trees, take, &taken));
		assert_int_equal(taken.count, 0);
		tell(kernels, 1000);
		tell(kernels, 1001);
		assert_true(tls_trees_take_born(&trees, take, &taken));
		assert_int_equal(taken.count, 2);
		tell(kernels, 1000);
		assert_true(tls_trees_take_born(&trees, take, &taken));
		assert_true(tls_trees_take_born(&trees, take, &taken));
		assert_int_equal(taken.count, 3);
		assert_int_equal(taken.last, 1000);
		tls_trees_close(&trees);
		munmap(kernels, sizeof(*kernels));
	}
}

static void agents_whose_tgids_collide_are_said_to_be_lost_once(void **state)
{
	struct tls_trees trees;
	struct agent_tgids *kernels = share(&trees, 7);
	struct taken taken = {};

	(void)state;
	tell(kernels, 5);
	tell(kernels, 5 + TREE_BORN);
	assert_false(tls_trees_take_born(&trees, take, &taken));
	assert_int_equal(taken.count, 1);
	assert_true(tls_trees_take_born(&trees, take, &taken));
	tls_trees_close(&trees);
	munmap(kernels, sizeof(*kernels));
}

static void one_that_is_taken_before_it_is_counted_hides_no_other(void **state)
{
	struct tls_trees trees;
	struct agent_tgids *kernels = share(&trees, 7);
	struct taken taken = {};

	(void)state;
	tell(kernels, 5);
	kernels->born_tgids[4] = 4;
	assert_true(tls_trees_take_born(&trees, take, &taken));
	assert_int_equal(taken.last, 4);
	kernels->born++;
	assert_true(tls_trees_take_born(&trees, take, &taken));
	assert_int_equal(taken.last, 5);
	tell(kernels, 9);
	assert_true(tls_trees_take_born(&trees, take, &taken));
	assert_int_equal(taken.count, 3);
	tls_trees_close(&trees);
	munmap(kernels, sizeof(*kernels));
}

static void only_processes_of_trees_are_worth_a_question(void **state)
{
	struct tls_trees trees;
	struct agent_tgids *kernels = share(&trees, 0);

	(void)state;
	assert_false(tls_trees_may_have(&trees, 77));
	kernels->members[77] = 1;
	assert_true(tls_trees_may_have(&trees, 77));
	assert_true(tls_trees_may_have(&trees, 77 + TREE_MEMBERS));
	assert_false(tls_trees_may_have(&trees, 78));
	tls_trees_close(&trees);
	munmap(kernels, sizeof(*kernels));
}

static void without_the_map_every_process_is(void **state)
{
	struct taken taken = {};
	struct tls_trees trees;

	(void)state;
	tls_trees_open(&trees, -1);
	assert_true(tls_trees_may_have(&trees, 77));
	assert_true(tls_trees_take_born(&trees, take, &taken));
	tls_trees_close(&trees);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_its_device_inode_and_generation),
		cmocka_unit_test(a_scan_forgets_what_nobody_maps_and_decides_the_rest_again),
		cmocka_unit_test(what_is_left_out_stays_counted_until_nobody_maps_it),
		cmocka_unit_test(more_files_than_there_is_room_for_push_others_out),
		cmocka_unit_test(every_agent_that_starts_is_taken_once),
		cmocka_unit_test(agents_whose_tgids_collide_are_said_to_be_lost_once),
		cmocka_unit_test(one_that_is_taken_before_it_is_counted_hides_no_other),
		cmocka_unit_test(only_processes_of_trees_are_worth_a_question),
		cmocka_unit_test(without_the_map_every_process_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
