// SPDX-License-Identifier: Apache-2.0
#include "probe_classes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "probe_sites.h"
#include "tls_links.h"

#define ALL_CLASSES ((1U << PROBE_CLASSES) - 1)
#define LIMIT_MS    500

unsigned probe_classes_judge(const uint64_t ns[PROBE_CLASSES], uint64_t stepped_ns)
{
	uint64_t best = UINT64_MAX;
	unsigned classes = 0, i;

	for (i = 0; i < PROBE_CLASSES; i++)
		best = ns[i] < best ? ns[i] : best;
	for (i = 0; i < PROBE_CLASSES; i++)
		if (ns[i] * 2 < best + stepped_ns || stepped_ns * 2 < best * 3)
			classes |= 1U << i;
	return classes;
}

#if defined(__x86_64__)

/* The fastest of BATCHES batches of HITS hits each: others were interrupted. */
#define BATCHES 5
#define HITS	40

/* One function per class, in the order of its bits, and one that every kernel steps through. */
extern const uint8_t og_class_push[], og_class_jump[], og_class_branch[], og_class_call[],
	og_class_stepped[];
__asm__(".pushsection .text\n"
	"og_class_push: push %rbx\n pop %rbx\n ret\n"
	"og_class_jump: jmp 1f\n1: ret\n"
	"og_class_branch: jz 1f\n1: ret\n"
	"og_class_call: call 1f\n1: ret\n"
	"og_class_stepped: mov %rax, %rax\n ret\n"
	".popsection\n");

static uint64_t time_hits(const uint8_t *function)
{
	void (*call)(void) = (void (*)(void))(uintptr_t)function;
	struct timespec begin, end;
	uint64_t best = UINT64_MAX, ns;
	int batch, hit;

	for (batch = 0; batch < BATCHES; batch++) {
		clock_gettime(CLOCK_MONOTONIC, &begin);
		for (hit = 0; hit < HITS; hit++)
			call();
		clock_gettime(CLOCK_MONOTONIC, &end);
		ns = (uint64_t)(end.tv_sec - begin.tv_sec) * 1000000000 + (uint64_t)end.tv_nsec -
		     (uint64_t)begin.tv_nsec;
		best = ns < best ? ns : best;
	}
	return best / HITS;
}

/* Probes the function in this process. The probe ends with the process. */
static int probe_here(enum tls_probe_kind kind, int program, int file, const uint8_t *function)
{
	struct tls_place place = {.file = file, .pid = getpid()};
	int probe, err = tls_links_own_code(function, &place.offset);

	return err ? err : tls_link_create(kind, program, &place, &probe);
}

static int measure(enum tls_probe_kind kind, uint8_t *ret_classes)
{
	const uint8_t *const functions[] = {og_class_push, og_class_jump, og_class_branch,
					    og_class_call, og_class_stepped};
	int program = tls_links_empty_program(kind), err = 0, i;
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint64_t ns[PROBE_CLASSES + 1];

	*ret_classes = 0;
	if (program < 0 || file < 0)
		return program < 0 ? program : -errno;
	for (i = 0; !err && i <= PROBE_CLASSES; i++)
		err = probe_here(kind, program, file, functions[i]);
	for (i = 0; !err && i <= PROBE_CLASSES; i++)
		ns[i] = time_hits(functions[i]);
	if (!err)
		*ret_classes = (uint8_t)probe_classes_judge(ns, ns[PROBE_CLASSES]);
	return err;
}

#else

static int measure(enum tls_probe_kind kind, uint8_t *ret_classes)
{
	(void)kind, (void)ret_classes;
	return -ENOTSUP;
}

#endif

static struct {
	bool begun, known, measured;
	pid_t child;
	int answer;
	unsigned classes;
} state = {.answer = -1, .classes = ALL_CLASSES};

void probe_classes_begin(enum tls_probe_kind kind)
{
	uint8_t classes;
	int ends[2];

	if (state.begun)
		return;
	state.begun = true;
	if (pipe2(ends, O_CLOEXEC))
		return;
	state.child = fork();
	if (state.child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		tls_probe_check_hold_only(ends[1]);
		if (!measure(kind, &classes) && write(ends[1], &classes, 1) != 1)
			_exit(2);
		_exit(0);
	}
	close(ends[1]);
	state.answer = ends[0];
}

unsigned probe_classes_cheap(void)
{
	struct pollfd wait = {.fd = state.answer, .events = POLLIN};
	uint8_t classes;

	if (state.known || !state.begun)
		return state.classes;
	state.known = true;
	if (state.child > 0 && poll(&wait, 1, LIMIT_MS) == 1 &&
	    read(state.answer, &classes, 1) == 1)
		state.classes = classes, state.measured = true;
	else
		log_debug(0, "which instructions are probed cheaply was not measured");
	if (state.child > 0 && !state.measured)
		kill(state.child, SIGKILL);
	if (state.answer >= 0)
		close(state.answer);
	return state.classes;
}

void probe_classes_reap(void)
{
	if (state.child > 0 && waitpid(state.child, NULL, WNOHANG) == state.child)
		state.child = 0;
}

int probe_classes_measured(unsigned *ret_classes)
{
	if (!state.measured)
		return -ENODATA;
	*ret_classes = state.classes;
	return 0;
}

void probe_classes_know(unsigned classes)
{
	state.begun = state.known = state.measured = true;
	state.classes = classes;
}
