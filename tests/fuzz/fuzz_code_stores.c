// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a function that stores. */
#include <stdint.h>
#include <stdlib.h>

#include "code_stores.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool memory(void *context, uint64_t address, uint64_t *ret_value)
{
	(void)context;
	*ret_value = address;
	return address & 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct code_store stores[CODE_STORES_MAX];
	int count = code_stores_find(data, size, 0x100000, memory, NULL, stores);

	if (count > CODE_STORES_MAX || (count > 0 && (size_t)count * 2 > size))
		abort(); /* the least store takes five bytes, and is two */
	return 0;
}
