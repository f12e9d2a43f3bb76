// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "datagram.h"
#include "local_socket.h"
#include "scratch.h"

#define TEST(sentence, function)                                  \
	{                                                         \
		sentence, function, open_scene, close_scene, NULL \
	}

#define GOOD "{\"type\":\"sms.sent\"}"

/* In place of the C library's: the owner of the directory puts a link there after bind(). */
static unsigned led_astray;
int chmod(const char *path, mode_t mode)
{
	(void)path;
	(void)mode;
	led_astray++;
	errno = EPERM;
	return -1;
}

struct scene {
	char directory[SCRATCH_SIZE];
	struct sockaddr_un address;
	struct reporting_settings settings;
	struct rate_limit *limit;
	struct intake intake;
	struct datagram *datagram;
	int sender;
	/* what submit() saw */
	int err;
	unsigned taken, submissions;
	struct event *last;
};

static int submit(void *context, struct event **events, unsigned count)
{
	struct scene *scene = context;
	unsigned i;

	for (i = 0; i < count; i++) {
		event_free(scene->last);
		scene->last = events[i];
	}
	scene->submissions++;
	scene->taken += scene->err ? 0 : count;
	return scene->err;
}

static void limit_to(struct scene *scene, uint32_t burst)
{
	scene->settings.sender_rate = burst ? 1 : 0;
	scene->settings.sender_burst = burst;
	rate_limit_configure(scene->limit, &scene->settings);
}

static int open_scene(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	int fd;

	assert_non_null(scene);
	assert_int_equal(scratch_make(scene->directory), 0);
	scene->address.sun_family = AF_UNIX;
	snprintf(scene->address.sun_path, sizeof(scene->address.sun_path), "%s/socket",
		 scene->directory);
	scene->settings.uid_count = 1;
	scene->settings.uids[0] = getuid();
	assert_int_equal(rate_limit_create(&scene->settings, &scene->limit), 0);
	const struct datagram_site site = {&scene->settings, scene->limit, &scene->intake, submit,
					   scene};

	assert_int_equal(local_socket_listen(scene->address.sun_path, SOCK_DGRAM, &fd), 0);
	assert_int_equal(datagram_open(fd, &site, &scene->datagram), 0);
	scene->sender = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(
		connect(scene->sender, (const void *)&scene->address, sizeof(scene->address)), 0);
	*state = scene;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *scene = *state;

	close(scene->sender);
	datagram_close(scene->datagram);
	event_free(scene->last);
	rate_limit_free(scene->limit);
	scratch_remove(scene->directory);
	free(scene);
	return 0;
}

static void say(const struct scene *scene, const char *text)
{
	assert_int_equal(send(scene->sender, text, strlen(text), 0), strlen(text));
}

static uint64_t refusals(const struct scene *scene)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < INTAKE_REFUSALS; i++)
		sum += scene->intake.refused[i];
	return sum;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void test_taken(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(datagram_run(scene->datagram), 0);
	say(scene, GOOD);
	say(scene, "{\"type\":\"queue.depth\",\"queue\":\"q\",\"depth\":3}");
	assert_int_equal(datagram_run(scene->datagram), 2);
	assert_int_equal(scene->taken, 2);
	assert_int_equal(scene->submissions, 1);
	assert_int_equal(scene->intake.received[EVENT_SMS_SENT], 1);
	assert_int_equal(scene->intake.received[EVENT_QUEUE_DEPTH], 1);
	assert_int_equal(refusals(scene), 0);
	assert_int_equal(event_type(scene->last), EVENT_QUEUE_DEPTH);
	assert_int_equal(event_origin(scene->last)->way, WAY_DATAGRAM);
	assert_int_equal(event_origin(scene->last)->uid, getuid());
	assert_int_equal(event_origin(scene->last)->pid, getpid());
	assert_true(event_number(scene->last, FIELD_PID, 0) == getpid());
}

static void test_time(void **state)
{
	struct scene *scene = *state;
	int64_t before = now_us(), after;

	say(scene, GOOD);
	after = now_us();
	while (now_us() < after + 3000)
		continue;
	assert_int_equal(datagram_run(scene->datagram), 1);
	assert_in_range(event_wall_us(scene->last), before - 1, after);
	assert_in_range(scene->intake.ingest_sum, 3000000, UINT64_C(10000000000));
}

static void test_senders(void **state)
{
	struct scene *scene = *state;

	scene->settings.uids[0] = getuid() + 1;
	say(scene, GOOD);
	assert_int_equal(datagram_run(scene->datagram), 1);
	assert_int_equal(scene->taken, 0);
	assert_int_equal(scene->intake.refused[INTAKE_NOT_ALLOWED], 1);
	assert_int_equal(scene->intake.received[EVENT_SMS_SENT], 0);
	scene->settings.gid_count = 1;
	scene->settings.gids[0] = getgid();
	say(scene, GOOD);
	assert_int_equal(datagram_run(scene->datagram), 1);
	assert_int_equal(scene->taken, 1);
	assert_int_equal(refusals(scene), 1);
}

static void test_invalid(void **state)
{
	struct scene *scene = *state;

	say(scene, "nonsense");
	say(scene, GOOD);
	say(scene, "{}");
	assert_int_equal(send(scene->sender, "", 0, 0), 0);
	assert_int_equal(datagram_run(scene->datagram), 4);
	assert_int_equal(scene->taken, 1);
	assert_int_equal(scene->intake.refused[INTAKE_INVALID], 3);
	assert_int_equal(refusals(scene), 3);
}

static void test_too_large(void **state)
{
	struct scene *scene = *state;
	char text[EVENT_SIZE_MAX + 2];

	memset(text, ' ', sizeof(text));
	memcpy(text, GOOD, strlen(GOOD));
	text[EVENT_SIZE_MAX] = '\0';
	say(scene, text);
	text[EVENT_SIZE_MAX] = ' ';
	text[EVENT_SIZE_MAX + 1] = '\0';
	say(scene, text);
	assert_int_equal(datagram_run(scene->datagram), 2);
	assert_int_equal(scene->taken, 1);
	assert_int_equal(scene->intake.refused[INTAKE_TOO_LARGE], 1);
	assert_int_equal(refusals(scene), 1);
}

static void test_rate(void **state)
{
	struct scene *scene = *state;
	unsigned i;

	limit_to(scene, 3);
	for (i = 0; i < 5; i++)
		say(scene, GOOD);
	assert_int_equal(datagram_run(scene->datagram), 5);
	assert_int_equal(scene->taken, 3);
	assert_int_equal(scene->intake.refused[INTAKE_RATE_LIMITED], 2);
	assert_int_equal(refusals(scene), 2);
}

static void test_no_room(void **state)
{
	struct scene *scene = *state;

	scene->err = -ENOBUFS;
	say(scene, GOOD);
	say(scene, GOOD);
	assert_int_equal(datagram_run(scene->datagram), 2);
	scene->err = -EIO;
	say(scene, GOOD);
	assert_int_equal(datagram_run(scene->datagram), 1);
	assert_int_equal(scene->intake.refused[INTAKE_QUEUE_FULL], 2);
	assert_int_equal(scene->intake.refused[INTAKE_JOURNAL], 1);
	assert_int_equal(refusals(scene), 3);
	assert_int_equal(scene->intake.received[EVENT_SMS_SENT], 3);
	assert_int_equal(scene->intake.ingest_sum, 0);
}

static void test_many(void **state)
{
	struct scene *scene = *state;
	unsigned total = 0, read, i;
	pid_t child = fork();
	int status;

	if (child == 0) {
		for (i = 0; i < 5000; i++)
			if (send(scene->sender, GOOD, strlen(GOOD), 0) < 0)
				_exit(1);
		_exit(0);
	}
	while (total < 5000 && waitpid(child, &status, WNOHANG) == 0) {
		read = datagram_run(scene->datagram);
		assert_in_range(read, 0, DATAGRAM_RUN_MAX);
		total += read;
	}
	while ((read = datagram_run(scene->datagram)) > 0)
		total += read;
	waitpid(child, &status, 0);
	assert_int_equal(total, 5000);
	assert_int_equal(scene->taken, 5000);
	assert_int_equal(event_origin(scene->last)->pid, child);
}

/* The lines that `scene` logs while it takes `count` bad datagrams, one at a time. */
static unsigned logged_lines(struct scene *scene, unsigned count, char *text, size_t size)
{
	int saved = dup(STDERR_FILENO), log[2];
	unsigned lines = 0;
	ssize_t length, i;

	assert_int_equal(pipe(log), 0);
	dup2(log[1], STDERR_FILENO);
	while (count-- > 0) {
		say(scene, "{\"type\":\"a secret\"}");
		datagram_run(scene->datagram);
	}
	dup2(saved, STDERR_FILENO);
	close(log[1]);
	length = read(log[0], text, size - 1);
	text[length < 0 ? 0 : length] = '\0';
	for (i = 0; i < length; i++)
		lines += text[i] == '\n';
	close(log[0]);
	close(saved);
	return lines;
}

static void test_log(void **state)
{
	struct scene *scene = *state;
	char text[4096], expected[128];

	assert_int_equal(logged_lines(scene, 20, text, sizeof(text)), 1);
	snprintf(expected, sizeof(expected),
		 "refused 1 event(s) by datagram: invalid; the last one came from uid %u, pid %d",
		 getuid(), getpid());
	assert_non_null(strstr(text, expected));
	assert_null(strstr(text, "secret"));
	assert_int_equal(scene->intake.refused[INTAKE_INVALID], 20);
}

static void test_listen(void **state)
{
	struct scene *scene = *state;
	const char *path = scene->address.sun_path;
	struct stat status;
	char longer[200];
	int fd = -1;
	FILE *file;

	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0666);
	assert_int_equal(led_astray, 0);
	assert_int_equal(local_socket_listen(path, SOCK_DGRAM, &fd), -EADDRINUSE);
	datagram_close(scene->datagram);
	scene->datagram = NULL;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(local_socket_listen(path, SOCK_DGRAM, &fd), 0);
	close(fd);
	unlink(path);

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const void *)&scene->address, sizeof(scene->address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(local_socket_listen(path, SOCK_DGRAM, &fd), -EADDRINUSE);
	close(fd);
	unlink(path);

	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(local_socket_listen(path, SOCK_DGRAM, &fd), -EEXIST);
	unlink(path);
	assert_int_equal(local_socket_listen("/nowhere/at/all", SOCK_DGRAM, &fd), -ENOENT);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(local_socket_listen(longer, SOCK_DGRAM, &fd), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("what is read together is submitted together, with the sender as the kernel "
		     "knows it",
		     test_taken),
		TEST("an event happened when it was sent, not when it was read", test_time),
		TEST("who may send is a list of users and groups", test_senders),
		TEST("what is no event is counted and does not stop the others", test_invalid),
		TEST("16 KiB are taken, one byte more is refused and not cut", test_too_large),
		TEST("what is over the sender's limit is counted as that", test_rate),
		TEST("what finds no room or no journal is counted as that", test_no_room),
		TEST("5000 datagrams of another process all arrive", test_many),
		TEST("refusals are one line a second, without what was said", test_log),
		TEST("a stale socket is replaced; one in use and other files are not", test_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
