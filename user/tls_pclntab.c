// SPDX-License-Identifier: Apache-2.0
#include "tls_pclntab.h"

#include <errno.h>
#include <string.h>

#define MAGIC_1_18 0xfffffff0u
#define MAGIC_1_20 0xfffffff1u
#define NAME_SIZE  128

/* src/runtime/symtab.go, pcHeader: the words behind the first eight bytes. */
enum {
	WORD_FUNCTIONS,
	WORD_FILES,
	WORD_TEXT,
	WORD_NAMES,
	WORD_UNITS,
	WORD_FILE_TABLE,
	WORD_PC_TABLE,
	WORD_ROWS,
	WORDS,
};

struct table {
	const uint8_t *bytes;
	size_t size;
	uint64_t words[WORDS];
};

static uint32_t number(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static int open_table(const uint8_t *bytes, size_t size, struct table *table)
{
	const size_t head = 8 + WORDS * sizeof(uint64_t);
	uint32_t magic;

	if (size < head)
		return -EBADMSG;
	magic = number(bytes);
	/* Two zeros, the size of the smallest instruction, of a pointer. */
	if ((magic != MAGIC_1_18 && magic != MAGIC_1_20) || bytes[4] || bytes[5] || bytes[7] != 8)
		return -ENOTSUP;
	table->bytes = bytes;
	table->size = size;
	memcpy(table->words, bytes + 8, sizeof(table->words));
	if (table->words[WORD_NAMES] >= size || table->words[WORD_ROWS] >= size ||
	    table->words[WORD_UNITS] > size ||
	    table->words[WORD_UNITS] < table->words[WORD_NAMES] ||
	    table->words[WORD_FUNCTIONS] >= (size - table->words[WORD_ROWS]) / 8)
		return -EBADMSG;
	return 0;
}

/* Where a name stands among the names; -ENOENT: nowhere. */
static int64_t name_at(const struct table *table, const char *name)
{
	const uint8_t *names = table->bytes + table->words[WORD_NAMES], *at;
	size_t size = table->words[WORD_UNITS] - table->words[WORD_NAMES];
	size_t length = strlen(name);
	char whole[NAME_SIZE] = "";

	if (length + 2 > sizeof(whole))
		return -ENOENT;
	memcpy(whole + 1, name, length); /* between the NUL of the name before it and its own */
	at = memmem(names, size, whole, length + 2);
	return at ? at + 1 - names : -ENOENT;
}

/* The row's name, as an offset among the names; -EBADMSG: its description is not in the table. */
static int64_t name_of(const struct table *table, const uint8_t *row)
{
	uint64_t at = table->words[WORD_ROWS] + number(row + 4);

	if (at > table->size - 8)
		return -EBADMSG;
	return number(table->bytes + at + 4); /* after the function's entry */
}

int pclntab_find(const uint8_t *bytes, size_t size, const char *const *names, size_t count,
		 struct pclntab_function *ret_functions, uint64_t *ret_text)
{
	struct table table;
	uint64_t wanted[8], i;
	size_t name;
	int64_t at;
	int err, found = 0;

	if (count > sizeof(wanted) / sizeof(wanted[0]))
		return -EINVAL;
	err = open_table(bytes, size, &table);
	if (err)
		return err;
	memset(ret_functions, 0, count * sizeof(*ret_functions));
	for (name = 0; name < count; name++)
		wanted[name] = (uint64_t)name_at(&table, names[name]);
	for (i = 0; i < table.words[WORD_FUNCTIONS]; i++) {
		const uint8_t *row = bytes + table.words[WORD_ROWS] + i * 8;
		struct pclntab_function function = {number(row), number(row + 8)};

		at = name_of(&table, row);
		if (at < 0 || function.end <= function.begin)
			return -EBADMSG;
		for (name = 0; name < count; name++)
			if ((uint64_t)at == wanted[name] && !ret_functions[name].end) {
				ret_functions[name] = function;
				found++;
			}
	}
	*ret_text = table.words[WORD_TEXT];
	return found;
}
