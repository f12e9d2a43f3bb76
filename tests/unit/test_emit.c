// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "emit.h"
#include "emit_client.h"
#include "scratch.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_replies(void **state)
{
	static const struct {
		const char *bytes;
		bool ended;
		int err, status;
		const char *body;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false, 0, 200, "{}"},
		{"HTTP/1.0 400 No\r\nX: y\r\ncontent-length:1\r\n\r\nxyz", false, 0, 400, "x"},
		{"HTTP/1.1 503 \r\n\r\nrest", true, 0, 503, "rest"},
		{"HTTP/1.1 503 \r\n\r\nrest", false, -EAGAIN, 0, NULL},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", false, -EAGAIN, 0, NULL},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", true, -EPROTO, 0, NULL},
		{"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}", true, -EPROTO, 0, NULL},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", false, -EPROTO, 0, NULL},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, -EPROTO, 0, NULL},
		{"HTTP/1.1 200 OK\r\nContent-Len", false, -EAGAIN, 0, NULL},
		{"HTTP/1.1 200 OK\r\nContent-Len", true, -EPROTO, 0, NULL},
		{"", false, -EAGAIN, 0, NULL},
		{"", true, -EPROTO, 0, NULL},
		{"SSH-2.0 x\r\n\r\n", true, -EPROTO, 0, NULL},
	};
	struct emit_reply reply;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(emit_reply_parse(cases[i].bytes, strlen(cases[i].bytes),
						  cases[i].ended, &reply),
				 cases[i].err);
		if (cases[i].err)
			continue;
		assert_int_equal(reply.status, cases[i].status);
		assert_int_equal(reply.body_size, strlen(cases[i].body));
		assert_memory_equal(cases[i].bytes + reply.body, cases[i].body, reply.body_size);
	}
	assert_int_equal(emit_reply_parse("HTTP/1.1 2\0 ", 12, false, &reply), -EPROTO);
}

/* An exporter that gives one answer to each of `count` connections and keeps what was asked. */
struct server {
	char directory[SCRATCH_SIZE];
	struct sockaddr_un address;
	int fd, count;
	int status; /* 0: no answer */
	const char *answer;
	char asked[65536];
	size_t size;
	pthread_t thread;
};

static bool has_all(const char *request)
{
	const char *end = strstr(request, "\r\n\r\n"),
		   *length = strstr(request, "Content-Length: ");

	return end && length && strlen(end + 4) >= strtoul(length + 16, NULL, 10);
}

static void *serve(void *context)
{
	struct server *server = context;
	const char *begin;
	ssize_t count;
	int fd;

	while (server->count-- > 0) {
		fd = accept(server->fd, NULL, NULL);
		begin = server->asked + server->size;
		do {
			count = recv(fd, server->asked + server->size,
				     sizeof(server->asked) - server->size - 1, 0);
			server->size += count > 0 ? (size_t)count : 0;
			server->asked[server->size] = '\0';
		} while (count > 0 && !has_all(begin));
		if (server->status)
			dprintf(fd, "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n\r\n%s",
				server->status, strlen(server->answer), server->answer);
		else
			recv(fd, server->asked, 1, 0); /* until the client gives up */
		close(fd);
	}
	return NULL;
}

static struct server *open_server(int status, const char *answer, int count)
{
	struct server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	assert_int_equal(scratch_make(server->directory), 0);
	server->address.sun_family = AF_UNIX;
	snprintf(server->address.sun_path, sizeof(server->address.sun_path), "%s/socket",
		 server->directory);
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->fd, (const void *)&server->address, sizeof(server->address)),
			 0);
	assert_int_equal(listen(server->fd, 8), 0);
	server->status = status;
	server->answer = answer;
	server->count = count;
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
	return server;
}

/* From now on `asked` is whole. */
static void join_server(struct server *server)
{
	if (server->fd < 0)
		return;
	pthread_join(server->thread, NULL);
	close(server->fd);
	server->fd = -1;
}

static void close_server(struct server *server)
{
	join_server(server);
	scratch_remove(server->directory);
	free(server);
}

/* Runs emit with `input` (NULL: none) and returns its exit code; `said` is what it wrote. */
static int run(const struct server *server, const char *input, char said[4096], int count,
	       const char *const *words)
{
	int saved[3] = {dup(STDIN_FILENO), dup(STDOUT_FILENO), dup(STDERR_FILENO)}, in[2], out[2],
	    result, i;
	char path[160];
	const char *argv[16] = {"emit", path, "--timeout", "1"};
	ssize_t size;

	snprintf(path, sizeof(path), "--events.stream-socket=%s",
		 server ? server->address.sun_path : "/nowhere/api.sock");
	for (i = 0; i < count; i++)
		argv[4 + i] = words[i];
	assert_int_equal(pipe(in) | pipe(out), 0);
	if (input)
		assert_int_equal(write(in[1], input, strlen(input)), strlen(input));
	close(in[1]);
	dup2(in[0], STDIN_FILENO);
	fflush(stdout);
	dup2(out[1], STDOUT_FILENO);
	dup2(out[1], STDERR_FILENO);
	result = emit_main(4 + count, (char **)(uintptr_t)argv);
	fflush(stdout);
	for (i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
	close(out[1]);
	size = read(out[0], said, 4095);
	said[size > 0 ? size : 0] = '\0';
	close(in[0]);
	close(out[0]);
	return result;
}

static void test_acknowledged(void **state)
{
	static const char *const words[] = {"queue.depth", "queue=q", "depth=3", "id=i", "pid=9"};
	struct server *server = open_server(200, "{\"accepted\":1,\"duplicates\":0}\n", 1);
	char said[4096];

	(void)state;
	assert_int_equal(run(server, NULL, said, 5, words), EMIT_STORED);
	assert_string_equal(said, "");
	join_server(server);
	assert_string_equal(server->asked,
			    "POST /api/v1/events HTTP/1.1\r\nHost: operaglass\r\n"
			    "Content-Type: application/json\r\nContent-Length: 61\r\n"
			    "Connection: close\r\n\r\n"
			    "{\"type\":\"queue.depth\",\"queue\":\"q\",\"depth\":3,\"id\":\"i\","
			    "\"pid\":9}");
	close_server(server);
}

static void test_refused(void **state)
{
	static const char *const words[] = {"no.type"};
	struct server *server =
		open_server(400,
			    "{\"error\":{\"code\":\"c\",\"field\":\"f\",\"message\":\"a reason\","
			    "\"index\":0}}",
			    1);
	char said[4096];

	(void)state;
	assert_int_equal(run(server, NULL, said, 1, words), EMIT_REFUSED);
	assert_string_equal(said, "operaglass emit: refused: a reason (c)\n");
	close_server(server);
	server = open_server(500, "no", 1);
	assert_int_equal(run(server, NULL, said, 1, words), EMIT_REFUSED);
	assert_string_equal(said, "operaglass emit: refused with HTTP status 500\n");
	close_server(server);
}

static void test_input(void **state)
{
	static const char *const dash[] = {"-"};
	struct server *server =
		open_server(207,
			    "{\"accepted\":1,\"duplicates\":0,\"refused\":1,\"errors\":[{"
			    "\"code\":\"c\",\"message\":\"a reason\",\"index\":1}]}",
			    1);
	char said[4096];

	(void)state;
	assert_int_equal(run(server, "{\"id\":\"a\",\"pid\":1}\n\n \nnonsense\n", said, 1, dash),
			 EMIT_REFUSED);
	assert_string_equal(said, "operaglass emit: line 4: refused: a reason (c)\n");
	join_server(server);
	assert_non_null(strstr(server->asked, "Content-Type: application/x-ndjson\r\n"));
	assert_non_null(strstr(server->asked, "\r\n\r\n{\"id\":\"a\",\"pid\":1}\nnonsense\n"));
	close_server(server);
	/* Nothing to say: nobody is asked. */
	assert_int_equal(run(NULL, "\n", said, 0, NULL), EMIT_STORED);
}

static void test_many_lines(void **state)
{
	struct server *server = open_server(200, "{}", 2);
	static char input[6000 * 2 + 1];
	char said[4096];
	unsigned i;

	(void)state;
	/* Two bytes a line, which stay as they are: 5000 of them, then 1000. */
	for (i = 0; i < 6000; i++)
		memcpy(input + 2 * i, "x\n", 2);
	assert_int_equal(run(server, input, said, 0, NULL), EMIT_STORED);
	join_server(server);
	assert_non_null(strstr(server->asked, "Content-Length: 10000\r\n"));
	assert_non_null(strstr(server->asked, "Content-Length: 2000\r\n"));
	close_server(server);
}

static void test_no_answer(void **state)
{
	static const char *const words[] = {"story"};
	struct server *server = open_server(0, NULL, 1);
	char said[4096], expected[256];

	(void)state;
	assert_int_equal(run(server, NULL, said, 1, words), EMIT_REFUSED);
	snprintf(expected, sizeof(expected), "operaglass emit: no answer from %s: %s;",
		 server->address.sun_path, strerror(ETIMEDOUT));
	assert_memory_equal(said, expected, strlen(expected));
	close_server(server);
	assert_int_equal(run(NULL, NULL, said, 1, words), EMIT_REFUSED);
	assert_memory_equal(said, "operaglass emit: no answer from /nowhere/api.sock: No such", 58);
}

static void test_usage(void **state)
{
	static const char *const cases[][2] = {
		{"--timeout=0", "story"}, {"--timeout=x", "story"},
		{"--nonsense", "story"},  {"-", "a=b"},
		{"story", "word"},
	};
	static const char *const help[] = {"--help"};
	char said[4096];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(NULL, NULL, said, 2, cases[i]), EMIT_USAGE);
		assert_int_not_equal(strlen(said), 0);
	}
	assert_int_equal(run(NULL, NULL, said, 1, help), EMIT_STORED);
	assert_memory_equal(said, "usage: operaglass emit ", 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("an answer is whole, unfinished, or no answer", test_replies),
		TEST("a stored event ends with 0 in silence", test_acknowledged),
		TEST("a refused event ends with 1 and its reason", test_refused),
		TEST("lines of standard input are refused by their number", test_input),
		TEST("6000 lines are two requests", test_many_lines),
		TEST("no answer ends with 1 after the timeout", test_no_answer),
		TEST("a wrong command line ends with 2", test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
