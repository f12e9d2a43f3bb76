// SPDX-License-Identifier: Apache-2.0
/*
 * usage: process_names PROGRAM DIRECTORY COUNT
 *
 * Runs PROGRAM COUNT times, one after the other, each time under a name that never came before: a
 * link in DIRECTORY that is removed when it has run. Ends with 0 when each of them ended with 0.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int run(const char *program, char *name)
{
	char *arguments[] = {name, NULL};
	int status = -1;
	pid_t child;

	if (link(program, name))
		return -1;
	if (!posix_spawn(&child, name, NULL, NULL, arguments, environ))
		waitpid(child, &status, 0);
	unlink(name);
	return status;
}

int main(int argc, char **argv)
{
	int count = argc == 4 ? atoi(argv[3]) : 0, i;
	char name[4096];

	if (count < 1) {
		fprintf(stderr, "usage: process_names PROGRAM DIRECTORY COUNT\n");
		return 2;
	}
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/tool-%d", argv[2], i);
		if (run(argv[1], name)) {
			perror(name);
			return 1;
		}
	}
	return 0;
}
