// SPDX-License-Identifier: Apache-2.0
/* An executable that says anything about itself: what is found in it lies in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe_sites.h"
#include "tls_elf.h"
#include "tls_inside.h"
#include "tls_recognise.h"
#include "tls_unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_functions(int file, size_t size)
{
	static const char *const names[] = {"SSL_write", "SSL_read", "SSL_write_ex", "SSL_read_ex"};
	uint64_t offsets[4];
	int found = tls_elf_functions(file, names, 4, offsets, NULL), i;

	for (i = 0; found >= 0 && i < 4; i++) {
		found -= offsets[i] != 0;
		if (offsets[i] >= size && offsets[i])
			abort();
	}
	if (found > 0)
		abort();
}

static void check_recognition(int file, const char *name, size_t size)
{
	struct tls_recognition found;
	size_t i, count = 0;

	if (tls_recognise(file, name, NULL, &found))
		return;
	if (found.stack >= TLS_STACKS || !found.by || !memchr(found.why, '\0', sizeof(found.why)) ||
	    !memchr(found.build_id, '\0', sizeof(found.build_id)))
		abort();
	for (i = 0; i < TLS_STACK_FUNCTIONS_MAX; i++) {
		if (found.offsets[i] >= size)
			abort();
		count += found.offsets[i] != 0;
	}
	if (found.found != (found.found ? count : 0) || (!found.found && !found.why[0]))
		abort();
}

static void check_unwinding(int file, size_t size)
{
	static struct tls_image image;
	uint64_t offset, begin;

	if (tls_image_read(file, &image))
		return;
	for (offset = 0; offset < size; offset += size / 16 + 1)
		if (!tls_unwind_begin(&image, offset, &begin) && (begin > offset || !begin))
			abort();
}

static void check_inside(int file, size_t size)
{
	struct tls_inside inside;

	if (!tls_inside_find(file, (1U << PROBE_CLASSES) - 1, &inside) &&
	    (inside.first >= size || inside.again >= size || inside.first == inside.again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int file = -1;

	if (file < 0)
		file = memfd_create("fuzz_elf", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, 0) || pwrite(file, data, size, 0) != (ssize_t)size)
		return 0;
	check_functions(file, size);
	check_recognition(file, "/usr/bin/anything", size);
	check_recognition(file, "/usr/lib/libssl3.so", size);
	check_unwinding(file, size);
	check_inside(file, size);
	return 0;
}
