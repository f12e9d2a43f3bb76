// SPDX-License-Identifier: Apache-2.0
/*
 * Where functions lie in an ELF file. The file may be anything: it is read with pread only, every
 * offset and count is checked, and the work is bounded by TLS_ELF_READ_MAX bytes.
 */
#ifndef OPERAGLASS_TLS_ELF_H
#define OPERAGLASS_TLS_ELF_H

#include <stddef.h>
#include <stdint.h>

/* A debug build of Node has some 60 MiB of symbols and names. */
#define TLS_ELF_READ_MAX (128ULL * 1024 * 1024)

/* Names asked for at once. */
#define TLS_ELF_NAMES_MAX 16

/*
 * Looks the names up in the dynamic symbols, and those that are not there in the full symbol table.
 * ret_offsets: file offset of each function's first byte, 0: it is not in this file. ret_sizes (NULL: not
 * asked): of each in bytes, as its symbol claims; 0: it claims nothing. Returns how many were found, or
 * -errno: -ENOEXEC no ELF of this machine, -EBADMSG it contradicts itself, -E2BIG too much to read.
 */
int tls_elf_functions(int fd, const char *const *names, size_t count, uint64_t *ret_offsets,
		      uint64_t *ret_sizes);

/* The file range of the executable segment that holds this file offset. 0, -ENOENT or as above. */
int tls_elf_code(int fd, uint64_t offset, uint64_t *ret_begin, uint64_t *ret_end);

#endif
