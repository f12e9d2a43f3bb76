// SPDX-License-Identifier: Apache-2.0
/* The function table that Go's runtime needs, and that stripping leaves: .gopclntab. Pure. */
#ifndef OPERAGLASS_TLS_PCLNTAB_H
#define OPERAGLASS_TLS_PCLNTAB_H

#include <stddef.h>
#include <stdint.h>

/* The largest program known has some 40 MiB. */
#define PCLNTAB_SIZE_MAX (128ULL * 1024 * 1024)

struct pclntab_function {
	uint64_t begin, end; /* bytes from the begin of Go's code; end 0: not found */
};

/*
 * Looks names up in a table of Go 1.18 or later. ret_text: address of the begin of Go's code as the
 * table has it; 0 where a loader fills it in. Returns how many names were found, -ENOTSUP: a table of
 * another version, -EBADMSG: it contradicts itself. Time grows with the table's size only.
 */
int pclntab_find(const uint8_t *table, size_t size, const char *const *names, size_t count,
		 struct pclntab_function *ret_functions, uint64_t *ret_text);

#endif
