// SPDX-License-Identifier: Apache-2.0
/*
 * An SQLite VFS over the usual one whose disk fails on demand: from the Nth change of a file on
 * (write, sync, truncate), once or for good. It also knows whether the log (the WAL) has bytes that
 * a loss of power would take. shim_install() makes it the default.
 */
#ifndef TESTS_JOURNAL_SHIM_H
#define TESTS_JOURNAL_SHIM_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

struct shim_file {
	sqlite3_file base;
	sqlite3_file *real; /* behind this struct */
	int is_log;
};

static struct {
	sqlite3_vfs vfs, *real;
	atomic_int countdown; /* 0: nothing fails; 1: the next change does */
	atomic_int full;      /* the disk is full; otherwise it is broken */
	atomic_int corrupt;   /* what fails says that the file is malformed */
	atomic_int for_good;
	atomic_int failures;
	atomic_int log_writes;	 /* since shim_install() */
	atomic_int log_unsynced; /* of them, those that no sync followed yet */
} shim;

static sqlite3_file *shim_real(sqlite3_file *file)
{
	return ((struct shim_file *)file)->real;
}

/* The result of a change that fails, or SQLITE_OK. */
static int shim_strike(int broken)
{
	int left = atomic_load(&shim.countdown);

	if (left == 0)
		return SQLITE_OK;
	if (left > 1) {
		atomic_store(&shim.countdown, left - 1);
		return SQLITE_OK;
	}
	if (!atomic_load(&shim.for_good))
		atomic_store(&shim.countdown, 0);
	atomic_fetch_add(&shim.failures, 1);
	if (atomic_load(&shim.corrupt))
		return SQLITE_CORRUPT;
	return atomic_load(&shim.full) ? SQLITE_FULL : broken;
}

#define SHIM_PASS(name, parameters, call)          \
	static int shim_##name parameters          \
	{                                          \
		sqlite3_file *f = shim_real(file); \
                                                   \
		return f->pMethods->call;          \
	}

SHIM_PASS(close, (sqlite3_file * file), xClose(f))
SHIM_PASS(read, (sqlite3_file * file, void *to, int size, sqlite3_int64 at), xRead(f, to, size, at))
SHIM_PASS(size, (sqlite3_file * file, sqlite3_int64 *size), xFileSize(f, size))
SHIM_PASS(lock, (sqlite3_file * file, int kind), xLock(f, kind))
SHIM_PASS(unlock, (sqlite3_file * file, int kind), xUnlock(f, kind))
SHIM_PASS(reserved, (sqlite3_file * file, int *held), xCheckReservedLock(f, held))
SHIM_PASS(control, (sqlite3_file * file, int op, void *with), xFileControl(f, op, with))
SHIM_PASS(sector, (sqlite3_file * file), xSectorSize(f))
SHIM_PASS(traits, (sqlite3_file * file), xDeviceCharacteristics(f))
SHIM_PASS(shm_map, (sqlite3_file * file, int page, int size, int extend, void volatile **to),
	  xShmMap(f, page, size, extend, to))
SHIM_PASS(shm_lock, (sqlite3_file * file, int at, int count, int flags),
	  xShmLock(f, at, count, flags))
SHIM_PASS(shm_unmap, (sqlite3_file * file, int erase), xShmUnmap(f, erase))

static void shim_shm_barrier(sqlite3_file *file)
{
	shim_real(file)->pMethods->xShmBarrier(shim_real(file));
}

static int shim_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 at)
{
	int result = shim_strike(SQLITE_IOERR_WRITE);

	/* Half of it may have reached the disk. */
	if (result != SQLITE_OK)
		size /= 2;
	if (size > 0)
		shim_real(file)->pMethods->xWrite(shim_real(file), from, size, at);
	if (((struct shim_file *)file)->is_log) {
		atomic_fetch_add(&shim.log_writes, 1);
		atomic_fetch_add(&shim.log_unsynced, 1);
	}
	return result;
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int result = shim_strike(SQLITE_IOERR_TRUNCATE);

	return result ? result : shim_real(file)->pMethods->xTruncate(shim_real(file), size);
}

static int shim_sync(sqlite3_file *file, int flags)
{
	int result = shim_strike(SQLITE_IOERR_FSYNC);

	if (!result && ((struct shim_file *)file)->is_log)
		atomic_store(&shim.log_unsynced, 0);
	return result ? result : shim_real(file)->pMethods->xSync(shim_real(file), flags);
}

static const sqlite3_io_methods shim_methods = {
	.iVersion = 2,
	.xClose = shim_close,
	.xRead = shim_read,
	.xWrite = shim_write,
	.xTruncate = shim_truncate,
	.xSync = shim_sync,
	.xFileSize = shim_size,
	.xLock = shim_lock,
	.xUnlock = shim_unlock,
	.xCheckReservedLock = shim_reserved,
	.xFileControl = shim_control,
	.xSectorSize = shim_sector,
	.xDeviceCharacteristics = shim_traits,
	.xShmMap = shim_shm_map,
	.xShmLock = shim_shm_lock,
	.xShmBarrier = shim_shm_barrier,
	.xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		     int *ret_flags)
{
	struct shim_file *mine = (struct shim_file *)file;
	int result;

	(void)vfs;
	mine->real = (sqlite3_file *)(mine + 1);
	mine->is_log = (flags & SQLITE_OPEN_WAL) != 0;
	result = shim.real->xOpen(shim.real, name, mine->real, flags, ret_flags);
	mine->base.pMethods = mine->real->pMethods ? &shim_methods : NULL;
	return result;
}

static void shim_install(void)
{
	shim.real = sqlite3_vfs_find(NULL);
	shim.vfs = *shim.real;
	shim.vfs.zName = "shim";
	shim.vfs.pNext = NULL;
	shim.vfs.szOsFile = (int)sizeof(struct shim_file) + shim.real->szOsFile;
	shim.vfs.xOpen = shim_open;
	sqlite3_vfs_register(&shim.vfs, 1);
}

/* The Nth change from now on fails; 0: none. */
static void shim_arm(int nth, int full, int for_good)
{
	atomic_store(&shim.full, full);
	atomic_store(&shim.corrupt, 0);
	atomic_store(&shim.for_good, for_good);
	atomic_store(&shim.failures, 0);
	atomic_store(&shim.countdown, nth);
}

static inline void shim_corrupt(int nth)
{
	shim_arm(nth, 0, 0);
	atomic_store(&shim.corrupt, 1);
}

#endif
