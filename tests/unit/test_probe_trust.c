// SPDX-License-Identifier: Apache-2.0
/* Whom a remembered proof speaks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "probe_trust.h"
#include "scratch.h"

#define BUILD_ID "0123456789abcdef"
#define ROOTS	 "/bin/sh" /* of root of the host, like all above it */

/* As an earlier run left it: this build's functions were proven at these places. */
static const struct proof_order order = {
	.count = 1,
	.places = {{.entry = {.offset = 0x1000}, .leave = {.offset = 0x1020}, .has_leave = true}},
};

static struct probe_trust *trust_that_remembers(const char *directory)
{
	char path[SCRATCH_SIZE + sizeof(BUILD_ID) + 1];
	FILE *file;

	snprintf(path, sizeof(path), "%s/" BUILD_ID, directory);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file,
		"proven by version %d\n%d 0 entry 1000+0 leave 1020+0 plain\n"
		"client random 0+160 found\n",
		PROBE_PLAN_VERSION, SUBJECT_WRITE);
	fclose(file);
	return probe_trust_new(directory);
}

/* The answer for this file with that build-id; `ret_at`: where its objects keep the client random. */
static bool ask(struct probe_trust *trust, const char *path, uint32_t *ret_at)
{
	struct tls_random_place random = {};
	struct proof_order its = order;
	bool is_proven;

	its.file = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(its.file >= 0);
	snprintf(its.path, sizeof(its.path), "%s", path);
	is_proven = probe_trust_ask(trust, &its, BUILD_ID, &random);
	close(its.file);
	*ret_at = random.offset;
	return is_proven;
}

static void a_copied_build_id_is_not_believed(void **state)
{
	char directory[SCRATCH_SIZE], copy[SCRATCH_SIZE + sizeof("/copy")];
	struct probe_trust *trust;
	uint32_t at;

	(void)state;
	assert_int_equal(scratch_make(directory), 0);
	trust = trust_that_remembers(directory);
	assert_non_null(trust);
	snprintf(copy, sizeof(copy), "%s/copy", directory);
	close(open(copy, O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
	assert_int_equal(chmod(copy, 0666), 0);
	assert_true(ask(trust, ROOTS, &at));
	assert_int_equal(at, 0x160);
	assert_false(ask(trust, copy, &at));
	assert_int_equal(at, 0);
	probe_trust_free(trust);
	assert_int_equal(scratch_remove(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copied_build_id_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
