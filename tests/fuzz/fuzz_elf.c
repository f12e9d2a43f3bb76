// SPDX-License-Identifier: Apache-2.0
/* An executable that says anything about itself. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tls_elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"SSL_write", "SSL_read", "SSL_write_ex", "SSL_read_ex"};
	static int file = -1;
	uint64_t offsets[4];
	int found, i;

	if (file < 0)
		file = memfd_create("fuzz_elf", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, 0) || pwrite(file, data, size, 0) != (ssize_t)size)
		return 0;
	found = tls_elf_functions(file, names, 4, offsets);
	for (i = 0; found >= 0 && i < 4; i++) {
		found -= offsets[i] != 0;
		if (offsets[i] >= size && offsets[i])
			abort();
	}
	if (found > 0)
		abort();
	return 0;
}
