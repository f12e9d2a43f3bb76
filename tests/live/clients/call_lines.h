// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/1.1 calls by lines of input, over whatever TLS a program has: "METHOD PATH BODY-BYTES" is a call, its
 * answer is a line of output: {"status": N, "ns": N}. Connects at the first call.
 */
#ifndef TESTS_CALL_LINES_H
#define TESTS_CALL_LINES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct call_way {
	void *(*dial)(const char *host, const char *authorities);
	void (*say)(void *connection, const char *bytes, int size);
	int (*hear)(void *connection, char *bytes, int size); /* bytes read; 0 or less: none */
	void (*hang_up)(void *connection);
	void (*before)(const char *request, int size); /* each call; NULL: nothing */
	bool once;				       /* each call has a connection of its own */
};

static inline long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Reads one answer; returns its status, 0 without one. */
static inline int call_answer(const struct call_way *way, void *connection)
{
	static char text[1 << 20];
	static const char name[] = "\r\nContent-Length:";
	const char *end = NULL, *length = NULL;
	size_t size = 0;
	int got;

	while (!end ||
	       (length ? size < (size_t)(end + 4 - text) + (size_t)atoll(length + strlen(name))
		       : !strstr(end + 2, "\r\n0\r\n\r\n"))) {
		got = way->hear(connection, text + size, (int)(sizeof(text) - 1 - size));
		if (got <= 0)
			return 0;
		size += (size_t)got;
		text[size] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strcasestr(text, name);
	}
	return atoi(text + strlen("HTTP/1.1 "));
}

/* The program: until its input ends. */
static inline int call_lines(const struct call_way *way, const char *host, const char *authorities)
{
	static char line[8192], request[16384], body[1 << 20];
	char method[16], path[4096];
	int size, body_size, status;
	void *connection = NULL;
	long long begin;

	memset(body, 'b', sizeof(body));
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %4095s %d", method, path, &body_size) != 3)
			return 2;
		if (!connection)
			connection = way->dial(host, authorities);
		size = snprintf(request, sizeof(request),
				"%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", method,
				path, host, body_size);
		if (way->before)
			way->before(request, size);
		begin = now_ns();
		way->say(connection, request, size);
		if (body_size)
			way->say(connection, body, body_size);
		status = call_answer(way, connection);
		printf("{\"status\": %d, \"ns\": %lld, \"error\": null}\n", status,
		       now_ns() - begin);
		fflush(stdout);
		if (way->once) {
			way->hang_up(connection);
			connection = NULL;
		}
	}
	if (connection)
		way->hang_up(connection);
	return 0;
}

#endif
