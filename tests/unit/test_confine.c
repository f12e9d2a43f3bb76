// SPDX-License-Identifier: Apache-2.0
/* In children, because there is no way back. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "scratch.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

/* The journal's, and one that is not. */
static char directory[SCRATCH_SIZE], outside[SCRATCH_SIZE];

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* The line of the first thing that went wrong; 0: nothing. */
#define NEED(condition)                  \
	do                               \
		if (!(condition))        \
			return __LINE__; \
	while (0)

static void run(int (*child)(void))
{
	int status, line;
	pid_t pid;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		line = child();
		/* Raw: what the sanitizer does before _exit() is not in the filter. */
		syscall(SYS_exit_group, write(pipes[1], &line, sizeof(line)) != sizeof(line));
	}
	assert_true(pid > 0);
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &line, sizeof(line)), sizeof(line));
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(line, 0);
	assert_int_equal(status, 0);
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* What the journal does in a life. */
static int use_sqlite(void)
{
	sqlite3 *db = NULL;

	NEED(sqlite3_open(path_of("journal.db"), &db) == SQLITE_OK);
	NEED(sqlite3_exec(
		     db,
		     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		     "CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES(1); PRAGMA wal_checkpoint;"
		     "DELETE FROM t; VACUUM;",
		     NULL, NULL, NULL) == SQLITE_OK);
	NEED(sqlite3_close(db) == SQLITE_OK);
	return 0;
}

static int files(void)
{
	int expected = has_landlock() ? -1 : 0, fd;
	char path[SCRATCH_SIZE + 8];

	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	NEED(confine_files(directory) == 0);
	NEED(use_sqlite() == 0);
	fd = open("/usr/share/zoneinfo/Europe/Berlin", O_RDONLY);
	NEED(fd >= 0);
	close(fd);
	fd = open("/etc/passwd", O_RDONLY);
	NEED((fd < 0) == (expected < 0));
	NEED(fd >= 0 || errno == EACCES);
	snprintf(path, sizeof(path), "%s/file", outside);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	NEED((fd < 0) == (expected < 0));
	return 0;
}

static int released[2], answers[2];

/* Began before the filter was there; it does not end, because a sanitized thread's end does what no
 * other thread's does. */
static void *old_thread(void *context)
{
	char byte;
	int fd, result, zero = 0;

	(void)context;
	if (write(answers[1], &zero, sizeof(zero)) != sizeof(zero) ||
	    read(released[0], &byte, 1) != 1)
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	result = fd < 0 ? errno : 0;
	if (write(answers[1], &result, sizeof(result)) == sizeof(result) &&
	    read(released[0], &byte, 1))
		return NULL;
	return NULL;
}

static int calls(void)
{
	pthread_t thread;
	int result, fd;
	void *memory;

	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	NEED(pipe(released) == 0 && pipe(answers) == 0);
	NEED(pthread_create(&thread, NULL, old_thread, NULL) == 0);
	NEED(read(answers[0], &result, sizeof(result)) == sizeof(result));
	NEED(confine_calls() == 0);
	NEED(use_sqlite() == 0);
	fd = open(path_of("owner"), O_RDWR | O_CREAT, 0600);
	NEED(fd >= 0);
	NEED(fchown(fd, 1, 1) == -1 && errno == EPERM);
	NEED(unlink(path_of("owner")) == 0);
	NEED(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM);
	NEED(fork() == -1 && errno == EPERM);
	memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(memory == MAP_FAILED && errno == EPERM);
	NEED(write(released[1], "", 1) == 1);
	NEED(read(answers[0], &result, sizeof(result)) == sizeof(result));
	NEED(result == EPERM);
	return 0;
}

static void test_files(void **state)
{
	(void)state;
	run(files);
}

static void test_calls(void **state)
{
	(void)state;
	run(calls);
}

static int begin(void **state)
{
	(void)state;
	return scratch_make(directory) || scratch_make(outside);
}

static int end(void **state)
{
	static const char *const names[] = {"journal.db", "journal.db-wal", "journal.db-shm"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(names[i]));
	return rmdir(directory) || scratch_remove(outside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("the journal's directory and time zones are all that can be opened, where the "
		     "kernel has Landlock",
		     test_files),
		TEST("SQLite works under the filter; owners, sockets, processes and code do not, in "
		     "no thread",
		     test_calls),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
