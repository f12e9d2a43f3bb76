// SPDX-License-Identifier: Apache-2.0
/* What every word of process_play.c has: its arguments, and ways to end. */
#ifndef OPERAGLASS_TESTS_PROCESS_PLAY_H
#define OPERAGLASS_TESTS_PROCESS_PLAY_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char **arguments; /* of the word that runs */

static inline int number(int index)
{
	return arguments[index] ? atoi(arguments[index]) : 0;
}

__attribute__((noreturn)) static inline void die(const char *what)
{
	fprintf(stderr, "process_play: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static inline void say_ready(void)
{
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		die("write");
}

static inline void wait_forever(void)
{
	for (;;)
		pause();
}

static inline void end_as(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 126);
}

static inline void exec_arguments(int from)
{
	execv(arguments[from], arguments + from);
	die(arguments[from]);
}

#endif
