// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "tls_go.h"
#include "tls_recognise.h"
#include "tls_signatures.h"

#define CORPUS "tests/fuzz/corpus/elf/"

static int recognise(const char *path, const char *name, struct tls_recognition *found)
{
	int file = open(path, O_RDONLY | O_CLOEXEC), err;

	assert_true(file >= 0);
	err = tls_recognise(file, name, NULL, found);
	close(file);
	return err;
}

static void a_program_is_known_by_what_is_in_it(void **state)
{
	static const struct {
		const char *path;
		uint32_t stack;
		size_t found;
	} rows[] = {
		{CORPUS "go", TLS_STACK_GO, 2},
		{CORPUS "go-pie", TLS_STACK_GO, 2},
		{CORPUS "go-bad-table", TLS_STACK_GO, 0},
		{CORPUS "rustls", TLS_STACK_RUSTLS, 0},
		{CORPUS "dynamic", TLS_STACK_STATIC, 2},
		{CORPUS "symbols", TLS_STACK_STATIC, 2},
		{CORPUS "overlapping-segments", TLS_STACK_BORINGSSL, 0},
	};
	struct tls_recognition found;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(recognise(rows[i].path, "program", &found), 0);
		assert_int_equal(found.stack, rows[i].stack);
		assert_int_equal(found.found, rows[i].found);
		assert_true(!found.why[0] == !!rows[i].found);
	}
	assert_int_equal(recognise("/bin/true", "program", &found), -ENOENT);
	assert_int_equal(recognise("/etc/passwd", "program", &found), -ENOEXEC);
}

static void a_name_says_the_stack_and_its_symbols_the_rest(void **state)
{
	struct tls_recognition found;

	(void)state;
	assert_int_equal(recognise(CORPUS "dynamic", "/opt/libssl.so.3", &found), 0);
	assert_int_equal(found.stack, TLS_STACK_OPENSSL);
	assert_int_equal(found.found, 2);
	assert_int_equal(recognise(CORPUS "rustls", "/opt/libssl.so.3", &found), 0);
	assert_int_equal(found.found, 0);
	assert_string_equal(found.why, "it has no symbols for its functions");
	assert_int_equal(recognise(CORPUS "rustls", "/opt/libjvm.so", &found), 0);
	assert_int_equal(found.stack, TLS_STACK_JAVA);
}

static void an_outline_has_the_build_id(void **state)
{
	static struct tls_image image;
	int file = open(CORPUS "build-id", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(tls_image_read(file, &image), 0);
	assert_string_equal(image.build_id, "000102030405060708090a0b0c0d0e0f10111213");
	close(file);
}

/* (*Conn).Write and (*Conn).Read of Go 1.19, up to what matters. */
static void the_sites_of_go_are_found(void **state)
{
	static const uint8_t write_code[] = {0x4c, 0x8d, 0x64, 0x24, 0x98, 0x4d, 0x3b, 0x66,
					     0x10, 0x0f, 0x86, 0x64, 0x07, 0,	 0};
	uint8_t read_code[] = {
		0x49, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0, 1, 0, 0,	   0x48, 0x83, 0xec, 0x68, 0x48,
		0x89, 0x44, 0x24, 0x70, 0xe8, 0,    2, 0, 0, 0xe8, 8,	 0,    0,    0,	   0xc3,
	};
	uint32_t object_at = 0;

	(void)state;
	assert_int_equal(tls_go_write_site(write_code, sizeof(write_code)), 9);
	assert_int_equal(tls_go_write_site(write_code, 9), -ENOTSUP);
	assert_int_equal(tls_go_write_site(write_code + 1, sizeof(write_code) - 1), -ENOTSUP);
	/* The call at 24 goes to 24 + 5 + 8. */
	assert_int_equal(tls_go_read_site(read_code, sizeof(read_code), 0x1000, 0x1025, &object_at),
			 24);
	assert_int_equal(object_at, 0x70);
	assert_int_equal(tls_go_read_site(read_code, sizeof(read_code), 0x1000, 0x1026, &object_at),
			 -ENOTSUP);
	read_code[20] = 13; /* now the call at 19 goes there, too */
	read_code[21] = 0;
	assert_int_equal(tls_go_read_site(read_code, sizeof(read_code), 0x1000, 0x1025, &object_at),
			 -ENOTSUP);
}

static int parse(const char *text, struct tls_signature *signature, struct config_error *error)
{
	return tls_signature_parse(text, strlen(text), "a.yaml", signature, error);
}

static int write_signature(const char *directory, const char *build_id, const char *file)
{
	char path[128], text[256];
	int fd, length;

	snprintf(path, sizeof(path), "%s/%.4s.yaml", directory, build_id);
	length =
		snprintf(text, sizeof(text),
			 "build_id: %s\nfile: '%s'\nfunctions: {SSL_write: 0x10, SSL_read: 0x20}\n",
			 build_id, file);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)length), length);
	return close(fd);
}

/* Only root's files count: who builds as somebody else sees this in the live tests. */
static void a_signature_that_names_a_file_is_missed_by_another_build_of_it(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool named;
	} rows[] = {
		{"claude", "/opt/claude", true},
		{"claude", "claude", true},
		{"claude", "/opt/claude/1.0.3", false},
		{"clau*", "/opt/claude", true},
		{"/opt/claude/*", "/opt/claude/1.0.3", true},
		{"/opt/claude/*", "/srv/opt/claude/1.0.3", false},
	};
	static struct tls_image image = {.build_id = "8899aabbccddeeff"};
	char directory[SCRATCH_SIZE], path[SCRATCH_SIZE + 16];
	const char *const directories[] = {directory, NULL};
	struct tls_signature signature;
	struct config_error error;
	size_t i;

	(void)state;
	if (geteuid())
		return;
	assert_int_equal(scratch_make(directory), 0);
	snprintf(path, sizeof(path), "%s/0011.yaml", directory);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_signature(directory, "0011223344556677", rows[i].pattern);
		assert_int_equal(
			tls_signatures_find(directories, &image, rows[i].path, &signature, &error),
			-ENOENT);
		assert_int_equal(error.text[0] != '\0', rows[i].named);
		unlink(path);
	}
	assert_int_equal(scratch_remove(directory), 0);
}

static void count_line(void *context, const char *reason)
{
	(void)reason;
	++*(size_t *)context;
}

/* How many lines the check says of a directory with so many files that say nothing. */
static size_t refusals_of(const char *directory, size_t files)
{
	const char *const directories[] = {directory, NULL};
	char path[SCRATCH_SIZE + 16];
	size_t i, lines = 0;

	for (i = 0; i < files; i++) {
		snprintf(path, sizeof(path), "%s/%zu.yaml", directory, i);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	}
	tls_signatures_check(directories, count_line, &lines);
	return lines;
}

static void what_a_directory_has_too_many_of_is_told_and_not_read(void **state)
{
	char directory[SCRATCH_SIZE];

	(void)state;
	assert_int_equal(scratch_make(directory), 0);
	assert_int_equal(refusals_of(directory, 1024), 1024);
	assert_int_equal(refusals_of(directory, 1030), 1025);
	assert_int_equal(scratch_remove(directory), 0);
}

static void of_too_many_finds_the_oldest_goes_and_no_operators(void **state)
{
	struct tls_signature signature = {.searched = true, .offsets = {16, 32}};
	char directory[SCRATCH_SIZE], path[SCRATCH_SIZE + 80];
	struct timespec times[2] = {};
	unsigned i;

	(void)state;
	if (geteuid())
		return;
	assert_int_equal(scratch_make(directory), 0);
	write_signature(directory, "ffff223344556677", "claude");
	for (i = 0; i <= TLS_SIGNATURES_KEPT; i++) {
		snprintf(signature.build_id, sizeof(signature.build_id), "%016x", i);
		assert_int_equal(tls_signatures_keep(directory, &signature), 0);
		snprintf(path, sizeof(path), "%s/%016x.yaml", directory, i);
		times[0].tv_sec = times[1].tv_sec = i == 3 ? 1 : 1000 + (time_t)i;
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
	for (i = 0; i <= TLS_SIGNATURES_KEPT; i++) {
		snprintf(path, sizeof(path), "%s/%016x.yaml", directory, i);
		assert_int_equal(access(path, F_OK), i == 3 ? -1 : 0);
	}
	snprintf(path, sizeof(path), "%s/ffff.yaml", directory);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(scratch_remove(directory), 0);
}

static void the_name_of_a_signature_is_no_other_build(void **state)
{
	static const char text[] = "build_id: 0011223344556677\n"
				   "functions: {SSL_write: 0x2607c30, SSL_read: 0x2586500}\n";
	struct tls_signature signature;
	struct config_error error;

	(void)state;
	assert_int_equal(tls_signature_parse(text, strlen(text), "/a/0011223344556677.yaml",
					     &signature, &error),
			 0);
	assert_int_equal(tls_signature_parse(text, strlen(text), "/a/0011223344556678.yaml",
					     &signature, &error),
			 -EINVAL);
	assert_string_equal(error.text, "/a/0011223344556678.yaml: is refused: its name is another "
					"build than its build_id 0011223344556677");
	assert_int_equal(tls_signature_parse(text, strlen(text), "0011223344556677ff.yaml",
					     &signature, &error),
			 -EINVAL);
}

static void a_signature_is_whole_or_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"functions: {SSL_write: 0x1, SSL_read: 0x2}\n", "a.yaml: has no build_id"},
		{"build_id: 0011223344556677\nfunctions: {SSL_write: 0x1}\n",
		 "a.yaml: needs a writing and a reading function (SSL_write or SSL_write_ex, "
		 "SSL_read or SSL_read_ex)"},
		{"build_id: 0011223344556677\nfunctions: {SSL_write: 0x1, SSL_read: 0x1}\n",
		 "a.yaml: SSL_write and SSL_read are at the same offset"},
	};
	struct tls_signature signature = {};
	struct config_error error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].text, &signature, &error), -EINVAL);
		assert_string_equal(error.text, rows[i].error);
	}
	assert_int_equal(parse("build_id: 00112233445566778\n", &signature, &error), -EINVAL);
	assert_int_equal(parse("build_id: 0011223344556677\nfunctions: {SSL_peek: 0x1}\n",
			       &signature, &error),
			 -EINVAL);
	assert_int_equal(parse("build_id: 0011223344556677\nfunctions: {SSL_read: 12}\n",
			       &signature, &error),
			 -EINVAL);
	assert_int_equal(parse("build_id: 0011223344556677\n"
			       "functions: {SSL_write: 0x2607c30, SSL_read: 0x2586500}\n",
			       &signature, &error),
			 0);
	assert_int_equal(signature.offsets[0], 0x2607c30);
	assert_int_equal(signature.offsets[1], 0x2586500);
	assert_string_equal(signature.build_id, "0011223344556677");
	assert_false(signature.searched);
	assert_int_equal(parse("build_id: 0011223344556677\nfound_by: anchors\n"
			       "functions: {SSL_write: 0x2607c30, SSL_read: 0x2586500}\n",
			       &signature, &error),
			 0);
	assert_true(signature.searched);
	assert_int_equal(parse("build_id: 0011223344556677\nfound_by: guessing\n"
			       "functions: {SSL_write: 0x2607c30, SSL_read: 0x2586500}\n",
			       &signature, &error),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_known_by_what_is_in_it),
		cmocka_unit_test(a_name_says_the_stack_and_its_symbols_the_rest),
		cmocka_unit_test(an_outline_has_the_build_id),
		cmocka_unit_test(the_sites_of_go_are_found),
		cmocka_unit_test(a_signature_is_whole_or_refused),
		cmocka_unit_test(the_name_of_a_signature_is_no_other_build),
		cmocka_unit_test(a_signature_that_names_a_file_is_missed_by_another_build_of_it),
		cmocka_unit_test(what_a_directory_has_too_many_of_is_told_and_not_read),
		cmocka_unit_test(of_too_many_finds_the_oldest_goes_and_no_operators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
