// SPDX-License-Identifier: Apache-2.0
/* The words of process_play.c that run another program: in place of this one, or beside it. */
#ifndef OPERAGLASS_TESTS_PROCESS_STARTS_H
#define OPERAGLASS_TESTS_PROCESS_STARTS_H

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "process_play.h"

static inline void play_exec(void)
{
	exec_arguments(0);
}

/* A copy of `from`, open for reading only, as exec wants it. */
static inline void copy_into(int to, const char *from)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	struct stat info;

	if (in < 0 || fstat(in, &info) || sendfile(to, in, NULL, (size_t)info.st_size) < 0)
		die(from);
	close(in);
}

static inline void play_memfd(void)
{
	int fd = memfd_create(arguments[0], MFD_CLOEXEC);

	if (fd < 0)
		die("memfd_create");
	copy_into(fd, arguments[1]);
	fexecve(fd, arguments + 1, environ);
	die("fexecve");
}

static inline void play_unlink(void)
{
	int fd = open(arguments[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0 || unlink(arguments[0]))
		die(arguments[0]);
	fexecve(fd, arguments, environ);
	die("fexecve");
}

static inline pid_t fork_arguments(void)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (!child)
		exec_arguments(0);
	return child;
}

static inline void play_fork(void)
{
	end_as(fork_arguments());
}

static inline void play_leave(void)
{
	fork_arguments();
}

static inline void play_vfork(void)
{
	pid_t child = vfork();

	if (child < 0)
		die("vfork");
	if (!child) {
		execv(arguments[0], arguments);
		_exit(127);
	}
	end_as(child);
}

static inline void play_spawn(void)
{
	pid_t child;

	errno = posix_spawn(&child, arguments[0], NULL, NULL, arguments, environ);
	if (errno)
		die(arguments[0]);
	end_as(child);
}

static inline void play_sibling(void)
{
	long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	if (child < 0)
		die("clone");
	if (!child)
		exec_arguments(0);
}

static inline void play_daemon(void)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (!child) {
		setsid();
		fork_arguments();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

/* The child inherits the pipe's writing end and closes it once it has asked for the signal. */
static inline void play_pdeath(void)
{
	int ends[2];
	char byte;

	if (pipe(ends))
		die("pipe");
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		close(ends[1]);
		wait_forever();
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 0)
		die("read");
}

#endif
