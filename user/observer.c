// SPDX-License-Identifier: Apache-2.0
#include "observer.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "bpf_pins.h"
#include "bpf_tables.h"
#include "footprint.h"
#include "handover_send.h"
#include "http2_huffman.h"
#include "log.h"
#include "probe_answers.h"
#include "probe_classes.h"
#include "state_directories.h"

/* Whom an epoll event is for. */
enum source {
	SOURCE_SIGNAL,
	SOURCE_EXPORTER_MESSAGE,
	SOURCE_EXPORTER_END,
	SOURCE_RESTART,
	SOURCE_TLS_MAPPING,
	SOURCE_TLS_SCAN,
	SOURCE_FILES,
};

/* How soon a changed token or key is in force, if one is configured. */
#define FILES_SECONDS 2

/* How often every process is looked at again: for what records missed, and for what has ended. */
#define TLS_SCAN_SECONDS 60

int observer_open_signals(struct observer *observer)
{
	static const int handled[] = {SIGTERM, SIGINT, SIGHUP};
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		sigaddset(&set, handled[i]);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return log_error(-errno, "cannot block signals: %s", strerror(errno));
	observer->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (observer->signal_fd < 0)
		return log_error(-errno, "cannot receive signals: %s", strerror(errno));
	return 0;
}

void observer_notify_ready(void)
{
	static const char ready[] = "READY=1";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (length < 2 || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    sendto(fd, ready, sizeof(ready) - 1, MSG_NOSIGNAL, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		log_warning(0, "cannot tell the service manager at '%s': %s", path,
			    strerror(errno));
	if (fd >= 0)
		close(fd);
}

static int watch(struct observer *observer, int fd, enum source source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};

	return epoll_ctl(observer->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int watch_exporter(struct observer *observer)
{
	int code = watch(observer, observer->exporter.socket, SOURCE_EXPORTER_MESSAGE);

	return code ? code : watch(observer, observer->exporter.pidfd, SOURCE_EXPORTER_END);
}

static int arm_restart(struct observer *observer, unsigned int delay_ms)
{
	const struct itimerspec when = {
		.it_value = {.tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000L}};

	return timerfd_settime(observer->restart_timer, 0, &when, NULL) ? -errno : 0;
}

static int restart_exporter(struct observer *observer)
{
	uint64_t expirations;

	if (read(observer->restart_timer, &expirations, sizeof(expirations)) < 0)
		return 0;
	if (!supervise_start(&observer->exporter, observer->options))
		return watch_exporter(observer);
	return arm_restart(observer, observer->exporter.backoff_ms);
}

static int hand_over(const struct observer *observer)
{
	int socket = observer->exporter.socket;
	int code = handover_send(socket, HANDOVER_RESTARTS, observer->exporter.deaths, "", -1);

	return code ? code : handover_send_set(socket, &observer->session.set);
}

static int on_exporter_message(struct observer *observer)
{
	int code = supervise_on_message(&observer->exporter);

	if (code == 1)
		code = hand_over(observer);
	if (code < 0)
		/* Its end is reported by its pidfd; until then there is nothing to read here. */
		epoll_ctl(observer->epoll_fd, EPOLL_CTL_DEL, observer->exporter.socket, NULL);
	return 0;
}

static int on_exporter_end(struct observer *observer)
{
	return arm_restart(observer, supervise_reap(&observer->exporter));
}

/* Into a new exporter's socket before it starts, and again after each change. */
static void send_settings(void *context, int socket)
{
	const struct observer *observer = context;
	int code = handover_send_settings(socket, "reporting", &observer->reporting,
					  sizeof(observer->reporting));

	if (code)
		log_error(code, "cannot hand over the settings of events: %s", strerror(-code));
	web_follow_send(&observer->web, socket);
}

static int read_reporting(const struct observer *observer, const struct config *config,
			  struct reporting_settings *ret_settings,
			  struct reporting_files *ret_files, struct config_error *ret_error)
{
	const char *file = observer->options->config_file;
	const struct config_report report = {file ? file : "defaults", ret_error};

	return reporting_read(&report, &config->reporting, observer->options->state_dir,
			      ret_settings, ret_files);
}

int observer_read_reporting(struct observer *observer)
{
	struct config_error error;
	int code = read_reporting(observer, &observer->config, &observer->reporting,
				  &observer->files, &error);

	observer->exporter.greet = send_settings;
	observer->exporter.greet_context = observer;
	if (code)
		return log_error(code, "%s", error.text);
	return web_follow_start(&observer->web, observer->options->web_config_file);
}

/* Looks every two seconds while there is something to look at. */
static int arm_files(const struct observer *observer)
{
	const time_t seconds = observer->files.count || observer->web.path ? FILES_SECONDS : 0;
	const struct itimerspec when = {.it_value.tv_sec = seconds, .it_interval.tv_sec = seconds};

	return timerfd_settime(observer->files_timer, 0, &when, NULL) ? -errno : 0;
}

static int on_files(struct observer *observer)
{
	struct config_error error;
	uint64_t expirations;

	if (read(observer->files_timer, &expirations, sizeof(expirations)) < 0)
		return 0;
	if (web_follow_look(&observer->web) && observer->exporter.socket >= 0)
		web_follow_send(&observer->web, observer->exporter.socket);
	if (!reporting_files_changed(&observer->config.reporting, &observer->files))
		return 0;
	if (read_reporting(observer, &observer->config, &observer->reporting, &observer->files,
			   &error)) {
		log_error(0, "%s; what it held before stays in force", error.text);
		return 0;
	}
	if (observer->exporter.socket >= 0)
		send_settings(observer, observer->exporter.socket);
	log_info(0, "a token or key changed and is in force");
	return 0;
}

static int reload(struct observer *observer)
{
	static struct config config;
	static struct reporting_settings reporting;
	struct reporting_files files;
	struct config_error error;
	int code;

	if (!observer->options->config_file)
		return log_info(0, "nothing to reload: there is no --config.file");
	if (config_load(observer->options->config_file, &config, &error) ||
	    read_reporting(observer, &config, &reporting, &files, &error))
		return log_error(0, "%s; the old configuration stays in force", error.text);
	if (config_needs_reload_of_programs(&observer->config, &config)) {
		log_warning(0, "limits and histograms change at the next start only, and counters "
			       "start again at 0 then; the rest is in force now");
		config.limits = observer->config.limits;
		config.histograms = observer->config.histograms;
	}
	if (config.bpf_stats != observer->config.bpf_stats)
		log_warning(0, "bpf_stats changes at the next start only");
	code = bpf_tables_write(&observer->session.set, &config);
	if (code)
		return log_error(0, "the new configuration is in force in part only");
	bpf_tables_find_running(&observer->session.set);
	observer->config = config;
	observer->reporting = reporting;
	observer->files = files;
	if (observer->exporter.socket >= 0)
		send_settings(observer, observer->exporter.socket);
	arm_files(observer);
	if (observer->tls) {
		tls_targets_set_scope(observer->tls, config.tls_scope == CONFIG_TLS_AGENTS);
		tls_targets_set_probes(observer->tls, config.tls_return_probes,
				       config.tls_stepped_probes);
		tls_targets_scan(observer->tls);
	}
	return log_info(0, "configuration '%s' reloaded", observer->options->config_file);
}

/* 1: stop. */
static int on_signal(struct observer *observer)
{
	struct signalfd_siginfo info;

	while (read(observer->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP)
			return 1;
		reload(observer);
	}
	return 0;
}

void observer_start_tls(struct observer *observer)
{
	const char *pin_path = observer->options->pin_path;
	char path[OPTIONS_PATH_MAX + sizeof(BPF_PINS_TLS) + sizeof(STATE_PROBE_SITES)];
	int err;

	if (bpf_set_program(&observer->session.set, "og_tls_decode") < 0)
		return; /* said when it was loaded */
	err = http2_huffman_start(&observer->session.set);
	if (err)
		log_warning(err,
			    "cannot set up reading HTTP/2: %s; its calls are timed at the socket",
			    strerror(-err));
	if (pin_path)
		snprintf(path, sizeof(path), "%s/%s", pin_path, BPF_PINS_TLS);
	if (tls_targets_new(&observer->session.set, pin_path ? path : NULL, &observer->tls))
		return;
	tls_targets_set_scope(observer->tls, observer->config.tls_scope == CONFIG_TLS_AGENTS);
	tls_targets_set_probes(observer->tls, observer->config.tls_return_probes,
			       observer->config.tls_stepped_probes);
	snprintf(path, sizeof(path), "%s/%s", observer->options->state_dir, STATE_PROBE_SITES);
	tls_targets_prove(observer->tls, path);
	tls_targets_set_signatures(observer->tls, observer->options->state_dir);
	tls_targets_start(observer->tls);
	probe_answers_keep(observer->options->state_dir, tls_targets_abilities(observer->tls).kind);
}

static int on_tls_mapping(struct observer *observer)
{
	int fd;

	if (tls_targets_fds(observer->tls, &fd, 1))
		tls_targets_on_event(observer->tls, fd);
	probe_classes_reap();
	return 0;
}

static int on_tls_scan(struct observer *observer)
{
	uint64_t expirations;

	if (read(observer->tls_timer, &expirations, sizeof(expirations)) > 0)
		tls_targets_scan(observer->tls);
	probe_classes_reap();
	/* Looking into files and proving places needs code that waiting does not. */
	footprint_shrink();
	return 0;
}

static int watch_tls(struct observer *observer)
{
	const struct itimerspec when = {.it_value.tv_sec = TLS_SCAN_SECONDS,
					.it_interval.tv_sec = TLS_SCAN_SECONDS};
	int fd, code = 0;

	if (!observer->tls)
		return 0;
	observer->tls_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (observer->tls_timer < 0 || timerfd_settime(observer->tls_timer, 0, &when, NULL))
		return -errno;
	if (tls_targets_fds(observer->tls, &fd, 1))
		code = watch(observer, fd, SOURCE_TLS_MAPPING);
	return code ? code : watch(observer, observer->tls_timer, SOURCE_TLS_SCAN);
}

static int (*const handlers[])(struct observer *observer) = {
	[SOURCE_SIGNAL] = on_signal,
	[SOURCE_EXPORTER_MESSAGE] = on_exporter_message,
	[SOURCE_EXPORTER_END] = on_exporter_end,
	[SOURCE_RESTART] = restart_exporter,
	[SOURCE_TLS_MAPPING] = on_tls_mapping,
	[SOURCE_TLS_SCAN] = on_tls_scan,
	[SOURCE_FILES] = on_files,
};

static int open_loop(struct observer *observer)
{
	int code;

	observer->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	observer->restart_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	observer->files_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (observer->epoll_fd < 0 || observer->restart_timer < 0 || observer->files_timer < 0)
		return -errno;
	code = watch(observer, observer->signal_fd, SOURCE_SIGNAL);
	if (!code)
		code = watch(observer, observer->restart_timer, SOURCE_RESTART);
	if (!code)
		code = watch(observer, observer->files_timer, SOURCE_FILES);
	if (!code)
		code = arm_files(observer);
	if (!code)
		code = watch_tls(observer);
	return code ? code : watch_exporter(observer);
}

int observer_serve(struct observer *observer)
{
	struct epoll_event event;
	int code = open_loop(observer), count;

	if (!code)
		code = hand_over(observer);
	footprint_shrink();
	while (code == 0) {
		count = epoll_wait(observer->epoll_fd, &event, 1, -1);
		if (count < 0 && errno != EINTR)
			code = -errno;
		if (count == 1)
			code = handlers[event.data.u64](observer);
	}
	return code < 0 ? log_error(code, "the event loop failed: %s", strerror(-code)) : 0;
}
