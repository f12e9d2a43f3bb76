// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tls_elf.h"
#include "tls_mappings.h"
#include "tls_pins.h"
#include "tls_stacks.h"

static void a_file_is_known_by_its_basename(void **state)
{
	(void)state;
	assert_int_equal(tls_stack_of_file("/usr/lib/x86_64-linux-gnu/libssl.so.3"),
			 TLS_STACK_OPENSSL);
	assert_int_equal(tls_stack_of_file("/opt/x/libssl.so.1.1 (deleted)"), TLS_STACK_OPENSSL);
	assert_int_equal(tls_stack_of_file("libssl.so"), TLS_STACK_OPENSSL);
	assert_int_equal(tls_stack_of_file("/usr/bin/node"), TLS_STACK_NODE);
	assert_int_equal(tls_stack_of_file("/usr/bin/node (deleted)"), TLS_STACK_NODE);
	assert_int_equal(tls_stack_of_file("/usr/bin/nodejs"), -ENOENT);
	assert_int_equal(tls_stack_of_file("/usr/bin/node18"), -ENOENT);
	assert_int_equal(tls_stack_of_file("/usr/lib/libssl3.so"), TLS_STACK_NSS);
	assert_int_equal(tls_stack_of_file("/usr/lib/libgnutls.so.30"), TLS_STACK_GNUTLS);
	assert_int_equal(tls_stack_of_file("/usr/lib/libgnutls-openssl.so.27"), -ENOENT);
	assert_int_equal(tls_stack_of_file("/usr/lib/libssl.so3"), -ENOENT);
	assert_int_equal(tls_stack_of_file("/libssl.so/other"), -ENOENT);
	assert_int_equal(tls_stack_of_file(""), -ENOENT);
}

static void every_stack_has_what_a_stack_needs(void **state)
{
	size_t i, function;

	(void)state;
	for (i = 0; i < TLS_STACKS; i++) {
		assert_non_null(tls_stacks[i].name);
		assert_null(tls_stacks[i].functions[TLS_STACK_FUNCTIONS_MAX - 1].symbol);
		assert_false(tls_stacks[i].places[TLS_RANDOM_PLACES - 1].used);
		for (function = 0; tls_stacks[i].functions[function].symbol; function++)
			assert_non_null(tls_stacks[i].functions[function].entry);
	}
}

static void a_line_of_maps_is_read(void **state)
{
	char code[] = "7f5e0c020000-7f5e0c07c000 r-xp 0001f000 fe:00 14819343   /usr/lib/a b.so.3";
	char data[] = "7f5e0c020000-7f5e0c07c000 r--p 0001f000 fe:00 14819343   /usr/lib/a";
	char anonymous[] = "7f5e0c020000-7f5e0c07c000 r-xp 00000000 00:00 0 ";
	char vdso[] = "7ffd2c9f6000-7ffd2c9f8000 r-xp 00000000 00:00 0          [vdso]";
	char broken[] = "7ffd2c9f6000 r-xp";
	struct tls_mapping mapping;

	(void)state;
	assert_true(tls_mapping_parse(code, &mapping));
	assert_int_equal(mapping.begin, 0x7f5e0c020000);
	assert_int_equal(mapping.end, 0x7f5e0c07c000);
	assert_int_equal(mapping.device, makedev(0xfe, 0));
	assert_int_equal(mapping.inode, 14819343);
	assert_string_equal(mapping.path, "/usr/lib/a b.so.3");
	assert_false(tls_mapping_parse(data, &mapping));
	assert_false(tls_mapping_parse(anonymous, &mapping));
	assert_false(tls_mapping_parse(vdso, &mapping));
	assert_false(tls_mapping_parse(broken, &mapping));
}

static void the_name_of_a_pin_tells_whose_it_is(void **state)
{
	const struct tls_pin pin = {.device = makedev(254, 3),
				    .inode = 0x123456789abcdefULL,
				    .slot = 255,
				    .stack = 1,
				    .probes = 16,
				    .number = 15};
	static const char *const strange[] = {
		"",	    "uprobe_1_2_3_4_5",	   "uprobe_1_2_3_4_5_6_7", "uprobe_1_2_3_4_5_6x",
		"identity", "uprobe_01_2_3_4_5_6", "uprobe_1_2_3_4_-5_6",  "uprobe_1 _2_3_4_5_6",
	};
	char name[TLS_PIN_NAME_SIZE];
	struct tls_pin again = {0};
	size_t i;

	(void)state;
	tls_pin_name(&pin, name);
	assert_string_equal(name, "uprobe_fe03_123456789abcdef_ff_1_10_f");
	assert_true(tls_pin_parse(name, &again));
	assert_memory_equal(&pin, &again, sizeof(pin));
	for (i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
		assert_false(tls_pin_parse(strange[i], &again));
}

/* This program's own file, with symbols. */
static void functions_are_found_where_they_lie(void **state)
{
	static const char *const names[] = {"main", "tls_elf_functions", "no_such_function"};
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	unsigned char in_file[16];
	uint64_t offsets[3];

	(void)state;
	assert_int_equal(tls_elf_functions(file, names, 3, offsets, NULL), 2);
	assert_true(offsets[0] && offsets[1]);
	assert_int_equal(offsets[2], 0);
	assert_int_equal(pread(file, in_file, sizeof(in_file), (off_t)offsets[1]), sizeof(in_file));
	assert_memory_equal(in_file, (const void *)(uintptr_t)tls_elf_functions, sizeof(in_file));
	close(file);
}

static int file_of(const void *bytes, size_t size)
{
	int file = memfd_create("test_tls_files", MFD_CLOEXEC);

	assert_true(file >= 0);
	assert_int_equal(write(file, bytes, size), size);
	return file;
}

static void what_is_no_elf_is_refused(void **state)
{
	static const char *const names[] = {"SSL_read"};
	static const char script[] = "#!/bin/sh\nexec node \"$@\"\n# long enough to hold a head. "
				     "It holds none, of course, and says so.\n";
	uint64_t offsets[1] = {77};
	Elf64_Ehdr head = {.e_type = ET_DYN, .e_machine = EM_X86_64, .e_phnum = 0xffff};
	int file;

	(void)state;
	file = file_of(script, sizeof(script));
	assert_int_equal(tls_elf_functions(file, names, 1, offsets, NULL), -ENOEXEC);
	close(file);
	file = file_of("", 0);
	assert_int_equal(tls_elf_functions(file, names, 1, offsets, NULL), -ENOEXEC);
	close(file);
	file = open("/proc/self", O_RDONLY | O_CLOEXEC);
	assert_int_equal(tls_elf_functions(file, names, 1, offsets, NULL), -ENOEXEC);
	close(file);
	memcpy(head.e_ident, ELFMAG, SELFMAG);
	head.e_ident[EI_CLASS] = ELFCLASS64;
	head.e_ident[EI_DATA] = ELFDATA2LSB;
#if defined(__aarch64__)
	head.e_machine = EM_AARCH64;
#endif
	head.e_phentsize = sizeof(Elf64_Phdr);
	file = file_of(&head, sizeof(head));
	assert_int_equal(tls_elf_functions(file, names, 1, offsets, NULL), -EBADMSG);
	close(file);
	assert_int_equal(offsets[0], 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_known_by_its_basename),
		cmocka_unit_test(every_stack_has_what_a_stack_needs),
		cmocka_unit_test(a_line_of_maps_is_read),
		cmocka_unit_test(the_name_of_a_pin_tells_whose_it_is),
		cmocka_unit_test(functions_are_found_where_they_lie),
		cmocka_unit_test(what_is_no_elf_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
