// SPDX-License-Identifier: Apache-2.0
/* What this kernel's uprobes can do, found out by placing some in a child process. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "jail.h"
#include "tls_links.h"

#define CHILD_LIMIT_MS 2000

/* What is probed. Never inlined, so that it has an entry and a return of its own. */
static int __attribute__((noinline, used)) probed(volatile int *value)
{
	*value += 1;
	return *value;
}

/* One probe in one process (0: in all). ret_probe: the caller closes it. */
static int place_probe(enum tls_probe_kind kind, bool leave, pid_t pid, int *ret_probe)
{
	struct tls_place place = {.leave = leave, .pid = pid};
	int program, err = tls_links_own_code((const void *)(uintptr_t)probed, &place.offset);

	if (err)
		return err;
	place.file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (place.file < 0)
		return -errno;
	program = tls_links_empty_program(kind);
	err = program < 0 ? program : tls_link_create(kind, program, &place, ret_probe);
	if (program >= 0)
		close(program);
	close(place.file);
	return err;
}

/* Each question is put once per process. */
static int known_kind = -1; /* enum tls_probe_kind */
static enum tls_return_probes answers[TLS_PROBE_LOCAL + 1];
static bool asked[TLS_PROBE_LOCAL + 1];

/* Taking a probe away waits some 30 ms for every CPU: whoever forks may leave that to its child. */
static int held[2];
static size_t held_count;

static void hold(int probe)
{
	if (held_count == sizeof(held) / sizeof(held[0]))
		close(probe);
	else
		held[held_count++] = probe;
}

void tls_probe_check_release(void)
{
	while (held_count)
		close(held[--held_count]);
}

void tls_probe_check_hold_only(int other)
{
	unsigned from = 3, next;
	size_t i;

	do {
		next = other >= (int)from ? (unsigned)other : UINT_MAX;
		for (i = 0; i < held_count; i++)
			if (held[i] >= (int)from && (unsigned)held[i] < next)
				next = (unsigned)held[i];
		if (next > from)
			close_range(from, next == UINT_MAX ? next : next - 1, 0);
		from = next + 1;
	} while (next != UINT_MAX);
}

void tls_probe_check_know(enum tls_probe_kind kind, enum tls_return_probes answer)
{
	known_kind = (int)kind;
	answers[kind] = answer;
	asked[kind] = true;
}

int tls_probe_kind_check(enum tls_probe_kind *ret_kind)
{
	static const enum tls_probe_kind kinds[] = {TLS_PROBE_SESSION, TLS_PROBE_MULTI,
						    TLS_PROBE_PERF, TLS_PROBE_LOCAL};
	int err = -ENOTSUP, probe;
	size_t i;

	if (known_kind >= 0) {
		*ret_kind = (enum tls_probe_kind)known_kind;
		return 0;
	}
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		err = place_probe(kinds[i], false, getpid(), &probe);
		if (err)
			continue;
		hold(probe);
		known_kind = (int)kinds[i];
		*ret_kind = kinds[i];
		return 0;
	}
	return err;
}

/* Allows what the child needs and kills it for anything else, as a sandbox does. */
static int sandbox(void)
{
	static const uint32_t calls[] = {SYS_exit_group, SYS_write};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return jail_filter(calls, sizeof(calls) / sizeof(calls[0]), true);
}

/* Waits to be probed, then runs through the probe inside the sandbox. Only system calls. */
static void __attribute__((noreturn)) child_main(int start)
{
	volatile int value = 41;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(start, &byte, 1) != 1 || sandbox())
		_exit(2);
	_exit(probed(&value) == 42 ? 0 : 3);
}

static int wait_for(pid_t child)
{
	int status = 0, waited = 0;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (waited++ >= CHILD_LIMIT_MS) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return -ETIMEDOUT;
		}
		poll(NULL, 0, 1);
	}
	return status;
}

static enum tls_return_probes try_return_probe(enum tls_probe_kind kind)
{
	int start[2], probe = -1, status;
	pid_t child;

	if (pipe2(start, O_CLOEXEC))
		return TLS_RETURN_UNKNOWN;
	child = fork();
	if (child == 0) {
		close(start[1]);
		child_main(start[0]);
	}
	close(start[0]);
	if (child < 0 || place_probe(kind, true, child, &probe) || write(start[1], "", 1) != 1) {
		close(start[1]);
		if (child > 0)
			wait_for(child);
		if (probe >= 0)
			close(probe);
		return TLS_RETURN_UNKNOWN;
	}
	close(start[1]);
	status = wait_for(child);
	hold(probe);
	if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return TLS_RETURN_SAFE;
	return status >= 0 && WIFSIGNALED(status) ? TLS_RETURN_UNSAFE : TLS_RETURN_UNKNOWN;
}

enum tls_return_probes tls_return_probe_check(enum tls_probe_kind kind)
{
	if (!asked[kind])
		answers[kind] = try_return_probe(kind);
	asked[kind] = true;
	return answers[kind];
}
