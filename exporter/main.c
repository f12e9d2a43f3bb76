// SPDX-License-Identifier: Apache-2.0
/*
 * operaglass-exporter: an ordinary user's process that turns what the observer handed over into
 * /metrics.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "command_line.h"
#include "confine.h"
#include "footprint.h"
#include "handover_registry.h"
#include "health.h"
#include "kernel_reader.h"
#include "log.h"
#include "model.h"
#include "application.h"
#include "self.h"
#include "tools.h"
#include "web.h"
#include "web_address.h"
#include "web_follow_settings.h"

enum {
	EXIT_CANNOT_SERVE = 1,
	EXIT_USAGE = 2
};

/* Who an epoll event is for. */
enum event_source {
	SOURCE_WEB,
	SOURCE_HANDOVER,
	SOURCE_SIGNAL,
	SOURCE_TICK,
	SOURCE_APPLICATION
};

struct exporter {
	struct command_line options;
	struct handover handover;
	struct kernel_reader
		*reader; /* of reader_generation; NULL until everything was handed over */
	uint32_t reader_generation;
	struct model *model;
	struct self self;
	struct web *web;
	struct application *application;
	uint16_t port;	/* of the first address */
	int read_error; /* of the last scrape; 0: none */
	int epoll_fd, signal_fd, tick_fd;
	bool stop;
};

/* Opens the reader for the items of this generation, once they are complete. */
static void follow_handover(struct exporter *exporter)
{
	int err;

	if (exporter->reader && (!exporter->handover.complete ||
				 exporter->reader_generation != exporter->handover.generation)) {
		kernel_reader_close(exporter->reader);
		exporter->reader = NULL;
		application_join(exporter->application, NULL, &exporter->handover);
	}
	if (exporter->reader || !exporter->handover.complete)
		return;
	err = kernel_reader_open(&exporter->reader, &exporter->handover);
	if (err) {
		log_error(err,
			  "cannot read the handed-over maps: %s; metrics of the kernel are missing",
			  strerror(-err));
		exporter->reader = NULL;
	}
	if (exporter->reader)
		application_join(exporter->application, exporter->reader, &exporter->handover);
	exporter->reader_generation = exporter->handover.generation;
}

/* Everything that a scrape shows, as a model. */
static void collect(struct exporter *exporter)
{
	int err, why;

	/* What the observer said before this request counts for it. */
	err = handover_receive(&exporter->handover);
	if (err)
		exporter->stop = true;
	follow_handover(exporter);
	application_follow(exporter->application, &exporter->handover);
	web_settings_follow(exporter->web, &exporter->handover);
	model_reset(exporter->model);
	if (exporter->reader) {
		application_set_waiting(exporter->application, exporter->reader);
		err = kernel_reader_read(exporter->reader, exporter->model);
		/* Once, not at every scrape. */
		if (err && err != exporter->read_error)
			log_error(err, "cannot read all of the kernel's maps: %s", strerror(-err));
		exporter->read_error = err;
	}
	for (why = 0; why < WEB_REFUSALS; why++)
		model_add(exporter->model, FAMILY_WEB_REFUSED, web_refused(exporter->web, why),
			  web_refusal_names[why]);
	application_add(exporter->application, exporter->model);
	self_add(&exporter->self, &exporter->handover, exporter->model);
}

static const struct model *collected(void *context)
{
	struct exporter *exporter = context;

	collect(exporter);
	return exporter->model;
}

static int scrape(void *context, enum text_format format, struct text *out)
{
	struct exporter *exporter = context;
	int err;

	collect(exporter);
	err = text_render(exporter->model, format, out);
	return err ? log_error(err, "cannot render the metrics: %s", strerror(-err)) : 0;
}

static void scraped(void *context, uint64_t nanoseconds)
{
	struct exporter *exporter = context;

	self_scraped(&exporter->self, nanoseconds);
}

static bool ready(void *context)
{
	const struct exporter *exporter = context;

	return exporter->handover.complete && exporter->reader;
}

/* How the kernel half is. */
static void facts(void *context, struct health_facts *ret_facts)
{
	const struct exporter *exporter = context;
	const struct handover_item *program = NULL;

	ret_facts->handed_over = exporter->handover.complete;
	ret_facts->readable = exporter->reader && !exporter->read_error;
	while ((program = handover_next(&exporter->handover, HANDOVER_PROGRAM, program))) {
		ret_facts->programs++;
		ret_facts->attached += program->value == 1;
	}
}

static void refused(void *context, enum web_refusal why, const char *address, const char *path)
{
	struct exporter *exporter = context;

	application_refused(exporter->application, why, address, path);
}

static int open_web(struct exporter *exporter)
{
	const struct web_site site = {
		.context = exporter,
		.telemetry_path = exporter->options.telemetry_path,
		.scrape = scrape,
		.scraped = scraped,
		.ready = ready,
		.collect = collected,
		.facts = facts,
		.refused = refused,
	};
	unsigned i;
	int fd, err;

	err = web_create(&site, &exporter->web);
	if (err)
		return log_error(err, "cannot start the HTTP server: %s", strerror(-err));
	err = handover_receive(&exporter->handover);
	if (err)
		return log_error(err, "cannot receive the settings: %s", strerror(-err));
	err = web_settings_begin(exporter->web, &exporter->handover, exporter->options.web_config);
	if (err)
		return err;
	for (i = 0; i < exporter->options.listen_count; i++) {
		err = web_address_listen(exporter->options.listen_addresses[i], &fd);
		if (err)
			return err;
		if (i == 0)
			exporter->port = web_address_port(fd);
		err = web_serve(exporter->web, fd);
		if (err)
			return log_error(err, "cannot serve HTTP on %s: %s",
					 exporter->options.listen_addresses[i], strerror(-err));
	}
	fd = application_take_stream(exporter->application);
	err = fd < 0 ? 0 : web_serve(exporter->web, fd);
	return err ? log_error(err, "cannot serve HTTP on '%s': %s",
			       exporter->options.events_stream_socket, strerror(-err))
		   : 0;
}

static int open_signals(struct exporter *exporter)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	/*
	 * The terminal's hangup is for the observer: it reloads, and this process is told what
	 * changed.
	 */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &ends, NULL))
		return log_error(-errno, "cannot block signals: %s", strerror(errno));
	exporter->signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	if (exporter->signal_fd < 0)
		return log_error(-errno, "cannot receive signals: %s", strerror(errno));
	return 0;
}

static int open_loop(struct exporter *exporter)
{
	const struct itimerspec second = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
	struct epoll_event tick = {.events = EPOLLIN, .data.u64 = SOURCE_TICK};
	struct epoll_event handover = {.events = EPOLLIN, .data.u64 = SOURCE_HANDOVER};
	struct epoll_event ends = {.events = EPOLLIN, .data.u64 = SOURCE_SIGNAL};
	int err = 0;

	exporter->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	exporter->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (exporter->epoll_fd < 0 || exporter->tick_fd < 0 ||
	    timerfd_settime(exporter->tick_fd, 0, &second, NULL) ||
	    epoll_ctl(exporter->epoll_fd, EPOLL_CTL_ADD, exporter->tick_fd, &tick) ||
	    epoll_ctl(exporter->epoll_fd, EPOLL_CTL_ADD, exporter->handover.socket, &handover) ||
	    epoll_ctl(exporter->epoll_fd, EPOLL_CTL_ADD, exporter->signal_fd, &ends))
		err = -errno;
	if (!err)
		err = web_attach(exporter->web, exporter->epoll_fd, SOURCE_WEB);
	if (!err)
		err = application_attach(exporter->application, exporter->epoll_fd,
					 SOURCE_APPLICATION);
	return err ? log_error(err, "cannot set up the event loop: %s", strerror(-err)) : 0;
}

static int open_all(struct exporter *exporter)
{
	pid_t parent = getppid();
	bool kept_bpf;
	int err;

	err = handover_open(&exporter->handover, exporter->options.handover_fd);
	if (err)
		return log_error(err, "cannot use --handover.fd=%d: %s",
				 exporter->options.handover_fd, strerror(-err));
	err = model_create(0, &exporter->model);
	if (err)
		return log_error(err, "cannot start: %s", strerror(-err));
	self_open(&exporter->self, parent);
	kernel_reader_prepare();
	if ((err = application_bind(&exporter->options, &exporter->handover,
				    &exporter->application)) ||
	    (err = open_web(exporter)) || (err = open_signals(exporter)) ||
	    (err = confine_privileges(exporter->options.user, parent, &kept_bpf)) ||
	    (err = confine_files(exporter->options.journal_directory)) ||
	    (err = application_start(exporter->application, &exporter->options, exporter->web)) ||
	    (err = open_loop(exporter)) || (err = confine_calls()))
		return err;
	footprint_shrink();
	log_info(0, "listening on %s%s as user '%s'%s", exporter->options.listen_addresses[0],
		 exporter->options.telemetry_path, geteuid() ? exporter->options.user : "root",
		 kept_bpf ? ", keeping CAP_BPF: this kernel reads maps for nobody else" : "");
	err = handover_listening(&exporter->handover, exporter->port);
	return err ? log_error(err, "cannot tell the observer: %s", strerror(-err)) : 0;
}

static void tick(struct exporter *exporter)
{
	uint64_t expirations;

	if (read(exporter->tick_fd, &expirations, sizeof(expirations)) < 0)
		return;
	if (exporter->reader)
		kernel_reader_tick(exporter->reader);
	application_tick(exporter->application);
}

static int serve(struct exporter *exporter)
{
	struct epoll_event events[16];
	int count, i, err;

	while (!exporter->stop) {
		count = epoll_wait(exporter->epoll_fd, events, 16, web_timeout(exporter->web));
		if (count < 0 && errno != EINTR)
			return log_error(-errno, "cannot wait for events: %s", strerror(errno));
		for (i = 0; i < count; i++) {
			if (events[i].data.u64 == SOURCE_SIGNAL)
				return log_info(0, "asked to stop");
			if (events[i].data.u64 == SOURCE_TICK)
				tick(exporter);
			if (events[i].data.u64 == SOURCE_APPLICATION)
				application_run(exporter->application);
			if (events[i].data.u64 != SOURCE_HANDOVER)
				continue;
			err = handover_receive(&exporter->handover);
			if (err)
				return log_info(0, "the observer is gone: stopping");
			follow_handover(exporter);
			application_follow(exporter->application, &exporter->handover);
			web_settings_follow(exporter->web, &exporter->handover);
		}
		web_run(exporter->web);
	}
	return 0;
}

static void close_all(struct exporter *exporter)
{
	if (exporter->epoll_fd >= 0)
		close(exporter->epoll_fd);
	if (exporter->tick_fd >= 0)
		close(exporter->tick_fd);
	if (exporter->signal_fd >= 0)
		close(exporter->signal_fd);
	application_free(exporter->application);
	web_free(exporter->web);
	self_close(&exporter->self);
	kernel_reader_close(exporter->reader);
	model_free(exporter->model);
	handover_close(&exporter->handover);
}

int main(int argc, char **argv)
{
	static struct exporter exporter = {
		.handover.socket = -1,
		.self = SELF_CLOSED,
		.epoll_fd = -1,
		.signal_fd = -1,
		.tick_fd = -1,
	};
	char problem[COMMAND_LINE_PROBLEM_SIZE];
	int err;

	if (argc > 1 && tools_run(argc - 1, argv + 1, &err))
		return err;
	log_settings.component = "exporter";
	err = command_line_parse(argc, argv, problem, &exporter.options);
	if (err) {
		log_error(err, "%s", problem);
		return EXIT_USAGE;
	}
	if (exporter.options.help || exporter.options.version) {
		fputs(exporter.options.help ? command_line_help : OPERAGLASS_VERSION "\n", stdout);
		return 0;
	}
	log_settings.level = exporter.options.log_level;
	log_settings.format = exporter.options.log_format;
	err = open_all(&exporter);
	if (!err)
		err = serve(&exporter);
	close_all(&exporter);
	return err ? EXIT_CANNOT_SERVE : 0;
}
