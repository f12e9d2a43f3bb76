// SPDX-License-Identifier: Apache-2.0
/*
 * Files of which one look at their numbers tells that there is nothing to do: thousands of mappings a
 * second are of them. Forgets when it has no room: that costs a second look. Pure.
 */
#ifndef OPERAGLASS_TLS_FILES_H
#define OPERAGLASS_TLS_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum tls_file_kind {
	TLS_FILE_UNKNOWN = 0,
	TLS_FILE_EMPTY,	   /* was looked into: nothing, whoever maps it */
	TLS_FILE_OTHERS,   /* is of interest only when an agent maps it, which none has yet */
	TLS_FILE_SETTLED,  /* has its probes, and what the next scan must know of it */
	TLS_FILE_LEFT_OUT, /* should have them, and cannot: was counted as lost */
	TLS_FILE_COUNTED,  /* the same, and it may be possible by now */
};

struct tls_file {
	dev_t device;
	ino_t inode;
	uint64_t generation; /* of a number that is used again; 0: not told */
	enum tls_file_kind kind;
	bool seen; /* mapped, since the scan began that goes on or was last */
};

#define TLS_FILES_WAYS 4
#define TLS_FILES_BITS 9 /* some 2,000 files */

struct tls_files {
	struct tls_file rows[1 << TLS_FILES_BITS][TLS_FILES_WAYS];
	uint32_t next; /* to be given up */
};

/* NULL: TLS_FILE_UNKNOWN. Another generation is another file. */
struct tls_file *tls_files_find(struct tls_files *files, dev_t device, ino_t inode,
				uint64_t generation);

void tls_files_set(struct tls_files *files, dev_t device, ino_t inode, uint64_t generation,
		   enum tls_file_kind kind);

/* Before a scan, and whenever targets went or the scope changed: everything but what is empty is
 * decided again; what was left out, without being counted again. */
void tls_files_unsettle(struct tls_files *files);

/* Around a scan of all mappings: forgets the files that nobody maps any more. */
void tls_files_begin_scan(struct tls_files *files);
void tls_files_end_scan(struct tls_files *files);

#endif
