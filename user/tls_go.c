// SPDX-License-Identifier: Apache-2.0
#include "tls_go.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tls_pclntab.h"

#define FUNCTION_MAX 8192 /* bytes; (*Conn).Read has 1,000 */
#define PROLOGUE_MAX 96

enum {
	GO_WRITE,
	GO_READ,
	GO_COPY,
	GO_FUNCTIONS
};

static const char *const names[GO_FUNCTIONS] = {
	[GO_WRITE] = "crypto/tls.(*Conn).Write",
	[GO_READ] = "crypto/tls.(*Conn).Read",
	[GO_COPY] = "runtime.memmove",
};

/* Whether the code goes on with these bytes; -1 stands for any. */
static bool goes_on(const uint8_t *code, size_t size, size_t at, const int *bytes, size_t count)
{
	size_t i;

	if (at > size || count > size - at)
		return false;
	for (i = 0; i < count; i++)
		if (bytes[i] >= 0 && code[at + i] != bytes[i])
			return false;
	return true;
}

#define GOES_ON(code, size, at, ...)                        \
	goes_on(code, size, at, (const int[]){__VA_ARGS__}, \
		sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

int tls_go_write_site(const uint8_t *code, size_t size)
{
	size_t at = 0;

	if (GOES_ON(code, size, 0, 0x49, 0x3b, 0x66, 0x10)) /* cmp 0x10(%r14),%rsp */
		at = 4;
	else if (GOES_ON(code, size, 0, 0x4c, 0x8d, 0x64, 0x24, -1, 0x4d, 0x3b, 0x66, 0x10))
		at = 9; /* lea -N(%rsp),%r12; cmp 0x10(%r14),%r12 */
	else if (GOES_ON(code, size, 0, 0x4c, 0x8d, 0xa4, 0x24, -1, -1, -1, -1, 0x4d, 0x3b, 0x66,
			 0x10))
		at = 12; /* the same with a larger N */
	if (!at ||
	    !(GOES_ON(code, size, at, 0x0f, 0x86) || GOES_ON(code, size, at, 0x76))) /* jbe */
		return -ENOTSUP;
	return (int)at;
}

/* Where the function keeps its first argument: mov %rax,N(%rsp). */
static int object_slot(const uint8_t *code, size_t size, uint32_t *ret_object_at)
{
	size_t i;

	for (i = 0; i < size && i < PROLOGUE_MAX; i++) {
		if (GOES_ON(code, size, i, 0x48, 0x89, 0x44, 0x24, -1)) {
			*ret_object_at = code[i + 4];
			return code[i + 4] < 0x80 ? 0 : -ENOTSUP;
		}
		if (GOES_ON(code, size, i, 0x48, 0x89, 0x84, 0x24, -1, -1, -1, -1)) {
			memcpy(ret_object_at, code + i + 4, sizeof(*ret_object_at));
			return *ret_object_at < FUNCTION_MAX ? 0 : -ENOTSUP;
		}
	}
	return -ENOTSUP;
}

int tls_go_read_site(const uint8_t *code, size_t size, uint64_t address, uint64_t copy,
		     uint32_t *ret_object_at)
{
	uint32_t object_at;
	int32_t distance;
	int site = -ENOTSUP;
	size_t i;

	if (tls_go_write_site(code, size) < 0 || object_slot(code, size, &object_at))
		return -ENOTSUP;
	for (i = 0; i + 5 <= size; i++) {
		if (code[i] != 0xe8)
			continue;
		memcpy(&distance, code + i + 1, sizeof(distance));
		if (address + i + 5 + (uint64_t)(int64_t)distance != copy)
			continue;
		if (site >= 0)
			return -ENOTSUP; /* which of them? */
		site = (int)i;
	}
	if (site >= 0)
		*ret_object_at = object_at;
	return site;
}

/* The functions by the table; text: address of the begin of Go's code. */
static int read_table(const struct tls_image *image, const Elf64_Shdr *section,
		      struct pclntab_function *functions, uint64_t *text)
{
	uint8_t *table;
	int err;

	if (section->sh_size > PCLNTAB_SIZE_MAX)
		return -E2BIG;
	table = malloc(section->sh_size ? section->sh_size : 1);
	if (!table)
		return -ENOMEM;
	err = tls_image_bytes(image, section->sh_offset, table, section->sh_size);
	if (!err)
		err = pclntab_find(table, section->sh_size, names, GO_FUNCTIONS, functions, text);
	free(table);
	return err;
}

/* The code of a function, at most `size` bytes; how many, or -errno. */
static int read_code(const struct tls_image *image, uint64_t text,
		     const struct pclntab_function *function, uint8_t *code, uint64_t *ret_offset)
{
	uint64_t size = function->end - function->begin;
	uint64_t offset = tls_image_offset(image, text + function->begin, true);
	int err;

	if (!offset || size > FUNCTION_MAX || !tls_image_is_code(image, offset, size))
		return -EBADMSG;
	err = tls_image_bytes(image, offset, code, size);
	if (!err)
		*ret_offset = offset;
	return err ? err : (int)size;
}

static int find_sites(const struct tls_image *image, uint64_t text,
		      const struct pclntab_function *functions, struct tls_go_sites *sites)
{
	uint8_t code[FUNCTION_MAX];
	uint64_t offset;
	int size, site;

	size = read_code(image, text, &functions[GO_WRITE], code, &offset);
	site = size < 0 ? size : tls_go_write_site(code, (size_t)size);
	if (site < 0)
		return site;
	sites->write = offset + (uint64_t)site;
	size = read_code(image, text, &functions[GO_READ], code, &offset);
	site = size < 0 ? size
			: tls_go_read_site(code, (size_t)size, functions[GO_READ].begin,
					   functions[GO_COPY].begin, &sites->object_at);
	if (site < 0)
		return site;
	sites->read = offset + (uint64_t)site;
	return 0;
}

int tls_go_find(const struct tls_image *image, struct tls_go_sites *ret_sites, const char **ret_why)
{
	static const char *const sections[] = {".gopclntab", ".data.rel.ro.gopclntab"};
	struct pclntab_function functions[GO_FUNCTIONS];
	const Elf64_Shdr *section = NULL, *code;
	uint64_t text = 0;
	size_t i;
	int err;

	for (i = 0; i < sizeof(sections) / sizeof(sections[0]) && !section; i++)
		section = tls_image_section(image, sections[i]);
	if (!section)
		return -ENOENT;
	*ret_why = "its function table is not of Go 1.18 or later";
	err = read_table(image, section, functions, &text);
	if (err < 0)
		return err == -EBADMSG ? -ENOTSUP : err;
	if (!functions[GO_WRITE].end && !functions[GO_READ].end)
		return -ENOENT;
	code = tls_image_section(image, ".text");
	if (!text && code) /* position-independent: the loader fills it in */
		text = code->sh_addr;
	*ret_why = "its crypto/tls is compiled in a way that is not known";
	if (!functions[GO_WRITE].end || !functions[GO_READ].end || !functions[GO_COPY].end)
		return -ENOTSUP;
	err = find_sites(image, text, functions, ret_sites);
	return err == -EBADMSG ? -ENOTSUP : err;
}
