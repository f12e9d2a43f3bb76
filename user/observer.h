// SPDX-License-Identifier: Apache-2.0
/* The observer's life after the start: one event loop. */
#ifndef OPERAGLASS_OBSERVER_H
#define OPERAGLASS_OBSERVER_H

#include "bpf_session.h"
#include "config.h"
#include "options.h"
#include "reporting_files.h"
#include "supervise.h"
#include "tls_targets.h"
#include "web_follow.h"

struct observer {
	const struct options *options;
	struct config config;
	struct bpf_session session;
	struct supervise exporter;
	int epoll_fd;
	int signal_fd;
	int restart_timer;		     /* the exporter is started again when it expires */
	struct tls_targets *tls;	     /* NULL: nothing inside TLS is read */
	struct reporting_settings reporting; /* with what the files hold */
	struct reporting_files files;
	struct web_follow web;
	int files_timer; /* the files are looked at when it expires */
	int tls_timer;	 /* every process is looked at again when it expires */
};

/* Blocks the signals that the loop receives; before the first child is started. 0 or -errno. */
int observer_open_signals(struct observer *observer);

/* Reads the files that the configuration names, and has every new exporter greeted with the
 * settings; before the exporter is started. 0 or -EINVAL (logged). */
int observer_read_reporting(struct observer *observer);

/* Hands everything over and serves until SIGTERM or SIGINT. 0 or -errno (logged). */
int observer_serve(struct observer *observer);

/* Places the probes into TLS libraries, if it can: without them calls are timed at the socket. After
 * the session's start, before privileges are dropped. */
void observer_start_tls(struct observer *observer);

/* Tells a service manager that the service is up, if there is one (NOTIFY_SOCKET). */
void observer_notify_ready(void);

#endif
