// SPDX-License-Identifier: Apache-2.0
#include "bpf_session.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf_attach.h"
#include "bpf_load.h"
#include "bpf_mounts.h"
#include "bpf_pins.h"
#include "bpf_tables.h"
#include "log.h"
#include "privilege.h"
#include "probe_answers.h"
#include "tls_targets.h"

static __u64 boot_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
}

/* Removes what another version, another layout or an interrupted start left. */
static int clear(const char *pin_path, enum bpf_pins_state state, const struct identity *identity)
{
	size_t count = 0;
	int code;

	if (state == BPF_PINS_WHOLE)
		log_warning(0, "replacing version %.*s: its counters start again at 0",
			    (int)sizeof(identity->version), identity->version);
	else
		log_warning(0, "removing pins of a start that was interrupted below '%s'",
			    pin_path);
	code = bpf_pins_remove(pin_path, &count);
	return code ? log_error(code, "cannot remove everything below '%s': %s", pin_path,
				strerror(-code))
		    : 0;
}

static void report_refusals(const struct bpf_refusals *refusals, const int codes[BPF_OBJECTS_MAX])
{
	const struct bpf_program_row *row;
	size_t i, object;

	for (i = 0; i < refusals->count; i++) {
		row = &bpf_programs[refusals->rows[i].program];
		for (object = 0; strcmp(bpf_objects[object].name, row->object); object++)
			;
		if (codes[object])
			continue; /* said of the object */
		if (row->attach == BPF_ATTACH_CGROUP && !privilege_has(CAP_NET_ADMIN))
			continue; /* privilege_report() has said it */
		log_warning(0,
			    "this kernel refuses program '%s': %s; missing without it: %s "
			    "(--log.level=debug shows the verifier's words)",
			    row->name, strerror(-refusals->rows[i].code), row->lost);
	}
}

/* One line where one reason stopped everything, else one for each object. */
static int report_failures(const int codes[BPF_OBJECTS_MAX])
{
	size_t i, failed = 0;
	int code = 0;

	for (i = 0; i < bpf_object_count; i++) {
		failed += codes[i] != 0;
		code = codes[i] ? codes[i] : code;
	}
	if (failed == bpf_object_count && access(BPF_LOAD_BTF, R_OK))
		return log_error(
			code, "no program can be loaded, agents and calls are not measured: this "
			      "kernel has no BTF (" BPF_LOAD_BTF "); use one with "
			      "CONFIG_DEBUG_INFO_BTF=y");
	if (failed == bpf_object_count)
		return log_error(code,
				 "no program can be loaded, agents and calls are not measured: %s; "
				 "'operaglass doctor' says more",
				 strerror(-code));
	for (i = 0; i < bpf_object_count; i++)
		if (codes[i])
			log_error(codes[i],
				  "cannot load the %s programs: %s; 'operaglass doctor' says more",
				  bpf_objects[i].name, strerror(-codes[i]));
	return 0;
}

static int load_and_pin(const char *pin_path, const struct config *config)
{
	struct bpf_refusals refusals = {.count = 0};
	static struct bpf_set set;
	int codes[BPF_OBJECTS_MAX], code;

	bpf_set_init(&set);
	bpf_load_all(config, &set, &refusals, codes);
	code = report_failures(codes);
	report_refusals(&refusals, codes);
	return code ? code : bpf_pins_save(pin_path, &set);
}

/*
 * In a child process: to relocate programs, every type of the kernel is held in memory, several MiB
 * that would never leave this one. What the child loads it pins, and this process opens the pins.
 */
static int load(struct bpf_session *session, const char *pin_path, const struct config *config)
{
	enum tls_probe_kind kind;
	/* Both want to know; the rest is asked while the other one loads. */
	bool probes = !tls_probe_kind_check(&kind);
	pid_t pid = fork();
	int status, code;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		tls_probe_check_release();
		_exit(load_and_pin(pin_path, config) ? 1 : 0);
	}
	if (pid < 0)
		return log_error(-errno, "cannot start the loader: %s", strerror(errno));
	if (probes)
		probe_answers_ask(kind);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return log_error(-ECHILD, "the loader was killed");
	if (WEXITSTATUS(status))
		return -EIO; /* it has said why */
	code = bpf_pins_open(pin_path, &session->set);
	if (code)
		return log_error(code, "cannot open the pins below '%s': %s", pin_path,
				 strerror(-code));
	return bpf_tables_fix(&session->set, config);
}

static int open_cgroup(const char *cgroup_path)
{
	char path[PATH_MAX];
	int fd = bpf_mounts_open_cgroup(cgroup_path, path, sizeof(path));

	if (fd < 0)
		return log_error(-1,
				 "cannot open the root of cgroup v2%s%s: %s; connections are not "
				 "measured (mount cgroup2, or give --cgroup.path)",
				 cgroup_path ? " at " : "", cgroup_path ? path : "", strerror(-fd));
	if (!bpf_mounts_is_cgroup_root(fd))
		log_warning(0,
			    "'%s' is not the root of cgroup v2: only connections of what runs "
			    "below it are measured",
			    path);
	return fd;
}

static void attach_all(struct bpf_session *session, const char *cgroup_path)
{
	int cgroup_fd = open_cgroup(cgroup_path);

	bpf_attach_all(&session->set, cgroup_fd);
	if (cgroup_fd >= 0)
		close(cgroup_fd);
	/* First attach, then look: whoever starts in between is seen by both and counted once. */
	bpf_tables_find_running(&session->set);
}

/* Whether pins of the same kernel half were taken over; what is pinned otherwise is removed. */
static int adopt(struct bpf_session *session, const char *pin_path)
{
	struct identity identity;
	enum bpf_pins_state state = bpf_pins_look(pin_path, &identity);
	int code;

	if (state == BPF_PINS_NONE)
		return 0;
	if (state == BPF_PINS_WHOLE && identity.hash == session->hash) {
		code = bpf_pins_open(pin_path, &session->set);
		if (!code) {
			session->start = BPF_SESSION_ADOPTED;
			return 0;
		}
		bpf_set_close(&session->set);
		bpf_set_init(&session->set);
		state = BPF_PINS_BROKEN;
	}
	return clear(pin_path, state, &identity);
}

static int seal(const char *pin_path, unsigned long long hash)
{
	struct identity identity = {.hash = hash, .started_ns = boot_time_ns()};

	snprintf(identity.version, sizeof(identity.version), "%s", OPERAGLASS_VERSION);
	return bpf_pins_seal(pin_path, &identity);
}

static int enable_stats(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (fd < 0)
		log_warning(0,
			    "cannot measure the run time of programs: %s (it needs CAP_SYS_ADMIN, "
			    "or set kernel.bpf_stats_enabled)",
			    strerror(errno));
	return fd;
}

int bpf_session_prepare(struct bpf_session *session, const char *pin_path,
			const struct config *config)
{
	int code;

	memset(session, 0, sizeof(*session));
	bpf_set_init(&session->set);
	session->stats_fd = config->bpf_stats ? enable_stats() : -1;
	session->hash = bpf_load_hash(config);
	code = adopt(session, pin_path);
	if (!code && session->start != BPF_SESSION_ADOPTED)
		code = load(session, pin_path, config);
	return code;
}

int bpf_session_attach(struct bpf_session *session, const char *pin_path, const char *cgroup_path,
		       const struct config *config)
{
	int code = bpf_tables_write(&session->set, config);

	if (!code)
		attach_all(session, cgroup_path);
	if (!code)
		code = bpf_pins_save(pin_path, &session->set);
	if (!code && session->start != BPF_SESSION_ADOPTED)
		code = seal(pin_path, session->hash);
	if (!code && session->start != BPF_SESSION_ADOPTED)
		session->start = BPF_SESSION_LOADED;
	return code;
}

void bpf_session_abandon(struct bpf_session *session, const char *pin_path)
{
	size_t count;
	int code;

	if (session->start != BPF_SESSION_NONE)
		return;
	bpf_set_close(&session->set);
	code = bpf_pins_remove(pin_path, &count);
	if (code)
		log_warning(code, "cannot remove everything below '%s': %s", pin_path,
			    strerror(-code));
}

void bpf_session_end(struct bpf_session *session)
{
	bpf_set_close(&session->set);
	if (session->stats_fd >= 0)
		close(session->stats_fd);
	session->stats_fd = -1;
}
