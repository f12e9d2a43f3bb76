// SPDX-License-Identifier: Apache-2.0
#include "emit_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Until `events` on `fd`, at most until the deadline. */
static int wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd poller = {.fd = fd, .events = events};
	int64_t left = deadline_ms - now_ms();
	int count;

	do {
		count = left > 0 ? poll(&poller, 1, (int)left) : 0;
		left = deadline_ms - now_ms();
	} while (count < 0 && errno == EINTR);
	return count > 0 ? 0 : count == 0 ? -ETIMEDOUT : -errno;
}

static int open_socket(const char *path, int64_t deadline_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, err = 0;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* EAGAIN: the queue of connections is full, which nothing announces the end of. */
	while (connect(fd, (const void *)&address, sizeof(address))) {
		err = errno == EAGAIN && now_ms() < deadline_ms ? 0 : -errno;
		if (err)
			break;
		poll(NULL, 0, 20);
	}
	if (err) {
		close(fd);
		return err == -EAGAIN ? -ETIMEDOUT : err;
	}
	return fd;
}

static int send_all(int fd, const char *bytes, size_t size, int64_t deadline_ms)
{
	ssize_t sent;
	int err;

	while (size > 0) {
		sent = send(fd, bytes, size, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (sent < 0) {
			err = wait_for(fd, POLLOUT, deadline_ms);
			if (err)
				return err;
			continue;
		}
		bytes += sent;
		size -= (size_t)sent;
	}
	return 0;
}

/* The value of a header field within the head that ends at `end`; NULL without it. */
static const char *find_header(const char *head, const char *end, const char *name)
{
	size_t size = strlen(name);
	const char *line;

	for (line = strstr(head, "\r\n"); line && line < end; line = strstr(line + 2, "\r\n"))
		if (!strncasecmp(line + 2, name, size) && line[2 + size] == ':')
			return line + 2 + size + 1;
	return NULL;
}

int emit_reply_parse(const char *bytes, size_t size, bool ended, struct emit_reply *ret_reply)
{
	const char *end = strstr(bytes, "\r\n\r\n"), *length;
	unsigned long long wanted = 0;
	size_t body, rest;
	int status;

	if (!end)
		return ended || strlen(bytes) != size ? -EPROTO : -EAGAIN;
	body = (size_t)(end - bytes) + 4;
	rest = size - body;
	if (sscanf(bytes, "HTTP/1.%*1[01] %3d ", &status) != 1 ||
	    find_header(bytes, end, "Transfer-Encoding"))
		return -EPROTO;
	length = find_header(bytes, end, "Content-Length");
	if (length && (sscanf(length, " %llu", &wanted) != 1 || wanted > EMIT_REPLY_MAX))
		return -EPROTO;
	if (length ? rest < wanted : !ended)
		return ended ? -EPROTO : -EAGAIN;
	ret_reply->status = status;
	ret_reply->body = body;
	ret_reply->body_size = length ? (size_t)wanted : rest;
	return 0;
}

static int receive_reply(int fd, int64_t deadline_ms, struct emit_reply *ret_reply)
{
	size_t size = 0, room = 0;
	char *bytes = NULL, *grown;
	ssize_t count;
	int err = -EAGAIN;

	while (err == -EAGAIN) {
		if (size + 1 >= room) {
			room = room ? 2 * room : 4096;
			grown = room > 2 * EMIT_REPLY_MAX ? NULL : realloc(bytes, room);
			if (!grown) {
				err = -ENOMEM;
				break;
			}
			bytes = grown;
		}
		err = wait_for(fd, POLLIN, deadline_ms);
		if (err)
			break;
		count = recv(fd, bytes + size, room - size - 1, 0);
		if (count < 0) {
			err = errno == EINTR ? -EAGAIN : -errno;
			continue;
		}
		size += (size_t)count;
		bytes[size] = '\0';
		err = emit_reply_parse(bytes, size, count == 0, ret_reply);
	}
	if (err) {
		free(bytes);
		return err;
	}
	ret_reply->bytes = bytes;
	return 0;
}

int emit_post(const char *socket_path, const char *path, const char *content_type, const char *body,
	      size_t size, unsigned timeout_seconds, struct emit_reply *ret_reply)
{
	int64_t deadline_ms = now_ms() + timeout_seconds * INT64_C(1000);
	int fd = open_socket(socket_path, deadline_ms), length, err;
	char head[256];

	if (fd < 0)
		return fd;
	length = snprintf(head, sizeof(head),
			  "POST %s HTTP/1.1\r\nHost: operaglass\r\n"
			  "Content-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
			  path, content_type, size);
	err = send_all(fd, head, (size_t)length, deadline_ms);
	if (!err)
		err = send_all(fd, body, size, deadline_ms);
	/* Who refuses a body early answers and closes: that answer is there although sending failed. */
	if (!err || err == -EPIPE)
		err = receive_reply(fd, deadline_ms, ret_reply);
	close(fd);
	return err;
}
