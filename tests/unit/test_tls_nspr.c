// SPDX-License-Identifier: Apache-2.0
/* NSS's functions without symbols: of the distribution's library as it says itself when it runs; of a
 * small file (nss-table, whose tables lie in data) as each thing that is asked of a table is taken away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tls_recognise.h"

#define CORPUS "tests/fuzz/corpus/elf/"

/* Of nss-table. */
enum {
	FILE_SIZE = 0x840,
	FUNCTIONS = 0x200, /* five of 16 bytes: close, read, write, recv, send */
	UNWIND = 0x260,
	UNWIND_ENTRIES = 0x2a0, /* of 16 bytes */
	IMPORT_NAME = 0x431,
	RELOCATIONS = 0x450, /* of each table one to the import, then five to functions */
	DYNAMIC = 0x580,
	TABLE = 0x600,
	OTHER_TABLE = 0x720, /* complete but for its kind */
	LAYERED = 4,
};

static uint8_t bytes[FILE_SIZE];

static void read_bytes(void)
{
	int file = open(CORPUS "nss-table", O_RDONLY | O_CLOEXEC);

	assert_true(file >= 0);
	assert_int_equal(read(file, bytes, sizeof(bytes)), sizeof(bytes));
	close(file);
}

static int recognise(const uint8_t *image, size_t size, struct tls_recognition *found)
{
	int file = memfd_create("nss", MFD_CLOEXEC), err;

	assert_true(file >= 0);
	assert_int_equal(write(file, image, size), size);
	err = tls_recognise(file, "/usr/lib/libssl3.so", NULL, found);
	close(file);
	return err;
}

static void a_table_in_data_tells_where_the_functions_are(void **state)
{
	static const uint64_t wanted[] = {FUNCTIONS + 32, FUNCTIONS + 16, FUNCTIONS + 64,
					  FUNCTIONS + 48, FUNCTIONS};
	struct tls_recognition found;
	size_t i;

	(void)state;
	read_bytes();
	assert_int_equal(recognise(bytes, sizeof(bytes), &found), 0);
	assert_int_equal(found.stack, TLS_STACK_NSS);
	assert_int_equal(found.found, 5);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_int_equal(found.offsets[i], wanted[i]);
		assert_int_equal(found.sizes[i], 16);
	}
}

static void a_table_that_lacks_anything_or_is_not_alone_is_none(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} changes[] = {
		{TABLE, LAYERED + 1},		     /* not a layer's */
		{OTHER_TABLE, LAYERED},		     /* two */
		{IMPORT_NAME, 'Q'},		     /* another import */
		{RELOCATIONS + 8, 8},		     /* the import is no import */
		{RELOCATIONS + 16, 1},		     /* nor is one byte behind it */
		{RELOCATIONS, (TABLE + 248) & 0xff}, /* another slot */
		{RELOCATIONS + 2 * 24 + 16, 0x11},   /* not a function's beginning */
		{RELOCATIONS + 3 * 24 + 17, 6},	     /* no code */
		{RELOCATIONS + 4 * 24 + 8, 6},	     /* a function of another file */
		{UNWIND, 2},			     /* of another version */
		{UNWIND + 3, 0x3c},		     /* of another width */
		{UNWIND + 8, 4},		     /* one function is missing */
		{UNWIND_ENTRIES + 8, 0},	     /* begins elsewhere, it says */
		{UNWIND_ENTRIES + 12, 0},	     /* has no bytes */
		{DYNAMIC, 8},			     /* no relocations */
	};
	struct tls_recognition found;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		read_bytes();
		assert_int_not_equal(bytes[changes[i].at], changes[i].byte);
		bytes[changes[i].at] = changes[i].byte;
		assert_int_equal(recognise(bytes, sizeof(bytes), &found), 0);
		assert_int_equal(found.found, 0);
		assert_string_equal(found.why,
				    "neither symbols nor a table of methods tell where its "
				    "functions are");
	}
}

static void a_cut_file_is_refused_or_has_no_table(void **state)
{
	struct tls_recognition found;
	size_t size;

	(void)state;
	read_bytes();
	for (size = 0; size < OTHER_TABLE; size += 4)
		if (!recognise(bytes, size, &found) && size < DYNAMIC)
			assert_int_equal(found.found, 0);
}

#if defined(__x86_64__)

#define METHODS 36

/* What NSPR would call for a TLS descriptor, as addresses in the library: asked of it in a process of its
 * own, which leaves nothing behind. */
static void ask_library(const char *path, uintptr_t *ret_methods)
{
	void *nspr = dlopen("libnspr4.so", RTLD_NOW), *nss = dlopen(path, RTLD_NOW);
	void *(*open_socket)(int) = NULL;
	void *(*import)(void *, void *) = NULL;
	uintptr_t **descriptor;
	Dl_info info;
	size_t i;

	if (!nspr || !nss)
		_exit(1);
	*(void **)&open_socket = dlsym(nspr, "PR_OpenTCPSocket");
	*(void **)&import = dlsym(nss, "SSL_ImportFD");
	if (!open_socket || !import || !dladdr(*(void **)&import, &info))
		_exit(2);
	descriptor = import(NULL, open_socket(AF_INET));
	if (!descriptor)
		_exit(3);
	for (i = 0; i < METHODS; i++)
		ret_methods[i] = descriptor[0][i] - (uintptr_t)info.dli_fbase;
	_exit(0);
}

static const uintptr_t *methods_of(const char *path)
{
	uintptr_t *methods = mmap(NULL, METHODS * sizeof(*methods), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t child;

	assert_true(methods != MAP_FAILED);
	child = fork();
	if (!child)
		ask_library(path, methods);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	return methods;
}

static void the_distributions_library_calls_what_was_found_in_it(void **state)
{
	static const unsigned slots[] = {3, 2, 18, 17, 1};
	static struct tls_image image;
	struct tls_recognition found;
	const uintptr_t *methods;
	glob_t paths;
	size_t i;
	int file;

	(void)state;
	assert_int_equal(glob("/usr/lib/*/libssl3.so", 0, NULL, &paths), 0);
	file = open(paths.gl_pathv[0], O_RDONLY | O_CLOEXEC);
	assert_int_equal(tls_recognise(file, paths.gl_pathv[0], NULL, &found), 0);
	assert_int_equal(tls_image_read(file, &image), 0);
	assert_int_equal(found.found, 5);
	methods = methods_of(paths.gl_pathv[0]);
	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		assert_int_equal(found.offsets[i],
				 tls_image_offset(&image, methods[slots[i]], true));
		assert_true(found.sizes[i] > 0);
	}
	close(file);
	globfree(&paths);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_in_data_tells_where_the_functions_are),
		cmocka_unit_test(a_table_that_lacks_anything_or_is_not_alone_is_none),
		cmocka_unit_test(a_cut_file_is_refused_or_has_no_table),
#if defined(__x86_64__)
		cmocka_unit_test(the_distributions_library_calls_what_was_found_in_it),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
