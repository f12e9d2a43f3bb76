// SPDX-License-Identifier: Apache-2.0
#include "model_key.h"

#include <string.h>

#include "utf8.h"

/* Copies one label value, cleaned and cut, with its NUL; returns the bytes written. */
static uint32_t clean_label(const char *value, char *out)
{
	const unsigned char *in = (const unsigned char *)(value ? value : "");
	uint32_t used = 0;
	size_t length;

	while (*in && used < MODEL_LABEL_MAX) {
		if (*in < 0x80) {
			out[used++] = (char)*in++;
			continue;
		}
		length = utf8_length(in, strnlen((const char *)in, 4));
		if (used + (length ? length : 3) > MODEL_LABEL_MAX)
			break;
		memcpy(out + used, length ? (const char *)in : UTF8_REPLACEMENT,
		       length ? length : 3);
		used += length ? (uint32_t)length : 3;
		in += length ? length : 1;
	}
	out[used++] = '\0';
	return used;
}

/* Mixes eight bytes at a time. */
static uint32_t hash_bytes(const char *bytes, uint32_t size, uint64_t seed)
{
	const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio */
	uint64_t hash = seed ^ size, word;

	for (; size >= 8; size -= 8, bytes += 8) {
		memcpy(&word, bytes, 8);
		hash = (hash ^ word) * prime;
		hash ^= hash >> 29;
	}
	word = 0;
	memcpy(&word, bytes, size);
	hash = (hash ^ word) * prime;
	return (uint32_t)(hash >> 32);
}

void model_key_make(struct model_labels labels, uint64_t seed, struct model_key *ret_key)
{
	unsigned i;

	ret_key->size = 0;
	for (i = 0; i < labels.count; i++)
		ret_key->size += clean_label(labels.values[i], ret_key->text + ret_key->size);
	ret_key->hash = hash_bytes(ret_key->text, ret_key->size, seed);
}
