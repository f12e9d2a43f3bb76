// SPDX-License-Identifier: Apache-2.0
/*
 * usage: process_burst SPAWNERS COUNT MS
 *
 * SPAWNERS children of this process start, in bursts, COUNT / SPAWNERS processes each that live about
 * MS milliseconds and end with code 0. Prints how many there were, spawners not included, and ends
 * with 0 when every one was reaped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Alive at once per spawner. */
#define BURST 16

static void live(int ms)
{
	struct timespec time = {.tv_nsec = ms * 1000000L};

	nanosleep(&time, NULL);
	_exit(0);
}

static int reap(int count)
{
	int status;

	while (count > 0) {
		if (wait(&status) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (status != 0)
			return -EINVAL;
		count--;
	}
	return 0;
}

static int spawn_all(int count, int ms)
{
	int burst, i;
	pid_t child;

	for (; count > 0; count -= burst) {
		burst = count < BURST ? count : BURST;
		for (i = 0; i < burst; i++) {
			child = fork();
			if (child < 0)
				return 1;
			if (!child)
				live(ms);
		}
		if (reap(burst))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int spawners = argc == 4 ? atoi(argv[1]) : 0, count = argc == 4 ? atoi(argv[2]) : 0, i;
	pid_t child;

	if (spawners < 1 || count < spawners || count % spawners) {
		fprintf(stderr, "usage: process_burst SPAWNERS COUNT MS (COUNT a multiple)\n");
		return 2;
	}
	for (i = 0; i < spawners; i++) {
		child = fork();
		if (child < 0)
			return 1;
		if (!child)
			_exit(spawn_all(count / spawners, atoi(argv[3])));
	}
	if (reap(spawners))
		return 1;
	printf("%d\n", count);
	return 0;
}
