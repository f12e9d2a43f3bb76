// SPDX-License-Identifier: Apache-2.0
#include "tls_image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define THIS_MACHINE EM_AARCH64
#endif

#define NOTES_MAX 4096

int tls_image_bytes(const struct tls_image *image, uint64_t offset, void *ret_bytes, size_t size)
{
	size_t done = 0;
	ssize_t got;

	if (offset > image->size || size > image->size - offset)
		return -EBADMSG;
	while (done < size) {
		got = pread(image->file, (char *)ret_bytes + done, size - done,
			    (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EBADMSG;
		done += (size_t)got;
	}
	return 0;
}

static int read_head(struct tls_image *image, Elf64_Ehdr *head)
{
	int err = tls_image_bytes(image, 0, head, sizeof(*head));

	if (err)
		return err == -EBADMSG ? -ENOEXEC : err;
	if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_ident[EI_CLASS] != ELFCLASS64 ||
	    head->e_ident[EI_DATA] != ELFDATA2LSB || head->e_machine != THIS_MACHINE ||
	    (head->e_type != ET_DYN && head->e_type != ET_EXEC))
		return -ENOEXEC;
	image->type = head->e_type;
	if (!head->e_phnum)
		return -ENOEXEC;
	if (head->e_phnum > TLS_IMAGE_SEGMENTS || head->e_phentsize != sizeof(Elf64_Phdr))
		return -EBADMSG;
	image->segment_count = head->e_phnum;
	return tls_image_bytes(image, head->e_phoff, image->segments,
			       head->e_phnum * sizeof(Elf64_Phdr));
}

static bool is_inside(const struct tls_image *image, const Elf64_Shdr *section)
{
	return section->sh_type != SHT_NOBITS && section->sh_offset <= image->size &&
	       section->sh_size <= image->size - section->sh_offset;
}

static int read_sections(struct tls_image *image, const Elf64_Ehdr *head)
{
	const Elf64_Shdr *names;
	size_t size;
	int err;

	if (head->e_shentsize != sizeof(Elf64_Shdr) || head->e_shnum > TLS_IMAGE_SECTIONS ||
	    head->e_shstrndx >= head->e_shnum)
		return 0;
	err = tls_image_bytes(image, head->e_shoff, image->sections,
			      head->e_shnum * sizeof(Elf64_Shdr));
	if (err == -EBADMSG) /* cut off, as some packers do */
		return 0;
	names = &image->sections[head->e_shstrndx];
	if (err || !is_inside(image, names))
		return err;
	size = names->sh_size < sizeof(image->names) ? names->sh_size : sizeof(image->names) - 1;
	err = tls_image_bytes(image, names->sh_offset, image->names, size);
	if (!err)
		image->section_count = head->e_shnum;
	return err;
}

/* One note of `size` bytes at most; returns its whole length, 0 when it is none. */
static size_t take_note(struct tls_image *image, const uint8_t *bytes, size_t size)
{
	uint64_t name, length;
	Elf64_Nhdr note;
	size_t i;

	if (size < sizeof(note))
		return 0;
	memcpy(&note, bytes, sizeof(note));
	name = ((uint64_t)note.n_namesz + 3) & ~3ULL;
	length = sizeof(note) + name + (((uint64_t)note.n_descsz + 3) & ~3ULL);
	if (length > size)
		return 0;
	if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
	    !memcmp(bytes + sizeof(note), "GNU", 4) && note.n_descsz <= (TLS_BUILD_ID_SIZE - 1) / 2)
		for (i = 0; i < note.n_descsz; i++)
			snprintf(image->build_id + 2 * i, 3, "%02x",
				 bytes[sizeof(note) + name + i]);
	return length;
}

static void read_build_id(struct tls_image *image)
{
	uint8_t notes[NOTES_MAX];
	size_t i, at, size, length;

	for (i = 0; i < image->segment_count && !image->build_id[0]; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		if (segment->p_type != PT_NOTE)
			continue;
		size = segment->p_filesz < sizeof(notes) ? segment->p_filesz : sizeof(notes);
		if (tls_image_bytes(image, segment->p_offset, notes, size))
			continue;
		for (at = 0; at < size; at += length) {
			length = take_note(image, notes + at, size - at);
			if (!length)
				break;
		}
	}
}

int tls_image_read(int file, struct tls_image *ret_image)
{
	struct stat status;
	Elf64_Ehdr head;
	int err;

	memset(ret_image, 0, sizeof(*ret_image));
	if (fstat(file, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -ENOEXEC;
	ret_image->file = file;
	ret_image->size = (uint64_t)status.st_size;
	err = read_head(ret_image, &head);
	if (!err)
		err = read_sections(ret_image, &head);
	if (!err)
		read_build_id(ret_image);
	return err;
}

const Elf64_Shdr *tls_image_section(const struct tls_image *image, const char *name)
{
	size_t i;

	for (i = 1; i < image->section_count; i++) {
		const Elf64_Shdr *section = &image->sections[i];

		if (section->sh_name < sizeof(image->names) && is_inside(image, section) &&
		    !strcmp(image->names + section->sh_name, name))
			return section;
	}
	return NULL;
}

uint64_t tls_image_offset(const struct tls_image *image, uint64_t address, bool code)
{
	size_t i;

	for (i = 0; i < image->segment_count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		uint64_t into = address - segment->p_vaddr;

		if (segment->p_type != PT_LOAD || (code && !(segment->p_flags & PF_X)) ||
		    address < segment->p_vaddr || into >= segment->p_filesz)
			continue;
		if (segment->p_offset >= image->size || into >= image->size - segment->p_offset)
			return 0;
		return segment->p_offset + into;
	}
	return 0;
}

bool tls_image_is_code(const struct tls_image *image, uint64_t offset, uint64_t size)
{
	size_t i;

	for (i = 0; i < image->segment_count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		if (segment->p_type == PT_LOAD && segment->p_flags & PF_X &&
		    offset >= segment->p_offset && offset - segment->p_offset < segment->p_filesz &&
		    size <= segment->p_filesz - (offset - segment->p_offset) &&
		    offset < image->size && size <= image->size - offset)
			return true;
	}
	return false;
}
