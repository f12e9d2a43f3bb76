// SPDX-License-Identifier: Apache-2.0
/*
 * What a function writes to places whose address is fixed, as far as its instructions say it by
 * themselves: constants, addresses relative to the instruction, and pointers that the linker placed.
 * Pure: the function's bytes in, stores out. This is how a table that is filled by code is read.
 *
 * Nothing is guessed: what an instruction that is not understood, a call or a jump's target may have
 * changed is unknown from there on.
 */
#ifndef OPERAGLASS_CODE_STORES_H
#define OPERAGLASS_CODE_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODE_FUNCTION_MAX 4096 /* bytes of a function that is looked at */
#define CODE_STORES_MAX	  128

struct code_store {
	uint64_t address;
	uint64_t value;
};

/* The eight bytes that the running program finds at this address; false: not known. */
typedef bool code_memory(void *context, uint64_t address, uint64_t *ret_value);

/*
 * address: of the first byte. ret_stores: room for CODE_STORES_MAX; the last store to each address.
 * Returns how many; -EINVAL: too long, -ENOSPC: more stores, -ENOTSUP on other machines.
 */
int code_stores_find(const uint8_t *code, size_t size, uint64_t address, code_memory *memory,
		     void *context, struct code_store *ret_stores);

#endif
