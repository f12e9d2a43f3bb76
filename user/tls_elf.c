// SPDX-License-Identifier: Apache-2.0
#include "tls_elf.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define THIS_MACHINE EM_AARCH64
#endif

#define SEGMENTS_MAX  64
#define SECTIONS_MAX  512
#define NAME_MAX_SIZE 64 /* longer than any name that is asked for */
#define BLOCK_SYMBOLS 4096

struct elf {
	int fd;
	uint64_t size;	 /* of the file */
	uint64_t budget; /* bytes that may still be read */
	Elf64_Phdr segments[SEGMENTS_MAX];
	size_t segment_count;
	uint64_t section_offset;
	size_t section_count;
	const char *const *names;
	size_t count;
	uint64_t *offsets;
	uint64_t *sizes;
	size_t found;
};

static int read_at(struct elf *elf, uint64_t offset, void *into, uint64_t size)
{
	uint64_t done = 0;
	ssize_t got;

	if (offset > elf->size || size > elf->size - offset)
		return -EBADMSG;
	if (size > elf->budget)
		return -E2BIG;
	elf->budget -= size;
	while (done < size) {
		got = pread(elf->fd, (char *)into + done, size - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EBADMSG;
		done += (uint64_t)got;
	}
	return 0;
}

static int read_head(struct elf *elf)
{
	Elf64_Ehdr head;
	int err = read_at(elf, 0, &head, sizeof(head));

	if (err)
		return err == -EBADMSG ? -ENOEXEC : err;
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_machine != THIS_MACHINE ||
	    (head.e_type != ET_DYN && head.e_type != ET_EXEC))
		return -ENOEXEC;
	if (head.e_phnum > SEGMENTS_MAX || (head.e_phnum && head.e_phentsize != sizeof(Elf64_Phdr)))
		return -EBADMSG;
	elf->segment_count = head.e_phnum;
	err = read_at(elf, head.e_phoff, elf->segments, head.e_phnum * sizeof(Elf64_Phdr));
	if (err)
		return err;
	/* Files without sections, or with very many, still have their dynamic symbols. */
	if (head.e_shentsize == sizeof(Elf64_Shdr) && head.e_shnum <= SECTIONS_MAX) {
		elf->section_offset = head.e_shoff;
		elf->section_count = head.e_shnum;
	}
	return 0;
}

/* File offset of an address, 0: none. Only executable segments when `code`. */
static uint64_t offset_of(const struct elf *elf, uint64_t address, bool code)
{
	size_t i;

	for (i = 0; i < elf->segment_count; i++) {
		const Elf64_Phdr *segment = &elf->segments[i];

		if (segment->p_type != PT_LOAD || (code && !(segment->p_flags & PF_X)) ||
		    address < segment->p_vaddr || address - segment->p_vaddr >= segment->p_filesz)
			continue;
		address -= segment->p_vaddr;
		if (segment->p_offset >= elf->size || address >= elf->size - segment->p_offset)
			return 0;
		return segment->p_offset + address;
	}
	return 0;
}

/* Takes one symbol whose name starts at `text`. */
static void take(struct elf *elf, const Elf64_Sym *symbol, const char *text)
{
	uint64_t offset;
	size_t i;

	for (i = 0; i < elf->count; i++) {
		if (elf->offsets[i] || strcmp(text, elf->names[i]) != 0)
			continue;
		offset = offset_of(elf, symbol->st_value, true);
		if (!offset)
			return;
		elf->offsets[i] = offset;
		elf->sizes[i] = symbol->st_size;
		elf->found++;
		return;
	}
}

static bool is_function(const Elf64_Sym *symbol)
{
	return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
	       symbol->st_value != 0;
}

/* --- dynamic symbols, by their GNU hash table ---------------------------------------------------- */

struct dynamic {
	uint64_t hash, symbols, names, names_size; /* file offsets; size of the names */
};

static int read_dynamic(struct elf *elf, struct dynamic *dynamic)
{
	Elf64_Dyn entries[256];
	size_t i, count = 0;
	int err;

	memset(dynamic, 0, sizeof(*dynamic));
	for (i = 0; i < elf->segment_count; i++) {
		if (elf->segments[i].p_type != PT_DYNAMIC)
			continue;
		count = elf->segments[i].p_filesz / sizeof(Elf64_Dyn);
		if (count > sizeof(entries) / sizeof(entries[0]))
			return -EBADMSG;
		err = read_at(elf, elf->segments[i].p_offset, entries, count * sizeof(Elf64_Dyn));
		if (err)
			return err;
		break;
	}
	for (i = 0; i < count && entries[i].d_tag != DT_NULL; i++) {
		uint64_t value = entries[i].d_un.d_val;

		if (entries[i].d_tag == DT_GNU_HASH)
			dynamic->hash = offset_of(elf, value, false);
		else if (entries[i].d_tag == DT_SYMTAB)
			dynamic->symbols = offset_of(elf, value, false);
		else if (entries[i].d_tag == DT_STRTAB)
			dynamic->names = offset_of(elf, value, false);
		else if (entries[i].d_tag == DT_STRSZ)
			dynamic->names_size = value;
	}
	return dynamic->hash && dynamic->symbols && dynamic->names ? 0 : -ENOENT;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

/* Reads the name at `at` into text, which stays empty if it is too long to be one of ours. */
static int read_name(struct elf *elf, uint64_t names, uint64_t size, uint64_t at, char *text)
{
	uint64_t length;
	int err;

	memset(text, 0, NAME_MAX_SIZE);
	if (at >= size || names >= elf->size || at >= elf->size - names)
		return -EBADMSG;
	length = size - at;
	if (length > elf->size - names - at)
		length = elf->size - names - at;
	if (length > NAME_MAX_SIZE)
		length = NAME_MAX_SIZE;
	err = read_at(elf, names + at, text, length);
	if (!err && text[NAME_MAX_SIZE - 1])
		text[0] = '\0';
	return err;
}

static int find_dynamic(struct elf *elf, const struct dynamic *dynamic, const char *name)
{
	uint32_t head[4], bucket, hash = gnu_hash(name), value, chain_limit = 4096;
	uint64_t buckets, chains, index;
	char text[NAME_MAX_SIZE];
	Elf64_Sym symbol;
	int err = read_at(elf, dynamic->hash, head, sizeof(head));

	if (err || head[0] == 0)
		return err;
	buckets = dynamic->hash + sizeof(head) + (uint64_t)head[2] * 8;
	chains = buckets + (uint64_t)head[0] * 4;
	err = read_at(elf, buckets + (uint64_t)(hash % head[0]) * 4, &bucket, sizeof(bucket));
	if (err || bucket < head[1])
		return err;
	for (index = bucket; chain_limit--; index++) {
		err = read_at(elf, chains + (index - head[1]) * 4, &value, sizeof(value));
		if (err)
			return err;
		if ((value | 1) == (hash | 1)) {
			err = read_at(elf, dynamic->symbols + index * sizeof(symbol), &symbol,
				      sizeof(symbol));
			if (!err)
				err = read_name(elf, dynamic->names, dynamic->names_size,
						symbol.st_name, text);
			if (err)
				return err;
			if (!strcmp(text, name) && is_function(&symbol)) {
				take(elf, &symbol, text);
				return 0;
			}
		}
		if (value & 1)
			return 0;
	}
	return -EBADMSG;
}

/* --- the full symbol table ------------------------------------------------------------------------ */

static int scan_block(struct elf *elf, const Elf64_Sym *symbols, size_t count, const char *names,
		      uint64_t names_size)
{
	size_t i;

	for (i = 0; i < count && elf->found < elf->count; i++) {
		uint64_t at = symbols[i].st_name;

		if (!is_function(&symbols[i]))
			continue;
		if (at >= names_size)
			return -EBADMSG;
		/* The last byte of the names is NUL, made sure of by the caller. */
		take(elf, &symbols[i], names + at);
	}
	return 0;
}

static int scan_table(struct elf *elf, const Elf64_Shdr *table, const Elf64_Shdr *strings)
{
	uint64_t left = table->sh_size / sizeof(Elf64_Sym), at = table->sh_offset, count;
	Elf64_Sym *block = NULL;
	char *names = NULL;
	int err;

	if (!left || !strings->sh_size)
		return 0;
	if (strings->sh_size > elf->budget)
		return -E2BIG;
	if (strings->sh_size > elf->size)
		return -EBADMSG;
	names = malloc(strings->sh_size);
	block = malloc(BLOCK_SYMBOLS * sizeof(*block));
	err = names && block ? 0 : -ENOMEM;
	if (!err)
		err = read_at(elf, strings->sh_offset, names, strings->sh_size);
	if (!err)
		names[strings->sh_size - 1] = '\0';
	while (!err && left && elf->found < elf->count) {
		count = left < BLOCK_SYMBOLS ? left : BLOCK_SYMBOLS;
		err = read_at(elf, at, block, count * sizeof(*block));
		if (!err)
			err = scan_block(elf, block, count, names, strings->sh_size);
		at += count * sizeof(*block);
		left -= count;
	}
	free(block);
	free(names);
	return err;
}

static int scan_sections(struct elf *elf)
{
	Elf64_Shdr sections[SECTIONS_MAX];
	size_t i;
	int err;

	if (!elf->section_count)
		return 0;
	err = read_at(elf, elf->section_offset, sections, elf->section_count * sizeof(sections[0]));
	for (i = 0; !err && i < elf->section_count && elf->found < elf->count; i++) {
		if (sections[i].sh_type != SHT_SYMTAB && sections[i].sh_type != SHT_DYNSYM)
			continue;
		if (sections[i].sh_link >= elf->section_count ||
		    sections[i].sh_entsize != sizeof(Elf64_Sym))
			return -EBADMSG;
		err = scan_table(elf, &sections[i], &sections[sections[i].sh_link]);
	}
	return err;
}

static int open_elf(int fd, struct elf *elf)
{
	struct stat status;

	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -ENOEXEC;
	elf->fd = fd;
	elf->size = (uint64_t)status.st_size;
	elf->budget = TLS_ELF_READ_MAX;
	return read_head(elf);
}

int tls_elf_code(int fd, uint64_t offset, uint64_t *ret_begin, uint64_t *ret_end)
{
	struct elf elf = {};
	size_t i;
	int err = open_elf(fd, &elf);

	for (i = 0; !err && i < elf.segment_count; i++) {
		const Elf64_Phdr *segment = &elf.segments[i];

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) ||
		    segment->p_offset > elf.size ||
		    segment->p_filesz > elf.size - segment->p_offset ||
		    offset < segment->p_offset || offset - segment->p_offset >= segment->p_filesz)
			continue;
		*ret_begin = segment->p_offset;
		*ret_end = segment->p_offset + segment->p_filesz;
		return 0;
	}
	return err ? err : -ENOENT;
}

int tls_elf_functions(int fd, const char *const *names, size_t count, uint64_t *ret_offsets,
		      uint64_t *ret_sizes)
{
	uint64_t offsets[TLS_ELF_NAMES_MAX] = {0}, sizes[TLS_ELF_NAMES_MAX] = {0};
	struct elf elf = {.names = names, .count = count, .offsets = offsets, .sizes = sizes};
	struct dynamic dynamic;
	size_t i;
	int err;

	if (count > TLS_ELF_NAMES_MAX)
		return -EINVAL;
	err = open_elf(fd, &elf);
	if (err)
		return err;
	err = read_dynamic(&elf, &dynamic);
	for (i = 0; !err && i < count; i++)
		err = find_dynamic(&elf, &dynamic, names[i]);
	if (!err || err == -ENOENT)
		err = elf.found < count ? scan_sections(&elf) : 0;
	if (err)
		return err;
	memcpy(ret_offsets, offsets, count * sizeof(offsets[0]));
	if (ret_sizes)
		memcpy(ret_sizes, sizes, count * sizeof(sizes[0]));
	return (int)elf.found;
}
