// SPDX-License-Identifier: Apache-2.0
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "handover_send.h"
#include "state_directories.h"

#define EXPORTER	   "operaglass-exporter"
#define HANDOVER_FD	   3
#define BACKOFF_FIRST_MS   100
#define BACKOFF_LAST_MS	   5000
#define LIVED_LONG_NS	   UINT64_C(10000000000)
#define STOP_PATIENCE_MS   2000
#define LISTEN_PATIENCE_MS 10000
#define ARGUMENT_SIZE	   (OPTIONS_PATH_MAX + 64)
#define ARGUMENTS_MAX	   (OPTIONS_LISTEN_MAX + 11)

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void supervise_find_program(char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof(EXPORTER) - 1);
	char *slash;

	path[length > 0 ? length : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		strcpy(slash + 1, EXPORTER);
		if (!access(path, X_OK))
			return;
	}
	strcpy(path, OPERAGLASS_LIBEXEC "/" EXPORTER);
}

struct arguments {
	char texts[ARGUMENTS_MAX][ARGUMENT_SIZE];
	char *list[ARGUMENTS_MAX + 1];
	size_t count;
};

static void add(struct arguments *arguments, const char *name, const char *value)
{
	char *text = arguments->texts[arguments->count];

	snprintf(text, ARGUMENT_SIZE, "--%s=%s", name, value);
	arguments->list[arguments->count++] = text;
}

static void make_arguments(const struct options *options, struct arguments *arguments)
{
	unsigned int i;
	char number[12], journal[OPTIONS_PATH_MAX + sizeof(STATE_JOURNAL) + 1];

	memset(arguments, 0, sizeof(*arguments));
	strcpy(arguments->texts[0], EXPORTER);
	arguments->list[arguments->count++] = arguments->texts[0];
	snprintf(number, sizeof(number), "%d", HANDOVER_FD);
	add(arguments, "handover.fd", number);
	for (i = 0; i < options->listen_count; i++)
		add(arguments, "web.listen-address", options->listen_addresses[i]);
	add(arguments, "web.telemetry-path", options->telemetry_path);
	if (options->web_config_file)
		add(arguments, "web.config", "handed-over");
	add(arguments, "events.socket", options->events_socket);
	add(arguments, "events.stream-socket", options->events_stream_socket);
	snprintf(journal, sizeof(journal), "%s/" STATE_JOURNAL, options->state_dir);
	add(arguments, "journal.directory", journal);
	add(arguments, "user", options->user);
	add(arguments, "log.level", log_level_names[options->log_level]);
	add(arguments, "log.format", log_format_names[options->log_format]);
}

/* Between fork and exec: signals as a fresh process has them, the socket as descriptor 3. */
static void become_exporter(const char *path, char **list, int socket)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Its own group: a terminal's Ctrl-C is for the observer, which then stops it. */
	setpgid(0, 0);
	if (socket == HANDOVER_FD)
		fcntl(socket, F_SETFD, 0);
	else if (dup2(socket, HANDOVER_FD) < 0)
		_exit(127);
	execv(path, list);
	log_error(-errno, "cannot run '%s': %s", path, strerror(errno));
	_exit(1);
}

int supervise_start(struct supervise *exporter, const struct options *options)
{
	static struct arguments arguments;
	char path[PATH_MAX];
	int sockets[2], code;
	pid_t pid;

	exporter->options = options;
	exporter->port = 0;
	supervise_find_program(path);
	make_arguments(options, &arguments);
	code = handover_pair(sockets);
	if (code)
		return log_error(code, "cannot create a socket pair: %s", strerror(-code));
	/* What waits in the socket is there before the program asks for it. */
	if (exporter->greet)
		exporter->greet(exporter->greet_context, sockets[0]);
	pid = fork();
	if (pid == 0)
		become_exporter(path, arguments.list, sockets[1]);
	code = -errno;
	close(sockets[1]);
	if (pid < 0) {
		close(sockets[0]);
		return log_error(code, "cannot start the exporter: %s", strerror(-code));
	}
	exporter->pid = pid;
	exporter->socket = sockets[0];
	exporter->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (exporter->pidfd >= 0)
		fcntl(exporter->pidfd, F_SETFD, FD_CLOEXEC);
	exporter->started_ns = monotonic_ns();
	return 0;
}

int supervise_on_message(struct supervise *exporter)
{
	struct handover_message message;
	int code = handover_receive_one(exporter->socket, &message);

	if (code <= 0)
		return code;
	if (message.kind != HANDOVER_LISTENING)
		return 0;
	exporter->port = (uint16_t)message.value;
	return 1;
}

static void forget(struct supervise *exporter)
{
	if (exporter->pidfd >= 0)
		close(exporter->pidfd);
	if (exporter->socket >= 0)
		close(exporter->socket);
	exporter->pidfd = -1;
	exporter->socket = -1;
	exporter->pid = 0;
}

int supervise_wait_listening(struct supervise *exporter)
{
	uint64_t limit = monotonic_ns() + LISTEN_PATIENCE_MS * UINT64_C(1000000);
	struct pollfd poll_fd = {.fd = exporter->socket, .events = POLLIN};
	int code = 0, status = 0;

	while (code == 0 && monotonic_ns() < limit) {
		poll(&poll_fd, 1, LISTEN_PATIENCE_MS);
		code = supervise_on_message(exporter);
	}
	if (code == 1)
		return 0;
	if (code == 0) {
		log_error(0, "the exporter did not listen within %d s", LISTEN_PATIENCE_MS / 1000);
		supervise_stop(exporter);
		return 1;
	}
	waitpid(exporter->pid, &status, 0);
	forget(exporter);
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
}

unsigned int supervise_backoff(unsigned int previous_ms, uint64_t lived_ns)
{
	if (previous_ms == 0 || lived_ns >= LIVED_LONG_NS)
		return BACKOFF_FIRST_MS;
	return previous_ms * 2 < BACKOFF_LAST_MS ? previous_ms * 2 : BACKOFF_LAST_MS;
}

unsigned int supervise_reap(struct supervise *exporter)
{
	int status = 0;

	waitpid(exporter->pid, &status, 0);
	exporter->deaths++;
	exporter->backoff_ms =
		supervise_backoff(exporter->backoff_ms, monotonic_ns() - exporter->started_ns);
	if (WIFSIGNALED(status))
		log_warning(0,
			    "the exporter (pid %d) was killed by SIG%s: starting it again in %u ms",
			    exporter->pid, sigabbrev_np(WTERMSIG(status)), exporter->backoff_ms);
	else
		log_warning(0,
			    "the exporter (pid %d) ended with code %d: starting it again in %u ms",
			    exporter->pid, WEXITSTATUS(status), exporter->backoff_ms);
	forget(exporter);
	return exporter->backoff_ms;
}

void supervise_stop(struct supervise *exporter)
{
	struct pollfd end = {.fd = exporter->pidfd, .events = POLLIN};
	int status;

	if (exporter->pid == 0)
		return;
	close(exporter->socket);
	exporter->socket = -1;
	if (poll(&end, 1, STOP_PATIENCE_MS) <= 0) {
		log_warning(0, "the exporter (pid %d) does not end: killing it", exporter->pid);
		kill(exporter->pid, SIGKILL);
	}
	waitpid(exporter->pid, &status, 0);
	forget(exporter);
}
