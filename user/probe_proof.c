// SPDX-License-Identifier: Apache-2.0
#include "probe_proof.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "probe_proof.skel.h"
#include "subject_random.h"
#include "tls.h"
#include "tls_links.h"

#define LOAD_LIMIT_MS	    5000 /* for dlopen on a busy host */
#define CALL_LIMIT_MS	    5000
#define FIRST_PID_NAMESPACE 0xeffffffcU /* PROC_PID_INIT_INO of the kernel */
#define HITS_MAX	    (PROOF_HITS_SIZE / sizeof(struct proof_hit))

/* Exit codes of the prover. */
enum {
	EXIT_RIGHT = 0,
	EXIT_WRONG = 1,
	EXIT_UNMADE = 2,
};

static bool is_roots(const struct stat *status)
{
	return status->st_uid == 0 && !(status->st_mode & (S_IWGRP | S_IWOTH));
}

bool probe_proof_allows(int file, const char *path)
{
	char real[PATH_MAX], *slash;
	struct stat there, here;

	if (!realpath(path, real) || fstat(file, &here) || stat(real, &there) ||
	    !S_ISREG(here.st_mode) || here.st_dev != there.st_dev || here.st_ino != there.st_ino ||
	    !is_roots(&here))
		return false;
	while ((slash = strrchr(real, '/'))) {
		slash[slash == real] = '\0';
		if (stat(real, &there) || !is_roots(&there))
			return false;
		if (slash == real)
			return true;
	}
	return false;
}

/* --- comparing ------------------------------------------------------------------------------------ */

/* As bpf/tls.bpf.c has it: a call is known by its stack, its leave must be of the same function. */
struct open_call {
	struct subject_call call;
	uint64_t stack;
	uint32_t function;
	bool is_open;
};

/* What an entry alone cannot show is not compared. */
static bool is_same(const struct subject_call *a, const struct subject_call *b, bool has_leave)
{
	return a->object == b->object && a->buffer == b->buffer && a->length == b->length &&
	       (!has_leave || a->count == b->count) && a->kind == b->kind;
}

/* Not of a kind that is to be seen: in a write-only library that is nothing but writes. */
static bool is_unseen(const struct proof_order *order, const struct subject_call *call)
{
	size_t i;

	for (i = 0; i < order->count; i++)
		if (order->places[i].kind != SUBJECT_WRITE || order->places[i].has_leave)
			return false;
	return call->kind != SUBJECT_WRITE;
}

static uint64_t positive(uint64_t value)
{
	return (int32_t)value > 0 ? (uint64_t)(int32_t)value : 0;
}

/* The entry of a call of no length is of no interest. */
static void open_it(const struct proof_place *place, const struct proof_hit *hit,
		    struct open_call *open)
{
	uint64_t length = hit->arguments[2];

	*open = (struct open_call){
		.call = {.object = hit->arguments[0],
			 .buffer = hit->arguments[1],
			 .length = place->pointed ? length : positive(length),
			 .kind = place->kind},
		.stack = hit->stack,
		.function = TLS_COOKIE_FUNCTION(hit->cookie),
	};
	if (place->kind == SUBJECT_FREE)
		open->call.buffer = open->call.length = 0;
	else if (place->has_leave)
		open->is_open = open->call.length != 0;
}

static void close_it(const struct proof_place *place, const struct proof_hit *hit,
		     struct open_call *open)
{
	open->is_open = false;
	if (!place->pointed)
		open->call.count = positive(hit->result);
	else
		open->call.count = (int32_t)hit->result == 1 ? hit->moved : 0;
}

/* Pure: whether hits, in their order, show exactly these calls. */
static bool show_calls(const struct proof_order *order, const struct proof_hit *hits, size_t count,
		       const struct subject_call *calls, size_t call_count)
{
	struct open_call open = {};
	size_t i, seen = 0, shown = 0;

	for (i = 0; i < count; i++) {
		uint32_t function = TLS_COOKIE_FUNCTION(hits[i].cookie);
		const struct proof_place *place = &order->places[function];

		if (function >= order->count)
			return false;
		if (place->keeps) {
			if (open.is_open || hits[i].arguments[3]) /* nobody peeks */
				return false;
			open_it(place, &hits[i], &open);
			close_it(place, &hits[i], &open);
		} else if (!(hits[i].cookie & PROOF_COOKIE_LEAVE)) {
			if (open.is_open)
				return false;
			open_it(place, &hits[i], &open);
			if (place->has_leave || (place->kind != SUBJECT_FREE && !open.call.length))
				continue;
		} else if (open.is_open && open.stack == hits[i].stack &&
			   open.function == function) {
			close_it(place, &hits[i], &open);
		} else {
			continue; /* an inner function's leave, called by others */
		}
		while (seen < call_count && is_unseen(order, &calls[seen]))
			seen++;
		if (seen == call_count || !is_same(&open.call, &calls[seen++], place->has_leave))
			return false;
		shown++;
	}
	while (seen < call_count && is_unseen(order, &calls[seen]))
		seen++;
	return seen == call_count && shown > 0 && !open.is_open;
}

/* --- the prover ------------------------------------------------------------------------------------ */

struct prover {
	const struct proof_order *order;
	int program, ring; /* descriptors; they and the object end with the process */
	struct subject_truth *truth;
	struct proof_hit *hits;
	size_t hit_count;
	pid_t subject;
	int ready, go;
	enum tls_probe_kind kind;
	uint32_t filter; /* the subject, when the program has to tell it from others; else 0 */
};

static int start_subject(struct prover *prover)
{
	int ready[2], go[2];

	prover->truth = mmap(NULL, sizeof(*prover->truth), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (prover->truth == MAP_FAILED || pipe2(ready, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		return -errno;
	prover->subject = fork();
	if (prover->subject == 0)
		probe_subject_main(prover->order->library, prover->order->path, ready[1], go[0],
				   prover->truth);
	close(ready[1]);
	close(go[0]);
	prover->ready = ready[0];
	prover->go = go[1];
	return prover->subject < 0 ? -errno : 0;
}

/* Where pids are those that programs see. */
static bool in_first_pid_namespace(void)
{
	struct stat status;

	return !stat("/proc/self/ns/pid", &status) && status.st_ino == FIRST_PID_NAMESPACE;
}

static int set_subject(struct bpf_object *object, uint32_t subject)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata.proof");

	return map ? bpf_map__set_initial_value(map, &subject, sizeof(subject)) : -ENOENT;
}

static int load_programs(struct prover *prover)
{
	struct bpf_program *program;
	struct bpf_object *object;
	size_t size;
	const void *bytes = probe_proof_bpf__elf_bytes(&size);
	int err;

	object = bpf_object__open_mem(bytes, size, NULL);
	program = object ? bpf_object__find_program_by_name(object, "probe_proof_hit") : NULL;
	if (!program)
		return -ENOENT;
	prover->kind = prover->order->kind;
	if (!in_first_pid_namespace())
		prover->kind = tls_links_plain(prover->kind);
	bpf_program__set_expected_attach_type(program, tls_links_attach_type(prover->kind));
	if (prover->kind == TLS_PROBE_SESSION)
		prover->filter = (uint32_t)prover->subject;
	err = set_subject(object, prover->filter);
	if (!err)
		err = bpf_object__load(object);
	if (err)
		return err;
	prover->program = bpf_program__fd(program);
	prover->ring = bpf_object__find_map_fd_by_name(object, "proof_hits");
	return prover->ring < 0 ? prover->ring : 0;
}

static int attach(struct prover *prover, const struct probe_point *point, size_t function,
		  uint64_t flags)
{
	const struct tls_place place = {
		.file = prover->order->file,
		.offset = point->offset,
		.leave = point->is_return,
		.cookie = TLS_COOKIE(0, point->adjust, function) | flags |
			  prover->order->places[function].keeps |
			  (point->is_return ? PROOF_COOKIE_RETURN : 0),
		.pid = prover->filter ? 0 : prover->subject,
	};
	int probe; /* ends with this process */

	return tls_link_create(prover->kind, prover->program, &place, &probe);
}

static int attach_all(struct prover *prover)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < prover->order->count; i++) {
		const struct proof_place *place = &prover->order->places[i];

		const uint64_t inside = place->keeps ? PROOF_COOKIE_INSIDE : 0;

		if (place->has_leave)
			err = attach(prover, &place->leave, i,
				     inside ? inside : PROOF_COOKIE_LEAVE);
		if (!err)
			err = attach(prover, &place->entry, i,
				     inside | (place->moved ? PROOF_COOKIE_MOVED : 0));
	}
	return err;
}

static bool wait_ready(const struct prover *prover)
{
	struct pollfd wait = {.fd = prover->ready, .events = POLLIN};
	int error;
	char byte;

	if (poll(&wait, 1, LOAD_LIMIT_MS) == 1 && read(prover->ready, &byte, 1) == 1)
		return true;
	error = prover->truth->jail_error;
	if (error)
		log_warning(error,
			    "cannot shut in the process that proves where '%s' is probed: %s; its "
			    "probes are judged by the calls of programs",
			    prover->order->path, strerror(-error));
	return false;
}

/* The pipe's other end closes when the subject ends. */
static bool wait_end(const struct prover *prover)
{
	struct pollfd wait = {.fd = prover->ready, .events = POLLIN};
	int status, ended = poll(&wait, 1, CALL_LIMIT_MS);

	if (ended != 1)
		kill(prover->subject, SIGKILL);
	return waitpid(prover->subject, &status, 0) == prover->subject && ended == 1 &&
	       WIFEXITED(status) && WEXITSTATUS(status) == 0 && prover->truth->complete == 1;
}

static int take_hit(void *context, void *bytes, size_t size)
{
	struct prover *prover = context;

	if (size < sizeof(struct proof_hit) || prover->hit_count == HITS_MAX)
		return -E2BIG;
	memcpy(&prover->hits[prover->hit_count++], bytes, sizeof(struct proof_hit));
	return 0;
}

static int collect(struct prover *prover)
{
	struct ring_buffer *ring;
	int err;

	prover->hits = calloc(HITS_MAX, sizeof(*prover->hits));
	ring = ring_buffer__new(prover->ring, take_hit, prover, NULL);
	err = prover->hits && ring ? ring_buffer__consume(ring) : -ENOMEM;
	return err < 0 ? err : 0;
}

/* Where the client random lies, as the subject says. */
static int answer(const struct prover *prover, int pipe)
{
	struct tls_random_place random = prover->truth->random;

	if (!subject_random_is_sane(&random))
		memset(&random, 0, sizeof(random));
	return write(pipe, &random, sizeof(random)) == sizeof(random) ? EXIT_RIGHT : EXIT_UNMADE;
}

/* Everything that is opened here ends with the process. */
static int prove(const struct proof_order *order, int pipe)
{
	struct prover prover = {.order = order};
	uint32_t calls;

	if (start_subject(&prover))
		return EXIT_UNMADE;
	if (load_programs(&prover) || !wait_ready(&prover) || attach_all(&prover) ||
	    write(prover.go, "", 1) != 1 || !wait_end(&prover) || collect(&prover))
		return EXIT_UNMADE;
	calls = prover.truth->count;
	return calls <= SUBJECT_CALLS_MAX && show_calls(order, prover.hits, prover.hit_count,
							prover.truth->calls, calls)
		       ? answer(&prover, pipe)
		       : EXIT_WRONG;
}

int probe_proof_begin(const struct proof_order *order, struct proof_run *ret_run)
{
	struct proof_run run;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	run.answer = ends[0];
	run.pid = fork();
	if (run.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		libbpf_set_print(NULL);
		_exit(prove(order, ends[1]));
	}
	close(ends[1]);
	if (run.pid < 0) {
		close(ends[0]);
		return -errno;
	}
	*ret_run = run;
	return 0;
}

enum proof_verdict probe_proof_end(struct proof_run *run, struct tls_random_place *ret_random)
{
	struct tls_random_place random = {};
	bool answered;
	int status;
	pid_t ended = waitpid(run->pid, &status, WNOHANG);

	if (ended == 0)
		return PROOF_UNDECIDED;
	answered = ended == run->pid && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_RIGHT &&
		   read(run->answer, &random, sizeof(random)) == sizeof(random);
	close(run->answer);
	run->pid = 0;
	if (answered) {
		*ret_random = random;
		return PROOF_RIGHT;
	}
	return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WRONG ? PROOF_WRONG
										   : PROOF_UNMADE;
}
