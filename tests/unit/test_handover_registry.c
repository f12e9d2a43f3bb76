// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handover_registry.h"
#include "handover_send.h"
#include "log.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

/* The observer's side. */
static void say(int socket, uint32_t kind, uint32_t value, const char *name, int fd)
{
	struct handover_message message = {.kind = kind, .value = value};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.space = {0}};
	struct iovec data = {&message, sizeof(message)};
	struct msghdr head = {.msg_iov = &data, .msg_iovlen = 1};
	struct cmsghdr *item;

	strncpy(message.name, name, sizeof(message.name));
	if (fd >= 0) {
		head.msg_control = &control;
		head.msg_controllen = sizeof(control);
		item = CMSG_FIRSTHDR(&head);
		item->cmsg_level = SOL_SOCKET;
		item->cmsg_type = SCM_RIGHTS;
		item->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(item), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(socket, &head, 0), sizeof(message));
}

/* Open descriptors of this process. */
static int count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static struct handover handover;

static int start(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(handover_open(&handover, pair[0]), 0);
	log_settings.level = LOG_LEVELS;
	return pair[1];
}

static void test_items(void **state)
{
	int observer = start(), begin = count_fds();
	const struct handover_item *item;

	(void)state;
	assert_int_equal(handover_receive(&handover), 0);
	say(observer, HANDOVER_MAP, 0, "calls", 0);
	say(observer, HANDOVER_PROGRAM, 1, "on_exec", 1);
	say(observer, HANDOVER_PROGRAM, 0, "on_refused", -1);
	say(observer, HANDOVER_ITERATOR, 0, "members", 2);
	say(observer, HANDOVER_STATUS, 1, "processes", -1);
	say(observer, HANDOVER_STATUS, 1, "tls", -1);
	say(observer, HANDOVER_STATUS, 0, "tls", -1);
	assert_int_equal(handover_receive(&handover), 0);
	assert_false(handover.complete);
	say(observer, HANDOVER_COMPLETE, 0, "", -1);
	assert_int_equal(handover_receive(&handover), 0);
	assert_true(handover.complete);
	assert_true(handover_fd(&handover, HANDOVER_MAP, "calls") > 2);
	assert_int_equal(fcntl(handover_fd(&handover, HANDOVER_MAP, "calls"), F_GETFD), FD_CLOEXEC);
	assert_int_equal(handover_fd(&handover, HANDOVER_MAP, "on_exec"), -ENOENT);
	assert_int_equal(handover_fd(&handover, HANDOVER_PROGRAM, "on_refused"), -ENOENT);
	item = handover_next(&handover, HANDOVER_PROGRAM, NULL);
	assert_string_equal(item->name, "on_exec");
	assert_int_equal(item->value, 1);
	item = handover_next(&handover, HANDOVER_PROGRAM, item);
	assert_string_equal(item->name, "on_refused");
	assert_null(handover_next(&handover, HANDOVER_PROGRAM, item));
	assert_int_equal(handover.component_count, 2);
	assert_string_equal(handover.components[1].name, "tls");
	assert_false(handover.components[1].up);
	assert_int_equal(count_fds(), begin + 3);
	close(observer);
	assert_int_equal(handover_receive(&handover), -EPIPE);
	handover_close(&handover);
	assert_int_equal(count_fds(), begin - 2);
}

static void test_replaced(void **state)
{
	int observer = start(), begin = count_fds(), first;

	(void)state;
	say(observer, HANDOVER_MAP, 0, "calls", 0);
	say(observer, HANDOVER_COMPLETE, 0, "", -1);
	assert_int_equal(handover_receive(&handover), 0);
	first = handover_fd(&handover, HANDOVER_MAP, "calls");
	say(observer, HANDOVER_MAP, 0, "calls", 0);
	assert_int_equal(handover_receive(&handover), 0);
	assert_int_equal(handover.item_count, 1);
	assert_int_equal(fcntl(first, F_GETFD), -1);
	assert_int_equal(count_fds(), begin + 1);
	say(observer, HANDOVER_REPLACED, 0, "", -1);
	assert_int_equal(handover_receive(&handover), 0);
	assert_false(handover.complete);
	assert_int_equal(handover.generation, 1);
	assert_int_equal(handover_fd(&handover, HANDOVER_MAP, "calls"), -ENOENT);
	assert_int_equal(count_fds(), begin);
	close(observer);
	handover_close(&handover);
}

static void test_unknown(void **state)
{
	int observer = start(), begin = count_fds(), i;
	char name[HANDOVER_NAME_SIZE];

	(void)state;
	say(observer, 99, 0, "later", 0);
	say(observer, 0, 0, "never", 0);
	say(observer, HANDOVER_LISTENING, 0, "wrong way", 0);
	assert_int_equal(send(observer, "short", 5, 0), 5);
	say(observer, HANDOVER_STATUS, 1, "with a descriptor", 0);
	for (i = 0; i < HANDOVER_ITEMS_MAX + 5; i++) {
		snprintf(name, sizeof(name), "program%d", i);
		say(observer, HANDOVER_PROGRAM, 1, name, -1);
		assert_int_equal(handover_receive(&handover), 0);
	}
	assert_int_equal(handover.item_count, HANDOVER_ITEMS_MAX);
	assert_int_equal(count_fds(), begin);
	close(observer);
	handover_close(&handover);
}

static void test_listening(void **state)
{
	struct handover_message message;
	int observer = start();

	(void)state;
	assert_int_equal(handover_listening(&handover, 9782), 0);
	assert_int_equal(recv(observer, &message, sizeof(message), 0), sizeof(message));
	assert_int_equal(message.kind, HANDOVER_LISTENING);
	assert_int_equal(message.value, 9782);
	close(observer);
	assert_int_equal(handover_listening(&handover, 9782), -EPIPE);
	handover_close(&handover);
}

struct sample {
	uint64_t number;
	char text[8192];
};

static void test_settings(void **state)
{
	static struct sample sample, got;
	int sockets[2], before, fd;

	(void)state;
	before = count_fds();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	assert_int_equal(handover_open(&handover, sockets[1]), 0);
	assert_int_equal(handover_settings(&handover, "reporting", &got, sizeof(got)), -ENOENT);
	sample.number = 1;
	assert_int_equal(handover_send_settings(sockets[0], "reporting", &sample, sizeof(sample)),
			 0);
	assert_int_equal(handover_send_settings(sockets[0], "web", &sample, 8), 0);
	sample.number = 2;
	strcpy(sample.text, "newer");
	assert_int_equal(handover_send_settings(sockets[0], "reporting", &sample, sizeof(sample)),
			 0);
	say(sockets[0], HANDOVER_REPLACED, 0, "", -1);
	assert_int_equal(handover_receive(&handover), 0);
	assert_int_equal(handover.settings, 3);
	assert_int_equal(handover.item_count, 2);
	assert_int_equal(handover_settings(&handover, "reporting", &got, sizeof(got)), 0);
	assert_memory_equal(&got, &sample, sizeof(got));
	assert_int_equal(handover_settings(&handover, "web", &got, sizeof(got)), -EPROTO);
	assert_int_equal(handover_settings(&handover, "web", &got, 8), 0);
	assert_int_equal(got.number, 1);

	/* The right size and name, but whoever sent it may still write to it. */
	fd = memfd_create("web", MFD_ALLOW_SEALING);
	assert_int_equal(write(fd, &sample, 8), 8);
	say(sockets[0], HANDOVER_SETTINGS, 8, "web", fd);
	close(fd);
	assert_int_equal(handover_receive(&handover), 0);
	assert_int_equal(handover_settings(&handover, "web", &got, 8), -EPROTO);
	handover_close(&handover);
	close(sockets[0]);
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("items and components are found by name, and nothing leaks", test_items),
		TEST("an item that comes again, and a new generation, close the old descriptors",
		     test_replaced),
		TEST("messages that nobody knows, short ones and too many are ignored",
		     test_unknown),
		TEST("the observer is told the port", test_listening),
		TEST("the newest settings of a name are read, sealed and of the right size only",
		     test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
