// SPDX-License-Identifier: Apache-2.0
/* Gives back the memory that starting up needed and serving does not. Shared by both processes. */
#ifndef OPERAGLASS_FOOTPRINT_H
#define OPERAGLASS_FOOTPRINT_H

#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Only what the program file says is never written to: what is needed again is mapped again from
 * the page cache, by a minor fault. Data and relocated constants, which would be lost, are in
 * writable segments. The kernel's own page of code is no file.
 */
static inline int footprint_forget_file(struct dl_phdr_info *object, size_t size, void *context)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin, end;
	int i;

	(void)size;
	(void)context;
	if (strstr(object->dlpi_name, "vdso"))
		return 0;
	for (i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
			continue;
		begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
		end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
		madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

/* When everything is set up, and after work that is done rarely. */
static inline void footprint_shrink(void)
{
	malloc_trim(0);
	dl_iterate_phdr(footprint_forget_file, NULL);
}

#endif
