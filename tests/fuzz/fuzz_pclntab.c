// SPDX-License-Identifier: Apache-2.0
/* Any bytes as Go's function table, and as the code of its functions. */
#include <stdint.h>
#include <stdlib.h>

#include "tls_go.h"
#include "tls_pclntab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"crypto/tls.(*Conn).Write", "runtime.memmove", ""};
	struct pclntab_function functions[3];
	uint64_t text = 0;
	uint32_t object_at = 0;
	int found = pclntab_find(data, size, names, 3, functions, &text), i, site;

	for (i = 0; found >= 0 && i < 3; i++) {
		if (functions[i].end && functions[i].end <= functions[i].begin)
			abort();
		found -= functions[i].end != 0;
	}
	if (found > 0)
		abort();
	site = tls_go_write_site(data, size);
	if (site >= 0 && (size_t)site >= size)
		abort();
	site = tls_go_read_site(data, size, 4096, 4096 + size, &object_at);
	if (site >= 0 && ((size_t)site + 5 > size || object_at >= 8192))
		abort();
	return 0;
}
