// SPDX-License-Identifier: Apache-2.0
#include "reporting.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent_link.h"
#include "datagram.h"
#include "intake.h"
#include "kernel_reader.h"
#include "local_socket.h"
#include "log.h"
#include "rate_limit.h"
#include "recorder.h"
#include "worker.h"

/* The observer sends its settings before it starts this process. */
#define SETTINGS_PATIENCE_MS 10000
#define WAITING_MAX	     4096 /* agents; more than a host runs */

struct reporting {
	struct reporting_settings settings;
	uint32_t settings_seen; /* handover->settings when they were taken */
	int datagram_fd, stream_fd;
	struct datagram *datagram;
	struct rate_limit *limit;
	struct intake intake;
	struct recorder *recorder;
	struct worker *worker;
	struct agent_maps maps;
	struct agent_link *link;
	struct waiting_root waiting[WAITING_MAX]; /* of the scrape that runs */
};

static int listen_at(const char *path, int type, int *ret_fd)
{
	int err = local_socket_listen(path, type, ret_fd);

	if (err == -EADDRINUSE)
		return log_error(err,
				 "cannot listen on '%s': another process answers there; stop it, "
				 "or choose another path",
				 path);
	return err ? log_error(err, "cannot listen on '%s': %s", path, strerror(-err)) : 0;
}

static int wait_for_settings(struct reporting *reporting, struct handover *handover)
{
	struct pollfd socket = {.fd = handover->socket, .events = POLLIN};
	int err;

	do {
		err = handover_receive(handover);
		if (err)
			return log_error(err, "the observer is gone");
		err = handover_settings(handover, "reporting", &reporting->settings,
					sizeof(reporting->settings));
	} while (err == -ENOENT && poll(&socket, 1, SETTINGS_PATIENCE_MS) > 0);
	reporting->settings_seen = handover->settings;
	return err ? log_error(err, "the observer sent no settings of events: %s", strerror(-err))
		   : 0;
}

int reporting_bind(const struct command_line *options, struct handover *handover,
		   struct reporting **ret_reporting)
{
	struct reporting *reporting = calloc(1, sizeof(*reporting));
	int err;

	if (!reporting)
		return log_error(-ENOMEM, "cannot start: %s", strerror(ENOMEM));
	reporting->datagram_fd = reporting->stream_fd = -1;
	err = wait_for_settings(reporting, handover);
	if (!err && options->events_socket)
		err = listen_at(options->events_socket, SOCK_DGRAM, &reporting->datagram_fd);
	if (!err && options->events_stream_socket)
		err = listen_at(options->events_stream_socket, SOCK_STREAM, &reporting->stream_fd);
	if (err) {
		reporting_free(reporting);
		return err;
	}
	*ret_reporting = reporting;
	return 0;
}

void reporting_free(struct reporting *reporting)
{
	if (!reporting)
		return;
	datagram_close(reporting->datagram);
	if (reporting->recorder)
		recorder_close(reporting->recorder);
	if (reporting->worker)
		worker_free(reporting->worker);
	agent_link_free(reporting->link);
	rate_limit_free(reporting->limit);
	if (reporting->stream_fd >= 0)
		close(reporting->stream_fd);
	if (reporting->datagram_fd >= 0)
		close(reporting->datagram_fd);
	explicit_bzero(&reporting->settings, sizeof(reporting->settings));
	free(reporting);
}

int reporting_take_stream(struct reporting *reporting)
{
	int fd = reporting->stream_fd;

	reporting->stream_fd = -1;
	return fd;
}

/* The days of reports, roll-ups and budgets; before any thread asks what time it is. */
static void set_time_zone(const struct reporting_settings *settings)
{
	if (settings->time_zone[0])
		setenv("TZ", settings->time_zone, 1);
	tzset();
}

/* For the web and the datagram socket alike. */
static void join(void *context, struct event *event)
{
	struct reporting *reporting = context;

	agent_link_attach(reporting->link, event);
}

static int submit(void *context, struct event **events, unsigned count)
{
	struct reporting *reporting = context;
	unsigned i;

	for (i = 0; i < count; i++)
		join(reporting, events[i]);
	return recorder_submit(reporting->recorder, events, count, NULL);
}

/* What Operaglass itself notes: one event, nobody waits. */
static void note(void *context, struct event *event)
{
	struct reporting *reporting = context;

	recorder_submit(reporting->recorder, &event, 1, NULL);
}

static int open_link(struct reporting *reporting)
{
	struct agent_link_source source;

	reporting->maps = (struct agent_maps){
		.processes = -1,
		.types = -1,
		.upstreams = -1,
		.submit = note,
		.submit_context = reporting,
	};
	source = agent_maps_source(&reporting->maps);
	return agent_link_create(&source, &reporting->link);
}

static int open_datagram(struct reporting *reporting)
{
	const struct datagram_site site = {
		.settings = &reporting->settings,
		.limit = reporting->limit,
		.intake = &reporting->intake,
		.submit = submit,
		.context = reporting,
	};
	int fd = reporting->datagram_fd;

	if (fd < 0)
		return 0;
	reporting->datagram_fd = -1;
	return datagram_open(fd, &site, &reporting->datagram);
}

static void tell_web(struct reporting *reporting, struct web *web)
{
	const struct web_reporting site = {
		.recorder = reporting->recorder,
		.worker = reporting->worker,
		.intake = &reporting->intake,
		.limit = reporting->limit,
		.settings = &reporting->settings,
		.join = join,
		.context = reporting,
	};

	web_take_events(web, &site);
	web_use_worker(web, reporting->worker);
}

int reporting_start(struct reporting *reporting, const struct command_line *options,
		    struct web *web)
{
	int err;

	set_time_zone(&reporting->settings);
	intake_prepare();
	err = rate_limit_create(&reporting->settings, &reporting->limit);
	if (!err)
		err = worker_create(&reporting->worker);
	if (!err)
		err = open_link(reporting);
	if (err)
		return log_error(err, "cannot take events: %s", strerror(-err));
	err = recorder_open(options->journal_directory, &reporting->settings, &reporting->recorder);
	if (err == -EWOULDBLOCK)
		return log_error(err,
				 "another Operaglass holds the journal in '%s': stop it, or "
				 "choose another --state.dir",
				 options->journal_directory);
	if (err)
		return err;
	err = open_datagram(reporting);
	if (err)
		return log_error(err, "cannot take events: %s", strerror(-err));
	tell_web(reporting, web);
	return 0;
}

int reporting_attach(const struct reporting *reporting, int epoll_fd, uint64_t data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};
	const int fds[] = {
		recorder_fd(reporting->recorder),
		worker_fd(reporting->worker),
		reporting->datagram ? datagram_fd(reporting->datagram) : -1,
	};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event))
			return -errno;
	return 0;
}

void reporting_run(struct reporting *reporting)
{
	if (reporting->datagram)
		datagram_run(reporting->datagram);
	recorder_run(reporting->recorder);
	worker_run(reporting->worker);
}

void reporting_follow(struct reporting *reporting, const struct handover *handover)
{
	int err;

	if (reporting->settings_seen == handover->settings)
		return;
	reporting->settings_seen = handover->settings;
	err = handover_settings(handover, "reporting", &reporting->settings,
				sizeof(reporting->settings));
	if (!err)
		err = recorder_configure(reporting->recorder, &reporting->settings);
	if (err) {
		log_error(err, "cannot take over the new settings of events: %s", strerror(-err));
		return;
	}
	rate_limit_configure(reporting->limit, &reporting->settings);
}

void reporting_join(struct reporting *reporting, struct kernel_reader *reader,
		    const struct handover *handover)
{
	const struct facts_listener listener = agent_link_listener(reporting->link);

	agent_maps_bind(&reporting->maps, handover);
	if (reader)
		kernel_reader_listen(reader, &listener);
}

void reporting_tick(struct reporting *reporting)
{
	agent_link_tick(reporting->link);
}

void reporting_set_waiting(struct reporting *reporting, struct kernel_reader *reader)
{
	unsigned count = recorder_waiting(reporting->recorder, reporting->waiting, WAITING_MAX);

	kernel_reader_set_waiting(reader, reporting->waiting, count);
}

void reporting_add(struct reporting *reporting, struct model *model)
{
	recorder_add(reporting->recorder, model);
	intake_add(&reporting->intake, model);
}
