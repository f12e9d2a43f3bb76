// SPDX-License-Identifier: Apache-2.0
/*
 * Reports events as an application would, one datagram each.
 *
 *	datagrams SOCKET COUNT        prints: nanoseconds per event for the sender, events per second
 *
 * A full queue makes the sender wait (the socket blocks), so the rate is what the receiver takes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static const char event[] =
		"{\"type\":\"tokens.used\",\"model\":\"claude-sonnet-4-5\",\"input\":1200,"
		"\"output\":300,\"agent_type\":\"claude-code\"}";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	long count = argc == 3 ? atol(argv[2]) : 0, i;
	double begin, elapsed;
	int fd;

	if (count <= 0 || strlen(argv[1]) >= sizeof(address.sun_path)) {
		fprintf(stderr, "usage: datagrams SOCKET COUNT\n");
		return 2;
	}
	strcpy(address.sun_path, argv[1]);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		fprintf(stderr, "datagrams: cannot connect to %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	begin = seconds_now();
	for (i = 0; i < count; i++) {
		if (send(fd, event, sizeof(event) - 1, 0) < 0) {
			fprintf(stderr, "datagrams: event %ld: %s\n", i, strerror(errno));
			return 1;
		}
	}
	elapsed = seconds_now() - begin;
	printf("%.0f %.0f\n", elapsed * 1e9 / (double)count, (double)count / elapsed);
	close(fd);
	return 0;
}
