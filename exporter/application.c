// SPDX-License-Identifier: Apache-2.0
#include "application.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
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
#include "settings_receive.h"
#include "tools_counter.h"
#include "worker.h"

/* The observer sends its settings before it starts this process. */
#define SETTINGS_PATIENCE_MS 10000
/* Of a path that was refused; the rest says nothing more. */
#define RESOURCE_SIZE 128
#define WAITING_MAX   4096 /* agents; more than a host runs */

struct application {
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
	struct kernel_reader *reader; /* NULL: none */
	struct tools_counter tools;
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

static int wait_for_settings(struct application *application, struct handover *handover)
{
	struct pollfd socket = {.fd = handover->socket, .events = POLLIN};
	int err;

	do {
		err = handover_receive(handover);
		if (err)
			return log_error(err, "the observer is gone");
		err = handover_settings(handover, "reporting", &application->settings,
					sizeof(application->settings));
	} while (err == -ENOENT && poll(&socket, 1, SETTINGS_PATIENCE_MS) > 0);
	application->settings_seen = handover->settings;
	return err ? log_error(err, "the observer sent no settings of events: %s", strerror(-err))
		   : 0;
}

int application_bind(const struct command_line *options, struct handover *handover,
		     struct application **ret_application)
{
	struct application *application = calloc(1, sizeof(*application));
	int err;

	if (!application)
		return log_error(-ENOMEM, "cannot start: %s", strerror(ENOMEM));
	application->datagram_fd = application->stream_fd = -1;
	err = wait_for_settings(application, handover);
	if (!err && options->events_socket)
		err = listen_at(options->events_socket, SOCK_DGRAM, &application->datagram_fd);
	if (!err && options->events_stream_socket)
		err = listen_at(options->events_stream_socket, SOCK_STREAM,
				&application->stream_fd);
	if (err) {
		application_free(application);
		return err;
	}
	*ret_application = application;
	return 0;
}

void application_free(struct application *application)
{
	if (!application)
		return;
	datagram_close(application->datagram);
	if (application->recorder) {
		tools_counter_run(&application->tools);
		recorder_close(application->recorder);
	}
	if (application->worker)
		worker_free(application->worker);
	agent_link_free(application->link);
	rate_limit_free(application->limit);
	if (application->stream_fd >= 0)
		close(application->stream_fd);
	if (application->datagram_fd >= 0)
		close(application->datagram_fd);
	explicit_bzero(&application->settings, sizeof(application->settings));
	free(application);
}

int application_take_stream(struct application *application)
{
	int fd = application->stream_fd;

	application->stream_fd = -1;
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
	struct application *application = context;

	agent_link_attach(application->link, event);
}

static int submit(void *context, struct event **events, unsigned count)
{
	struct application *application = context;
	unsigned i;

	for (i = 0; i < count; i++)
		join(application, events[i]);
	return recorder_submit(application->recorder, events, count, NULL);
}

/* What Operaglass itself notes: one event, nobody waits. */
static void note(void *context, struct event *event)
{
	struct application *application = context;

	recorder_submit(application->recorder, &event, 1, NULL);
}

static int count(void *context, struct event *event)
{
	struct application *application = context;

	return recorder_submit(application->recorder, &event, 1, NULL);
}

static void catch_up(void *context)
{
	const struct application *application = context;

	if (application->reader)
		kernel_reader_drain(application->reader);
}

static int open_link(struct application *application)
{
	struct agent_link_source source;

	application->maps = (struct agent_maps){
		.processes = -1,
		.types = -1,
		.upstreams = -1,
		.submit = note,
		.catch_up = catch_up,
		.user_context = application,
	};
	application->tools = (struct tools_counter){.submit = count, .context = application};
	source = agent_maps_source(&application->maps);
	return agent_link_create(&source, &application->link);
}

static int open_datagram(struct application *application)
{
	const struct datagram_site site = {
		.settings = &application->settings,
		.limit = application->limit,
		.intake = &application->intake,
		.submit = submit,
		.context = application,
	};
	int fd = application->datagram_fd;

	if (fd < 0)
		return 0;
	application->datagram_fd = -1;
	return datagram_open(fd, &site, &application->datagram);
}

static void tell_web(struct application *application, struct web *web)
{
	const struct web_reporting site = {
		.recorder = application->recorder,
		.worker = application->worker,
		.intake = &application->intake,
		.limit = application->limit,
		.settings = &application->settings,
		.join = join,
		.context = application,
	};

	web_take_events(web, &site);
	web_use_worker(web, application->worker);
}

int application_start(struct application *application, const struct command_line *options,
		      struct web *web)
{
	int err;

	set_time_zone(&application->settings);
	intake_prepare();
	err = rate_limit_create(&application->settings, &application->limit);
	if (!err)
		err = worker_create(&application->worker);
	if (!err)
		err = open_link(application);
	if (err)
		return log_error(err, "cannot take events: %s", strerror(-err));
	err = recorder_open(options->journal_directory, &application->settings,
			    &application->recorder);
	if (err == -EWOULDBLOCK)
		return log_error(err,
				 "another Operaglass holds the journal in '%s': stop it, or "
				 "choose another --state.dir",
				 options->journal_directory);
	if (err)
		return err;
	err = open_datagram(application);
	if (err)
		return log_error(err, "cannot take events: %s", strerror(-err));
	tell_web(application, web);
	return 0;
}

int application_attach(const struct application *application, int epoll_fd, uint64_t data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};
	const int fds[] = {
		recorder_fd(application->recorder),
		worker_fd(application->worker),
		application->datagram ? datagram_fd(application->datagram) : -1,
	};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event))
			return -errno;
	return 0;
}

void application_run(struct application *application)
{
	if (application->datagram)
		datagram_run(application->datagram);
	recorder_run(application->recorder);
	worker_run(application->worker);
}

/* Of what Operaglass notes itself, at this moment. */
static struct event_origin own_origin(struct application *application)
{
	struct agent_link_source source = agent_maps_source(&application->maps);
	struct moment now;

	source.now(source.context, &now);
	return (struct event_origin){
		.way = WAY_INTERNAL,
		.uid = UINT32_MAX,
		.wall_us = now.wall_us,
		.boot_ns = now.boot_ns,
	};
}

void application_refused(struct application *application, enum web_refusal why, const char *address,
			 const char *path)
{
	const struct event_origin origin = own_origin(application);
	char resource[RESOURCE_SIZE];
	const struct event_field_value values[] = {
		{.field = FIELD_ACTOR, .text = address},
		{.field = FIELD_RESOURCE, .text = resource},
		{.field = FIELD_REASON, .text = web_refusal_names[why]},
	};
	struct event *event;

	snprintf(resource, sizeof(resource), "%s", path);
	if (!event_make(EVENT_ACCESS_REFUSED, &origin, values, 3, &event))
		note(application, event);
}

/* For the audit log: which settings are others now. */
static void note_change(struct application *application, const struct reporting_settings *before)
{
	const struct event_origin origin = own_origin(application);
	struct event *event;

	if (!settings_change_event(before, &application->settings, &origin, &event))
		note(application, event);
}

void application_follow(struct application *application, const struct handover *handover)
{
	static struct reporting_settings before;
	int err;

	if (application->settings_seen == handover->settings)
		return;
	before = application->settings;
	application->settings_seen = handover->settings;
	err = handover_settings(handover, "reporting", &application->settings,
				sizeof(application->settings));
	if (!err)
		err = recorder_configure(application->recorder, &application->settings);
	if (err) {
		log_error(err, "cannot take over the new settings of events: %s", strerror(-err));
		return;
	}
	rate_limit_configure(application->limit, &application->settings);
	note_change(application, &before);
	explicit_bzero(&before, sizeof(before));
}

void application_join(struct application *application, struct kernel_reader *reader,
		      const struct handover *handover)
{
	const struct facts_listener listener = agent_link_listener(application->link);

	agent_maps_bind(&application->maps, handover);
	tools_counter_bind(&application->tools, handover);
	tools_counter_run(&application->tools);
	application->reader = reader;
	if (reader)
		kernel_reader_listen(reader, &listener);
}

void application_tick(struct application *application)
{
	agent_link_tick(application->link);
	tools_counter_tick(&application->tools);
}

void application_set_waiting(struct application *application, struct kernel_reader *reader)
{
	unsigned count = recorder_waiting(application->recorder, application->waiting, WAITING_MAX);

	kernel_reader_set_waiting(reader, application->waiting, count);
}

void application_add(struct application *application, struct model *model)
{
	struct intake intake = application->intake;
	struct recorder_health recorder;

	recorder_health(application->recorder, &recorder);
	intake.refused[INTAKE_NOT_APPLICABLE] += recorder.refused;
	model_add(model, FAMILY_UP, recorder.works, "journal");
	recorder_add(application->recorder, model);
	intake_add(&intake, model);
	agent_link_add(application->link, model);
}
