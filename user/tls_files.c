// SPDX-License-Identifier: Apache-2.0
#include "tls_files.h"

#include <stddef.h>

#define FILES ((size_t)TLS_FILES_WAYS << TLS_FILES_BITS)

static struct tls_file *set_of(struct tls_files *files, dev_t device, ino_t inode)
{
	uint64_t hash = (inode ^ (uint64_t)device << 40) * 0x9e3779b97f4a7c15ULL;

	return files->rows[hash >> (64 - TLS_FILES_BITS)];
}

struct tls_file *tls_files_find(struct tls_files *files, dev_t device, ino_t inode,
				uint64_t generation)
{
	struct tls_file *set = set_of(files, device, inode);
	size_t i;

	for (i = 0; i < TLS_FILES_WAYS; i++) {
		if (set[i].inode != inode || set[i].device != device || !set[i].kind)
			continue;
		if (!generation || !set[i].generation || set[i].generation == generation)
			return &set[i];
		set[i].kind = TLS_FILE_UNKNOWN;
		return NULL;
	}
	return NULL;
}

void tls_files_set(struct tls_files *files, dev_t device, ino_t inode, uint64_t generation,
		   enum tls_file_kind kind)
{
	struct tls_file *file = tls_files_find(files, device, inode, generation), *set;
	size_t i;

	if (!file && kind == TLS_FILE_UNKNOWN)
		return;
	if (!file) {
		set = set_of(files, device, inode);
		file = &set[files->next++ % TLS_FILES_WAYS];
		for (i = 0; i < TLS_FILES_WAYS; i++)
			if (!set[i].kind)
				file = &set[i];
	}
	*file = (struct tls_file){device, inode, generation, kind, true};
}

void tls_files_unsettle(struct tls_files *files)
{
	static const enum tls_file_kind unsettled[] = {
		[TLS_FILE_UNKNOWN] = TLS_FILE_UNKNOWN,	[TLS_FILE_EMPTY] = TLS_FILE_EMPTY,
		[TLS_FILE_OTHERS] = TLS_FILE_UNKNOWN,	[TLS_FILE_SETTLED] = TLS_FILE_UNKNOWN,
		[TLS_FILE_LEFT_OUT] = TLS_FILE_COUNTED, [TLS_FILE_COUNTED] = TLS_FILE_COUNTED,
	};
	struct tls_file *file = files->rows[0];
	size_t i;

	for (i = 0; i < FILES; i++, file++)
		file->kind = unsettled[file->kind];
}

void tls_files_begin_scan(struct tls_files *files)
{
	struct tls_file *file = files->rows[0];
	size_t i;

	tls_files_unsettle(files);
	for (i = 0; i < FILES; i++, file++)
		if (file->kind)
			file->seen = false;
}

void tls_files_end_scan(struct tls_files *files)
{
	struct tls_file *file = files->rows[0];
	size_t i;

	for (i = 0; i < FILES; i++, file++)
		if (!file->seen)
			file->kind = TLS_FILE_UNKNOWN;
}
