// SPDX-License-Identifier: Apache-2.0
/*
 * usage: spawn PROGRAM COUNT         runs PROGRAM that often, one after the other; prints ns of
 * each spawn -l PROGRAM COUNT      starts COUNT of them with an argument, prints "ready", waits for
 *                                    the end of standard input, kills and reaps them
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static pid_t start(const char *program, char *argument)
{
	char *argv[] = {(char *)program, argument, NULL};
	pid_t pid;
	int error = posix_spawn(&pid, program, NULL, NULL, argv, environ);

	if (error) {
		fprintf(stderr, "spawn: cannot start '%s': %s\n", program, strerror(error));
		exit(1);
	}
	return pid;
}

static void one_after_the_other(const char *program, int count)
{
	long long begin = now_ns();

	for (int i = 0; i < count; i++) {
		pid_t pid = start(program, NULL);

		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	printf("%lld\n", (now_ns() - begin) / count);
}

static void all_at_once(const char *program, int count)
{
	pid_t *pids = calloc(count, sizeof(*pids));
	char byte;

	if (!pids)
		exit(1);
	for (int i = 0; i < count; i++)
		pids[i] = start(program, (char *)"wait");
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < count; i++)
		waitpid(pids[i], NULL, 0);
	free(pids);
}

int main(int argc, char **argv)
{
	if (argc == 3 && atoi(argv[2]) > 0)
		one_after_the_other(argv[1], atoi(argv[2]));
	else if (argc == 4 && !strcmp(argv[1], "-l") && atoi(argv[3]) > 0)
		all_at_once(argv[2], atoi(argv[3]));
	else
		return fprintf(stderr, "usage: spawn [-l] PROGRAM COUNT\n"), 2;
	return 0;
}
