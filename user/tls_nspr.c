// SPDX-License-Identifier: Apache-2.0
#include "tls_nspr.h"

#include <errno.h>
#include <string.h>

#include "code_stores.h"
#include "tls_relocations.h"
#include "tls_unwind.h"

/* struct PRIOMethods of NSPR's prio.h: pointers by these numbers, behind a word that tells the kind. */
#define SLOT_BYTES     8
#define SLOT_SEND_FILE 30
#define KIND_LAYER     4 /* PR_DESC_LAYERED */
#define IMPORT	       "PR_EmulateSendFile"

static const struct {
	const char *name;
	unsigned slot;
} slots[] = {
	{"ssl_Close", 1}, {"ssl_Read", 2}, {"ssl_Write", 3}, {"ssl_Recv", 17}, {"ssl_Send", 18},
};
#define SLOTS (sizeof(slots) / sizeof(slots[0]))

#define IMPORTS_MAX    4
#define REFERENCES_MAX 8
#define SCAN_BYTES     4096
#define SCAN_MAX       (16 * 1024 * 1024) /* of code; the library has a quarter of a megabyte */
/* What a pointer to the import counts as in code: no address. */
#define IMPORTED UINT64_MAX

struct table {
	uint64_t address;
	uint64_t offsets[SLOTS]; /* of its functions in the file */
	uint64_t sizes[SLOTS];
};

struct search {
	const struct tls_image *image;
	struct tls_relocations relocations;
	uint64_t imports[IMPORTS_MAX]; /* addresses of pointers to the import */
	size_t import_count;
	struct code_store stores[CODE_STORES_MAX];
	size_t store_count;
	struct table table;
	size_t found; /* different tables */
};

/* As the running program finds it. */
static bool linked(void *context, uint64_t address, uint64_t *ret_value)
{
	const struct search *search = context;
	size_t i;

	for (i = 0; i < search->import_count; i++)
		if (search->imports[i] == address) {
			*ret_value = IMPORTED;
			return true;
		}
	return tls_relocations_value(&search->relocations, address, ret_value);
}

/* As the code that was looked at leaves it. */
static bool stored(void *context, uint64_t address, uint64_t *ret_value)
{
	const struct search *search = context;
	size_t i;

	for (i = 0; i < search->store_count; i++)
		if (search->stores[i].address == address) {
			*ret_value = search->stores[i].value;
			return true;
		}
	return false;
}

/* Takes the table at this address, if it is one. */
static void take_table(struct search *search, uint64_t address, code_memory *memory)
{
	struct table table = {.address = address};
	uint64_t value, begin;
	size_t i;

	if (!memory(search, address, &value) || (uint32_t)value != KIND_LAYER)
		return;
	if (!memory(search, address + SLOT_SEND_FILE * SLOT_BYTES, &value) || value != IMPORTED)
		return;
	for (i = 0; i < SLOTS; i++) {
		if (!memory(search, address + (uint64_t)slots[i].slot * SLOT_BYTES, &value))
			return;
		table.offsets[i] = tls_image_offset(search->image, value, true);
		if (tls_unwind_function(search->image, table.offsets[i], &begin, &table.sizes[i]) ||
		    begin != table.offsets[i] ||
		    !tls_image_is_code(search->image, begin, table.sizes[i]))
			return;
	}
	if (search->found && search->table.address == address)
		return;
	search->table = table;
	search->found++;
}

/* A function that refers to the import, at this offset of the file: does it fill a table? It is `ahead`
 * of its place in the file, when it runs. */
static void look_at_function(struct search *search, uint64_t reference, uint64_t ahead)
{
	uint8_t code[CODE_FUNCTION_MAX];
	uint64_t begin, size;
	size_t i;
	int count;

	if (tls_unwind_function(search->image, reference, &begin, &size) || size > sizeof(code) ||
	    tls_image_bytes(search->image, begin, code, size))
		return;
	count = code_stores_find(code, size, begin + ahead, linked, search, search->stores);
	search->store_count = count > 0 ? (size_t)count : 0;
	for (i = 0; i < search->store_count; i++)
		if (search->stores[i].value == IMPORTED)
			take_table(search, search->stores[i].address - SLOT_SEND_FILE * SLOT_BYTES,
				   stored);
}

/* Four bytes that, counted from behind them, point to the import's pointer: an instruction may refer to
 * it there. */
static void scan_block(struct search *search, uint64_t offset, uint64_t ahead, const uint8_t *bytes,
		       size_t size, size_t *references)
{
	uint64_t target;
	int32_t distance;
	size_t i, j;

	for (i = 0; i + sizeof(distance) <= size; i++) {
		memcpy(&distance, bytes + i, sizeof(distance));
		target = offset + ahead + i + sizeof(distance) + (uint64_t)(int64_t)distance;
		for (j = 0; j < search->import_count; j++)
			if (target == search->imports[j] && *references < REFERENCES_MAX) {
				++*references;
				look_at_function(search, offset + i, ahead);
			}
	}
}

static int scan_code(struct search *search)
{
	uint8_t bytes[SCAN_BYTES + sizeof(int32_t) - 1];
	uint64_t done, size, left = SCAN_MAX;
	size_t i, references = 0;
	int err = 0;

	for (i = 0; i < search->image->segment_count; i++) {
		const Elf64_Phdr *segment = &search->image->segments[i];

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		for (done = 0; !err && done < segment->p_filesz && left >= SCAN_BYTES;
		     done += SCAN_BYTES, left -= SCAN_BYTES) {
			size = segment->p_filesz - done;
			if (size > sizeof(bytes))
				size = sizeof(bytes);
			err = tls_image_bytes(search->image, segment->p_offset + done, bytes, size);
			if (!err)
				scan_block(search, segment->p_offset + done,
					   segment->p_vaddr - segment->p_offset, bytes, size,
					   &references);
		}
	}
	return err;
}

int tls_nspr_find(const struct tls_image *image, const char *const *names, size_t count,
		  uint64_t *ret_offsets, uint64_t *ret_sizes)
{
	struct search search = {.image = image};
	size_t i, j;
	int err = tls_relocations_read(image, &search.relocations);

	if (err)
		return err;
	search.import_count =
		tls_relocations_named(&search.relocations, IMPORT, search.imports, IMPORTS_MAX);
	for (i = 0; i < search.import_count; i++)
		take_table(&search, search.imports[i] - SLOT_SEND_FILE * SLOT_BYTES, linked);
	if (search.import_count)
		err = scan_code(&search);
	tls_relocations_release(&search.relocations);
	if (err)
		return err;
	if (search.found != 1)
		return -ENOENT;
	for (i = 0; i < count; i++)
		for (j = 0; j < SLOTS; j++)
			if (!strcmp(names[i], slots[j].name)) {
				ret_offsets[i] = search.table.offsets[j];
				ret_sizes[i] = search.table.sizes[j];
			}
	return 0;
}
