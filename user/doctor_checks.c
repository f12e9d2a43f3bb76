// SPDX-License-Identifier: Apache-2.0
#include "doctor_checks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf_load.h"
#include "bpf_mounts.h"
#include "privilege.h"
#include "tls_targets.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LOCKDOWN     "/sys/kernel/security/lockdown"
#define NEEDS_ROOT   "start as root, or with the capabilities that are missing"
/* What libbpf answers then. */
#define NO_BTF (-ESRCH)
/* Every capability's name with what is lost without it. */
#define CAPABILITIES_LOST_SIZE 512

/* Fills state and detail; the row has the rest. */
typedef void check_function(const struct options *options, struct doctor_finding *finding);

static void set(struct doctor_finding *finding, enum doctor_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void set(struct doctor_finding *finding, enum doctor_state state, const char *format, ...)
{
	va_list arguments;

	finding->state = state;
	va_start(arguments, format);
	vsnprintf(finding->detail, sizeof(finding->detail), format, arguments);
	va_end(arguments);
}

int doctor_release_is(const char *release, unsigned int major, unsigned int minor)
{
	unsigned int has_major = 0, has_minor = 0;

	if (sscanf(release, "%u.%u", &has_major, &has_minor) != 2)
		return 0;
	return has_major > major || (has_major == major && has_minor >= minor);
}

static void check_kernel(const struct options *options, struct doctor_finding *finding)
{
	struct utsname name;

	(void)options;
	if (uname(&name))
		return set(finding, DOCTOR_DEGRADED, "%s", strerror(errno));
	set(finding, doctor_release_is(name.release, 5, 10) ? DOCTOR_OK : DOCTOR_DEGRADED, "%s",
	    name.release);
}

static void check_btf(const struct options *options, struct doctor_finding *finding)
{
	(void)options;
	if (access(BPF_LOAD_BTF, R_OK))
		return set(finding, DOCTOR_BROKEN, "%s: %s", BPF_LOAD_BTF, strerror(errno));
	set(finding, DOCTOR_OK, "%s", BPF_LOAD_BTF);
}

int doctor_lockdown_allows(const char *text)
{
	return strstr(text, "[confidentiality]") == NULL;
}

static void check_lockdown(const struct options *options, struct doctor_finding *finding)
{
	char text[128] = "";
	int fd = open(LOCKDOWN, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	(void)options;
	if (fd < 0)
		return set(finding, DOCTOR_OK, "none");
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	set(finding, doctor_lockdown_allows(text) ? DOCTOR_OK : DOCTOR_BROKEN, "%s", text);
}

static void check_capabilities(const struct options *options, struct doctor_finding *finding)
{
	static char lost[CAPABILITIES_LOST_SIZE];
	char missing[DOCTOR_DETAIL_SIZE - 16] = "";
	size_t used = 0, told = 0, i;

	(void)options;
	for (i = 0; i < privilege_row_count; i++) {
		const struct privilege_row *row = &privilege_rows[i];

		if (!privilege_lacks(row))
			continue;
		if (used < sizeof(missing))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, " %s",
						 row->name);
		if (row->lost && told < sizeof(lost))
			told += (size_t)snprintf(lost + told, sizeof(lost) - told, "%s%s (%s)",
						 told ? ", " : "", row->lost, row->name);
	}
	if (!privilege_can_load())
		return set(finding, DOCTOR_BROKEN, "missing:%s", missing);
	if (told)
		finding->lost = lost;
	set(finding, used ? DOCTOR_DEGRADED : DOCTOR_OK,
	    used ? "missing:%s" : "all that are needed%s", missing);
}

static void check_cgroup(const struct options *options, struct doctor_finding *finding)
{
	char path[DOCTOR_DETAIL_SIZE - 64];
	int fd = bpf_mounts_open_cgroup(options->cgroup_path, path, sizeof(path));

	if (fd < 0)
		return set(finding, DOCTOR_DEGRADED, "%s: %s", path, strerror(-fd));
	if (bpf_mounts_is_cgroup_root(fd))
		set(finding, DOCTOR_OK, "%s", path);
	else
		set(finding, DOCTOR_DEGRADED, "%s is not the root of the hierarchy", path);
	close(fd);
}

static void check_bpffs(const struct options *options, struct doctor_finding *finding)
{
	int code = bpf_mounts_check_bpffs(options->pin_path);

	if (!code)
		return set(finding, DOCTOR_OK, "%s", options->pin_path);
	if (!strncmp(options->pin_path, "/sys/fs/bpf/", 12) && privilege_has(CAP_SYS_ADMIN))
		return set(finding, DOCTOR_OK, "not mounted; run mounts /sys/fs/bpf");
	set(finding, DOCTOR_BROKEN, "%s is not on a bpf file system", options->pin_path);
}

static void check_user(const struct options *options, struct doctor_finding *finding)
{
	const struct passwd *entry = getpwnam(options->user);

	set(finding, entry && entry->pw_uid ? DOCTOR_OK : DOCTOR_BROKEN,
	    !entry	    ? "no user '%s'"
	    : entry->pw_uid ? "%s"
			    : "'%s' is root",
	    options->user);
}

/* In a child that has no capability at all: does a look-up get as far as the descriptor? */
static bool nobody_may_read_maps(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		cap_t none = cap_init();
		__u64 key = 0, value = 0;

		if (!none || cap_set_proc(none))
			_exit(2);
		_exit(bpf_map_lookup_elem(-1, &key, &value) && errno == EBADF ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static void check_map_reads(const struct options *options, struct doctor_finding *finding)
{
	(void)options;
	set(finding, DOCTOR_OK, "%s",
	    nobody_may_read_maps()
		    ? "the exporter needs no capability"
		    : "the exporter keeps CAP_BPF: this kernel reads maps for nobody "
		      "else");
}

void doctor_say_uprobes(int code, enum tls_probe_kind kind, struct doctor_finding *finding)
{
	static const char *const texts[] = {
		[TLS_PROBE_SESSION] = "multi-uprobe links, sessions",
		[TLS_PROBE_MULTI] = "multi-uprobe links",
		[TLS_PROBE_PERF] = "perf events with links: CAP_SYS_ADMIN is kept",
		[TLS_PROBE_LOCAL] = "perf events without links: CAP_SYS_ADMIN is kept",
	};

	if (code) {
		if (code == -EPERM || code == -EACCES)
			finding->advice = NEEDS_ROOT;
		return set(finding, DOCTOR_DEGRADED, "no user probes: %s", strerror(-code));
	}
	set(finding, kind == TLS_PROBE_LOCAL ? DOCTOR_DEGRADED : DOCTOR_OK, "%s", texts[kind]);
	if (kind == TLS_PROBE_LOCAL) {
		finding->lost = "decoding while operaglass does not run";
		finding->advice = "use kernel 5.15 or later";
	}
}

static void check_uprobes(const struct options *options, struct doctor_finding *finding)
{
	enum tls_probe_kind kind = TLS_PROBE_LOCAL;
	int code = privilege_can_load() ? tls_probe_kind_check(&kind) : -EPERM;

	(void)options;
	doctor_say_uprobes(code, kind, finding);
}

void doctor_say_return_probes(enum tls_return_probes answer, struct doctor_finding *finding)
{
	if (answer == TLS_RETURN_SAFE)
		set(finding, DOCTOR_OK, "safe in a process under seccomp");
	else
		set(finding, DOCTOR_DEGRADED, "%s",
		    answer == TLS_RETURN_UNSAFE ? "they kill a process under seccomp: not used"
						: "could not be tried: not used");
	if (answer == TLS_RETURN_UNKNOWN)
		finding->advice = "see 'multi_uprobes'";
}

static void check_return_probes(const struct options *options, struct doctor_finding *finding)
{
	enum tls_return_probes answer = TLS_RETURN_UNKNOWN;
	enum tls_probe_kind kind;

	(void)options;
	if (privilege_can_load() && !tls_probe_kind_check(&kind))
		answer = tls_return_probe_check(kind);
	doctor_say_return_probes(answer, finding);
}

static const struct check_row {
	const char *name;
	check_function *check;
	const char *lost, *advice;
} rows[] = {
	{"kernel", check_kernel, "older than 5.10: whatever it lacks, nothing was tried there",
	 "use Linux 5.10 or later"},
	{"btf", check_btf, "no program can be loaded",
	 "use a kernel with CONFIG_DEBUG_INFO_BTF=y (every distribution's since 2021)"},
	{"lockdown", check_lockdown, "programs may not read what they measure",
	 "boot without lockdown=confidentiality"},
	{"capabilities", check_capabilities, "no program can be loaded", NEEDS_ROOT},
	{"cgroup_v2", check_cgroup, "connections and calls of what runs outside of it",
	 "mount cgroup2 ('mount -t cgroup2 none /sys/fs/cgroup'), or give --cgroup.path"},
	{"bpffs", check_bpffs, "nothing can be pinned",
	 "mount -t bpf bpf /sys/fs/bpf, and give a --bpf.pin-path below it"},
	{"multi_uprobes", check_uprobes, "endpoint and status of calls: they are only timed",
	 "use a kernel with CONFIG_UPROBE_EVENTS=y"},
	{"return_probes", check_return_probes, "status of calls where nothing else tells it",
	 "update the kernel: 6.11 to 6.13 have this fault"},
	{"user", check_user, "the exporter cannot give up root", "give --user an ordinary user"},
	{"map_reads", check_map_reads, "", ""},
};

void doctor_check_host(const struct options *options, struct doctor_report *report)
{
	struct doctor_finding *finding;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		finding = doctor_add(report, rows[i].name);
		finding->lost = rows[i].lost;
		finding->advice = rows[i].advice;
		rows[i].check(options, finding);
	}
}

static int refusal_of(const struct bpf_refusals *refusals, int program)
{
	size_t i;

	for (i = 0; i < refusals->count; i++)
		if (refusals->rows[i].program == program)
			return refusals->rows[i].code;
	return 0;
}

void doctor_say_program(int program, int code, bool loaded, struct doctor_finding *finding)
{
	finding->lost = bpf_programs[program].lost;
	finding->advice =
		code == -EPERM	 ? NEEDS_ROOT
		: code == NO_BTF ? "see 'btf'"
		: code ? "start 'operaglass run --log.level=debug' and read the verifier's words"
		       : "use Linux 5.17 or later";
	if (code)
		set(finding, DOCTOR_DEGRADED, "does not load: %s",
		    code == NO_BTF ? "this kernel has no BTF" : strerror(-code));
	else if (!loaded)
		set(finding, DOCTOR_DEGRADED, "needs bpf_loop, which came with Linux 5.17");
	else
		set(finding, DOCTOR_OK, "loads");
}

void doctor_check_programs(const struct config *config, struct doctor_report *report)
{
	struct bpf_refusals refusals = {.count = 0};
	static struct bpf_set programs;
	int codes[BPF_OBJECTS_MAX];
	size_t object, i;
	int code;

	bpf_set_init(&programs);
	if (privilege_can_load())
		bpf_load_all(config, &programs, &refusals, codes);
	else
		for (object = 0; object < bpf_object_count; object++)
			codes[object] = -EPERM;
	for (object = 0; object < bpf_object_count; object++) {
		for (i = 0; i < bpf_program_count; i++) {
			if (strcmp(bpf_programs[i].object, bpf_objects[object].name))
				continue;
			code = refusal_of(&refusals, (int)i);
			doctor_say_program((int)i, code ? code : codes[object],
					   programs.programs[i].program >= 0,
					   doctor_add(report, bpf_programs[i].name));
		}
	}
	bpf_set_close(&programs);
}
