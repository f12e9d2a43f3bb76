// SPDX-License-Identifier: Apache-2.0
/*
 * usage: tcp rr|bulk SECONDS     both ends of one loopback connection in two processes
 * rr: 200-byte ping-pong, prints round trips a second; bulk: 64-KiB writes, prints bytes a second.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PING = 200,
	BULK = 65536
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int read_all(int fd, char *buffer, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, buffer + done, size - done);

		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

static void serve(int fd, int rr)
{
	static char buffer[BULK];

	while (rr ? !read_all(fd, buffer, PING) && write(fd, buffer, PING) == PING
		  : read(fd, buffer, sizeof(buffer)) > 0)
		;
	_exit(0);
}

static double load(int fd, int rr, double seconds)
{
	static char buffer[BULK];
	double begin = now(), end = begin;
	unsigned long done = 0;

	while ((end = now()) - begin < seconds) {
		if (rr) {
			if (write(fd, buffer, PING) != PING || read_all(fd, buffer, PING))
				break;
			done++;
		} else {
			ssize_t n = write(fd, buffer, sizeof(buffer));

			if (n < 0)
				break;
			done += (unsigned long)n;
		}
	}
	return (double)done / (end - begin);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int one = 1, rr;

	if (argc != 3)
		return fprintf(stderr, "usage: tcp rr|bulk SECONDS\n"), 2;
	rr = !strcmp(argv[1], "rr");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (void *)&address, size) || listen(listener, 1) ||
	    getsockname(listener, (void *)&address, &size) ||
	    connect(client, (void *)&address, size))
		return perror("tcp"), 1;
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

	pid_t pid = fork();

	if (pid == 0) {
		int fd = accept(listener, NULL, NULL);

		close(client);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		serve(fd, rr);
	}
	close(listener);
	printf("%.1f\n", load(client, rr, atof(argv[2])));
	close(client);
	waitpid(pid, NULL, 0);
	return 0;
}
