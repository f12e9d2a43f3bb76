// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf_load.h"
#include "bpf_mounts.h"
#include "commands.h"
#include "instance.h"
#include "log.h"
#include "observer.h"
#include "privilege.h"
#include "probe_answers.h"
#include "state_directories.h"

#define LARGE_BYTES 65536

struct locks {
	int state, pins; /* -1: not held */
};

static int say_held(const char *what, const char *path, pid_t holder)
{
	return log_error(EXIT_FAILED,
			 "another operaglass (pid %d) has the %s '%s': stop it, or choose another "
			 "one with --%s",
			 holder, what, path, what[0] == 's' ? "state.dir" : "bpf.pin-path");
}

static int lock_state(const struct options *options, struct locks *locks)
{
	char path[OPTIONS_PATH_MAX + 8];
	pid_t holder;
	int code;

	code = instance_make_directory(options->state_dir, 0750);
	if (code)
		return log_error(EXIT_FAILED,
				 "cannot create '%s': %s; --state.dir names another place",
				 options->state_dir, strerror(-code));
	snprintf(path, sizeof(path), "%s/lock", options->state_dir);
	code = instance_lock_file(path, &locks->state, &holder);
	if (code == -EWOULDBLOCK)
		return say_held("state directory", options->state_dir, holder);
	return code ? log_error(EXIT_FAILED, "cannot lock '%s': %s", path, strerror(-code)) : 0;
}

static int lock_pins(const struct options *options, struct locks *locks)
{
	const char *path = options->pin_path;
	pid_t holder;
	int code = bpf_mounts_need_bpffs(path);

	if (code == -EMEDIUMTYPE)
		return log_error(EXIT_FAILED,
				 "'%s' is not on a bpf file system: 'mount -t bpf bpf DIR', and "
				 "--bpf.pin-path below DIR",
				 path);
	if (!code)
		code = instance_make_directory(path, 0700);
	if (!code)
		code = instance_lock_directory(path, &locks->pins, &holder);
	if (code == -EWOULDBLOCK)
		return say_held("pin directory", path, holder);
	return code ? log_error(EXIT_FAILED, "cannot use '%s' for pins: %s", path, strerror(-code))
		    : 0;
}

/*
 * The exporter opens its journal and its addresses while programs are loaded, and has done so before
 * anything is attached: a used port leaves nothing behind.
 */
static int start_both_halves(struct observer *observer)
{
	const struct options *options = observer->options;
	int code, session_code;

	if (supervise_start(&observer->exporter, options))
		return EXIT_FAILED;
	session_code =
		bpf_session_prepare(&observer->session, options->pin_path, &observer->config);
	code = supervise_wait_listening(&observer->exporter);
	if (code) {
		bpf_session_abandon(&observer->session, options->pin_path);
		return code;
	}
	/* Without programs the rest is served, and says so. */
	if (!session_code)
		bpf_session_attach(&observer->session, options->pin_path, options->cgroup_path,
				   &observer->config);
	return 0;
}

static unsigned int port_of(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon ? (unsigned int)strtoul(colon + 1, NULL, 10) : 0;
}

static int drop_privileges(const struct observer *observer)
{
	const struct options *options = observer->options;
	struct privilege_needs needs = {.system_admin = false};
	unsigned int i, port;

	for (i = 0; i < options->listen_count; i++) {
		port = port_of(options->listen_addresses[i]);
		if (port && port < 1024)
			needs.low_port = true;
	}
	/* Only multi-uprobe links do without. */
	if (observer->tls && tls_targets_abilities(observer->tls).kind > TLS_PROBE_MULTI)
		needs.system_admin = true;
	return privilege_drop(&needs) ? EXIT_FAILED : 0;
}

/* ":80" is every address; people open one. */
static void print_urls(const struct observer *observer)
{
	const struct options *options = observer->options;
	const char *address, *colon;
	unsigned int i, port;

	for (i = 0; i < options->listen_count; i++) {
		address = options->listen_addresses[i];
		colon = strrchr(address, ':');
		port = port_of(address);
		if (i == 0 && port == 0)
			port = observer->exporter.port;
		printf("listening on http://%.*s:%u%s\n",
		       colon > address ? (int)(colon - address) : 9,
		       colon > address ? address : "localhost", port, options->telemetry_path);
	}
	fflush(stdout);
}

static int start(struct observer *observer)
{
	const struct options *options = observer->options;
	int code;

	if (observer_read_reporting(observer))
		return EXIT_USAGE;
	state_directories_make(options);
	probe_answers_recall(options->state_dir);
	code = observer_open_signals(observer) ? EXIT_FAILED : start_both_halves(observer);
	if (code)
		return code;
	observer_start_tls(observer);
	return drop_privileges(observer);
}

static const char *const start_words[] = {
	[BPF_SESSION_NONE] = "runs without programs",
	[BPF_SESSION_LOADED] = "loaded its programs",
	[BPF_SESSION_ADOPTED] = "took over what an earlier run had loaded",
};

static int serve(struct observer *observer)
{
	int code;

	log_info(0, "version %s %s", OPERAGLASS_VERSION, start_words[observer->session.start]);
	print_urls(observer);
	observer_notify_ready();
	code = observer_serve(observer);
	log_info(0, observer->session.start == BPF_SESSION_NONE
			    ? "stopping"
			    : "stopping: counting goes on in the kernel; 'operaglass unload' "
			      "removes it");
	return code ? EXIT_FAILED : EXIT_OK;
}

static int run_locked(const struct options *options, struct locks *locks, struct observer *observer)
{
	int code = lock_state(options, locks);

	if (!code)
		code = lock_pins(options, locks);
	if (!code)
		code = start(observer);
	if (!code)
		code = serve(observer);
	return code;
}

int command_run(const struct options *options)
{
	static struct observer observer = {
		.exporter = {.pidfd = -1, .socket = -1},
		.session = {.stats_fd = -1},
	};
	struct locks locks = {-1, -1};
	struct config_error error;
	int code;

	log_settings.component = "observer";
	observer.options = options;
	config_defaults(&observer.config);
	if (options->config_file && config_load(options->config_file, &observer.config, &error))
		return log_error(EXIT_USAGE, "%s", error.text);
	if (!privilege_can_load())
		return log_error(
			EXIT_USAGE,
			"operaglass run needs root, or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, "
			"CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH: start it with sudo or as a "
			"service");
	/* What is large is needed for a moment only (a symbol table): it goes back at once. */
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	privilege_report();
	bpf_load_silence();
	bpf_set_init(&observer.session.set);
	code = run_locked(options, &locks, &observer);
	supervise_stop(&observer.exporter);
	tls_targets_free(observer.tls);
	bpf_session_end(&observer.session);
	if (locks.pins >= 0)
		close(locks.pins);
	/* Empty when nothing was pinned, as after a used port. */
	if (locks.pins >= 0)
		rmdir(options->pin_path);
	if (locks.state >= 0)
		close(locks.state);
	return code;
}
