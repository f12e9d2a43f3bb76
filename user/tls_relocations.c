// SPDX-License-Identifier: Apache-2.0
#include "tls_relocations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define RELATIVE R_X86_64_RELATIVE
#define ABSOLUTE R_X86_64_64
#define GLOBAL	 R_X86_64_GLOB_DAT
#elif defined(__aarch64__)
#define RELATIVE R_AARCH64_RELATIVE
#define ABSOLUTE R_AARCH64_ABS64
#define GLOBAL	 R_AARCH64_GLOB_DAT
#endif

#define DYNAMIC_MAX 256
#define NAME_SIZE   64

/* The values of the dynamic section's entries that are of interest. */
struct dynamic {
	uint64_t rela, rela_size, symbols, names, names_size;
};

static int read_dynamic(const struct tls_image *image, struct dynamic *ret_dynamic)
{
	Elf64_Dyn entries[DYNAMIC_MAX];
	struct dynamic dynamic = {};
	size_t i, count = 0;
	int err = -ENOENT;

	for (i = 0; i < image->segment_count && err == -ENOENT; i++) {
		if (image->segments[i].p_type != PT_DYNAMIC)
			continue;
		count = image->segments[i].p_filesz / sizeof(entries[0]);
		if (count > DYNAMIC_MAX)
			return -EBADMSG;
		err = tls_image_bytes(image, image->segments[i].p_offset, entries,
				      count * sizeof(entries[0]));
	}
	for (i = 0; !err && i < count && entries[i].d_tag != DT_NULL; i++) {
		const struct {
			int64_t tag;
			uint64_t *value;
		} wanted[] = {
			{DT_RELA, &dynamic.rela},	 {DT_RELASZ, &dynamic.rela_size},
			{DT_SYMTAB, &dynamic.symbols},	 {DT_STRTAB, &dynamic.names},
			{DT_STRSZ, &dynamic.names_size},
		};
		size_t j;

		for (j = 0; j < sizeof(wanted) / sizeof(wanted[0]); j++)
			if (entries[i].d_tag == wanted[j].tag)
				*wanted[j].value = entries[i].d_un.d_val;
	}
	*ret_dynamic = dynamic;
	return err;
}

int tls_relocations_read(const struct tls_image *image, struct tls_relocations *ret_relocations)
{
	struct tls_relocations relocations = {.image = image};
	struct dynamic dynamic;
	uint64_t offset;
	int err = read_dynamic(image, &dynamic);

	if (err)
		return err;
	relocations.count = dynamic.rela_size / sizeof(relocations.rows[0]);
	relocations.names_size = dynamic.names_size;
	relocations.symbols = tls_image_offset(image, dynamic.symbols, false);
	relocations.names = tls_image_offset(image, dynamic.names, false);
	offset = tls_image_offset(image, dynamic.rela, false);
	if (!relocations.count || !relocations.symbols || !relocations.names || !offset)
		return -ENOENT;
	if (relocations.count > TLS_RELOCATIONS_MAX)
		return -E2BIG;
	relocations.rows = calloc(relocations.count, sizeof(relocations.rows[0]));
	if (!relocations.rows)
		return -ENOMEM;
	err = tls_image_bytes(image, offset, relocations.rows,
			      relocations.count * sizeof(relocations.rows[0]));
	if (err)
		free(relocations.rows);
	else
		*ret_relocations = relocations;
	return err;
}

void tls_relocations_release(struct tls_relocations *relocations)
{
	free(relocations->rows);
	relocations->rows = NULL;
	relocations->count = 0;
}

static bool is_import_of(const struct tls_relocations *relocations, const Elf64_Rela *row,
			 const char *name)
{
	uint64_t type = ELF64_R_TYPE(row->r_info), index = ELF64_R_SYM(row->r_info);
	size_t size = strlen(name) + 1;
	char text[NAME_SIZE];
	Elf64_Sym symbol;

	if ((type != ABSOLUTE && type != GLOBAL) || row->r_addend || size > sizeof(text) ||
	    tls_image_bytes(relocations->image, relocations->symbols + index * sizeof(symbol),
			    &symbol, sizeof(symbol)) ||
	    symbol.st_shndx != SHN_UNDEF || symbol.st_name > relocations->names_size ||
	    size > relocations->names_size - symbol.st_name)
		return false;
	return !tls_image_bytes(relocations->image, relocations->names + symbol.st_name, text,
				size) &&
	       !memcmp(text, name, size);
}

size_t tls_relocations_named(const struct tls_relocations *relocations, const char *name,
			     uint64_t *ret_addresses, size_t max)
{
	size_t i, count = 0;

	for (i = 0; i < relocations->count && count < max; i++)
		if (is_import_of(relocations, &relocations->rows[i], name))
			ret_addresses[count++] = relocations->rows[i].r_offset;
	return count;
}

bool tls_relocations_value(const struct tls_relocations *relocations, uint64_t address,
			   uint64_t *ret_value)
{
	uint64_t offset = tls_image_offset(relocations->image, address, false);
	size_t i;

	for (i = 0; i < relocations->count; i++) {
		const Elf64_Rela *row = &relocations->rows[i];

		if (row->r_offset != address)
			continue;
		if (ELF64_R_TYPE(row->r_info) != RELATIVE)
			return false;
		*ret_value = (uint64_t)row->r_addend;
		return true;
	}
	/* Constants, and pointers whose relocations are packed: those lie there as they were linked. */
	return offset &&
	       !tls_image_bytes(relocations->image, offset, ret_value, sizeof(*ret_value));
}
