// SPDX-License-Identifier: Apache-2.0
/*
 * Posts batches of events at a fixed rate and times each acknowledgement.
 *
 *	ingest SOCKET DIRECTORY EVENTS_PER_SECOND SECONDS
 *
 * Prints: acknowledged events per second, then in milliseconds the median and the 99th percentile of an
 * acknowledgement, then of this program's own fdatasync of as many bytes in DIRECTORY, taken before.
 * The rate is kept whether answers come or not: an acknowledgement's time begins when its batch was due.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BATCH	     100
#define CONNECTIONS  32
#define SAMPLES_MAX  100000
#define SYNC_SAMPLES 200
#define REQUEST_SIZE (64 * 1024)
#define PATIENCE_MS  10000

struct client {
	int fd;
	double due; /* of the batch that is on its way; 0: none */
	size_t used;
	char answer[4096];
};

static struct client clients[CONNECTIONS];
static double samples[SAMPLES_MAX];
static size_t sample_count;
static char request[REQUEST_SIZE];

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "ingest: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
	exit(1);
}

/* One request with BATCH events; returns its size. */
static size_t make_request(unsigned long batch)
{
	static char body[REQUEST_SIZE / 2];
	size_t used = 0;
	int i;

	for (i = 0; i < BATCH; i++)
		used += (size_t)snprintf(body + used, sizeof(body) - used,
					 "{\"type\":\"tokens.used\",\"id\":\"%lu-%d-%d\",\"model\":"
					 "\"claude-sonnet-4-5\",\"input\":1200,\"output\":300}\n",
					 batch, i, getpid());
	return (size_t)snprintf(request, sizeof(request),
				"POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
				"application/x-ndjson\r\nContent-Length: %zu\r\n\r\n%s",
				used, body);
}

static void send_all(int fd, const char *bytes, size_t size)
{
	ssize_t sent;

	for (; size; bytes += sent, size -= (size_t)sent) {
		sent = send(fd, bytes, size, MSG_NOSIGNAL);
		if (sent < 0)
			fail("send");
	}
}

/* True when the whole answer is there. */
static int answered(struct client *client)
{
	ssize_t size = recv(client->fd, client->answer + client->used,
			    sizeof(client->answer) - 1 - client->used, 0);
	const char *body, *length;

	if (size <= 0)
		fail("receive");
	client->used += (size_t)size;
	client->answer[client->used] = '\0';
	body = strstr(client->answer, "\r\n\r\n");
	length = strcasestr(client->answer, "content-length:");
	if (!body || !length)
		return 0;
	if (strncmp(client->answer, "HTTP/1.1 200", 12) != 0) {
		errno = 0;
		fprintf(stderr, "%s\n", client->answer);
		fail("answer");
	}
	return client->used >= (size_t)(body + 4 - client->answer) + strtoul(length + 15, NULL, 10);
}

static void take_answers(int wait_ms)
{
	struct pollfd fds[CONNECTIONS];
	int i;

	for (i = 0; i < CONNECTIONS; i++)
		fds[i] = (struct pollfd){.fd = clients[i].due > 0 ? clients[i].fd : -1,
					 .events = POLLIN};
	if (poll(fds, CONNECTIONS, wait_ms) < 0)
		fail("poll");
	for (i = 0; i < CONNECTIONS; i++) {
		if (!fds[i].revents || !answered(&clients[i]))
			continue;
		if (sample_count < SAMPLES_MAX)
			samples[sample_count++] = (seconds_now() - clients[i].due) * 1000;
		clients[i].due = 0;
		clients[i].used = 0;
	}
}

static int free_client(void)
{
	int i;

	for (i = 0; i < CONNECTIONS; i++)
		if (clients[i].due == 0)
			return i;
	return -1;
}

static int by_value(const void *one, const void *other)
{
	double difference = *(const double *)one - *(const double *)other;

	return (difference > 0) - (difference < 0);
}

static void print_quantiles(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	printf(" %.2f %.2f", values[count / 2], values[count * 99 / 100]);
}

static void connect_all(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int i;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	for (i = 0; i < CONNECTIONS; i++) {
		clients[i].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (clients[i].fd < 0 ||
		    connect(clients[i].fd, (struct sockaddr *)&address, sizeof(address)))
			fail(path);
	}
}

/* What the disk takes for the same bytes, with nobody else writing. */
static void time_syncs(const char *directory, double *times, size_t count)
{
	char path[512];
	double begin;
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "%s/sync-%d", directory, getpid());
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		fail(path);
	for (i = 0; i < count; i++) {
		begin = seconds_now();
		if (write(fd, request, 16384) != 16384 || fdatasync(fd))
			fail("fdatasync");
		times[i] = (seconds_now() - begin) * 1000;
	}
	close(fd);
	unlink(path);
}

int main(int argc, char **argv)
{
	static double syncs[SYNC_SAMPLES];
	double rate, length, begin, due, wait;
	unsigned long batch, batches;
	size_t size;
	int client;

	if (argc != 5) {
		fprintf(stderr, "usage: ingest SOCKET DIRECTORY EVENTS_PER_SECOND SECONDS\n");
		return 2;
	}
	rate = atof(argv[3]) / BATCH;
	length = atof(argv[4]);
	batches = (unsigned long)(rate * length);
	time_syncs(argv[2], syncs, SYNC_SAMPLES);
	connect_all(argv[1]);
	begin = seconds_now();
	for (batch = 0; batch < batches; batch++) {
		due = begin + (double)batch / rate;
		while ((wait = due - seconds_now()) > 0)
			take_answers((int)(wait * 1000) + (wait > 0.001 ? 0 : 1));
		size = make_request(batch);
		while ((client = free_client()) < 0)
			take_answers(PATIENCE_MS);
		clients[client].due = due;
		send_all(clients[client].fd, request, size);
	}
	while (sample_count < batches && seconds_now() - begin < length + PATIENCE_MS / 1000.0)
		take_answers(PATIENCE_MS);
	printf("%.0f", (double)(sample_count * BATCH) / (seconds_now() - begin));
	print_quantiles(samples, sample_count);
	print_quantiles(syncs, SYNC_SAMPLES);
	printf("\n");
	return sample_count == batches ? 0 : 1;
}
