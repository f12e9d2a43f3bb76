// SPDX-License-Identifier: Apache-2.0
/* A directory of one test alone, below TMPDIR. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_SIZE   64 /* short enough for the address of a socket in it */
#define SCRATCH_UNIQUE 6  /* what mkdtemp() fills in */

/* Of mode 0700; where TMPDIR is none or too long, it lies where the C library has temporary files. */
static inline int scratch_make(char ret_path[SCRATCH_SIZE])
{
	const char *const parents[] = {getenv("TMPDIR"), P_tmpdir};
	char path[SCRATCH_SIZE];
	size_t i;
	int size;

	for (i = 0; i < sizeof(parents) / sizeof(*parents); i++) {
		if (!parents[i])
			continue;
		size = snprintf(path, sizeof(path) - SCRATCH_UNIQUE, "%s/operaglass-unit-",
				parents[i]);
		if (size >= (int)sizeof(path) - SCRATCH_UNIQUE)
			continue;
		memset(path + size, 'X', SCRATCH_UNIQUE);
		path[size + SCRATCH_UNIQUE] = '\0';
		if (!mkdtemp(path))
			return -errno;
		memcpy(ret_path, path, sizeof(path));
		return 0;
	}
	return -ENAMETOOLONG;
}

static inline int scratch_entry(const char *path, const struct stat *status, int kind,
				struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path) ? -errno : 0;
}

/* With all that is in it, through no link. */
static inline int scratch_remove(const char *path)
{
	return nftw(path, scratch_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
