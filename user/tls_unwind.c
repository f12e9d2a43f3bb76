// SPDX-License-Identifier: Apache-2.0
#include "tls_unwind.h"

#include <errno.h>
#include <stddef.h>

enum { /* how pointers are written: DW_EH_PE_* of the Linux Standard Base */
	UDATA4 = 0x03,
	PC_RELATIVE_SDATA4 = 0x1b,
	TABLE_RELATIVE_SDATA4 = 0x3b,
};

/* As every linker writes it; another form counts as no table. */
struct unwind_head {
	uint8_t version;
	uint8_t frames_encoding;
	uint8_t count_encoding;
	uint8_t table_encoding;
	int32_t frames;
	uint32_t count;
};

struct unwind_row { /* ascending; from the address of the head */
	int32_t begin;
	int32_t description;
};

struct unwind_description { /* of one function, behind its length */
	uint32_t length;
	uint32_t common;
	int32_t begin; /* from this member's own address */
	uint32_t size;
};

struct table {
	const struct tls_image *image;
	uint64_t offset, address; /* of the head */
	uint32_t count;
};

static int find_table(const struct tls_image *image, struct table *ret_table)
{
	struct unwind_head head;
	size_t i;
	int err;

	for (i = 0; i < image->segment_count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		if (segment->p_type != PT_GNU_EH_FRAME)
			continue;
		err = tls_image_bytes(image, segment->p_offset, &head, sizeof(head));
		if (err)
			return err;
		if (head.version != 1 || head.frames_encoding != PC_RELATIVE_SDATA4 ||
		    head.count_encoding != UDATA4 || head.table_encoding != TABLE_RELATIVE_SDATA4)
			return -ENOENT;
		*ret_table = (struct table){image, segment->p_offset, segment->p_vaddr, head.count};
		return 0;
	}
	return -ENOENT;
}

static uint64_t address_of(const struct tls_image *image, uint64_t offset)
{
	size_t i;

	for (i = 0; i < image->segment_count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		if (segment->p_type == PT_LOAD && segment->p_flags & PF_X &&
		    offset >= segment->p_offset && offset - segment->p_offset < segment->p_filesz)
			return segment->p_vaddr + (offset - segment->p_offset);
	}
	return 0;
}

static int read_row(const struct table *table, uint32_t number, struct unwind_row *ret_row)
{
	uint64_t at = table->offset + sizeof(struct unwind_head) +
		      (uint64_t)number * sizeof(struct unwind_row);

	return tls_image_bytes(table->image, at, ret_row, sizeof(*ret_row));
}

/* The last row that begins at this address or before it. */
static int find_row(const struct table *table, uint64_t address, struct unwind_row *ret_row)
{
	uint32_t low = 0, high = table->count, middle;
	struct unwind_row row;
	int err;

	while (low < high) { /* rows below `low` begin early enough, those from `high` on do not */
		middle = low + (high - low) / 2;
		err = read_row(table, middle, &row);
		if (err)
			return err;
		if (table->address + (uint64_t)(int64_t)row.begin <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? read_row(table, low - 1, ret_row) : -ENOENT;
}

int tls_unwind_function(const struct tls_image *image, uint64_t offset, uint64_t *ret_begin,
			uint64_t *ret_size)
{
	uint64_t address = address_of(image, offset), begin, at, place;
	struct unwind_description description;
	struct unwind_row row;
	struct table table;
	int err = find_table(image, &table);

	if (!err && !address)
		err = -ENOENT;
	if (!err)
		err = find_row(&table, address, &row);
	if (err)
		return err;
	begin = table.address + (uint64_t)(int64_t)row.begin;
	at = table.address + (uint64_t)(int64_t)row.description;
	place = tls_image_offset(image, at, false);
	if (!place)
		return -ENOENT;
	err = tls_image_bytes(image, place, &description, sizeof(description));
	if (err)
		return err;
	at += offsetof(struct unwind_description, begin);
	if (at + (uint64_t)(int64_t)description.begin != begin) /* it is written in another way */
		return -ENOENT;
	if (address - begin >= description.size || address - begin >= offset)
		return -ENOENT; /* between functions, or in one that the table does not have */
	*ret_begin = offset - (address - begin);
	*ret_size = description.size;
	return 0;
}

int tls_unwind_begin(const struct tls_image *image, uint64_t offset, uint64_t *ret_begin)
{
	uint64_t size;

	return tls_unwind_function(image, offset, ret_begin, &size);
}
