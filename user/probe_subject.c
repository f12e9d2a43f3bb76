// SPDX-License-Identifier: Apache-2.0
#include "probe_subject.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail.h"
#include "subject_random.h"

#define CPU_LIMIT 3 /* seconds */
#define SPACE	  (512UL * 1024 * 1024)
#define ROUNDS	  60
#define ROOM	  1024

/* What a library has no business to do while it is asked to encrypt some bytes. */
static const uint32_t forbidden[] = {
	SYS_execve,
	SYS_execveat,
	SYS_socket,
	SYS_connect,
	SYS_bind,
	SYS_ptrace,
	SYS_kill,
	SYS_tgkill,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_mount,
	SYS_unshare,
	SYS_setns,
	SYS_process_vm_writev,
	SYS_io_uring_setup,
	SYS_clone3,
	SYS_clone,
	SYS_keyctl,
};

/* Nothing is left but two pipes and the right to read what everybody may read. */
static int drop_everything(int ready, int go)
{
	const struct jail jail = {
		.kept = {(unsigned int)ready, (unsigned int)go},
		.cpu_seconds = CPU_LIMIT,
		.memory = RLIMIT_AS,
		.memory_bytes = SPACE,
		.calls = forbidden,
		.call_count = sizeof(forbidden) / sizeof(forbidden[0]),
	};

	/* Better with than without; many an observer may not. */
	(void)!unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
	return jail_enter(&jail);
}

/* --- the library --------------------------------------------------------------------------------- */

bool subject_load(const char *path, const struct subject_symbol *symbols, size_t count,
		  size_t needed)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol;
	size_t i;

	for (i = 0; handle && i < count; i++) {
		symbol = dlsym(handle, symbols[i].name);
		if (!symbol && i < needed)
			return false;
		memcpy(symbols[i].into, &symbol, sizeof(symbol));
	}
	return handle;
}

/* The same in each of several objects of both versions, or nowhere. */
static void find_random(const struct subject_library *library, struct subject_truth *truth)
{
	static const enum subject_version versions[] = {SUBJECT_TLS_1_3, SUBJECT_TLS_1_2,
							SUBJECT_TLS_1_3, SUBJECT_TLS_1_2};
	struct subject_random known = {};
	uint8_t random[SUBJECT_RANDOM_SIZE];
	void *pair[2];
	size_t i;

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		if (!library->connect(versions[i], pair) || !library->random(pair[0], random))
			return;
		subject_random_look(&known, pair[0], malloc_usable_size(pair[0]), random);
	}
	if (known.count)
		truth->random = known.places[0];
}

/* --- calls --------------------------------------------------------------------------------------- */

/* One call by the function with or without _ex, and what it did. */
static uint64_t call(const struct subject_library *library, struct subject_truth *truth, bool ex,
		     bool sends, void *object, unsigned char *buffer, int length)
{
	size_t moved = 0;
	long got;

	if (ex) {
		if (!(sends ? library->write_ex(object, buffer, (size_t)length, &moved)
			    : library->read_ex(object, buffer, (size_t)length, &moved)))
			moved = 0;
	} else {
		got = sends ? library->write(object, buffer, length)
			    : library->read(object, buffer, length);
		moved = got > 0 ? (size_t)got : 0;
	}
	if (length > 0 && truth->count < SUBJECT_CALLS_MAX)
		truth->calls[truth->count++] = (struct subject_call){
			.object = (uintptr_t)object,
			.buffer = (uintptr_t)buffer,
			.length = (uint64_t)length,
			.count = moved,
			.kind = sends ? SUBJECT_WRITE : SUBJECT_READ,
		};
	return moved;
}

/* A message there and its reading in two pieces, then from an empty connection; lengths, places and
 * directions change each time. False: the library does not do what a TLS library does. */
static bool make_round(const struct subject_library *library, struct subject_truth *truth,
		       void *pair[2], int round)
{
	static unsigned char sent[2 * ROOM], received[2 * ROOM];
	bool ex = library->has_ex() && round % 2;
	void *from = pair[round / 2 % 2], *to = pair[!(round / 2 % 2)];
	int length = 2 + round * 37 % 600, first = 1 + length / 3;
	unsigned char *out = sent + round * 13 % ROOM, *in = received + round * 29 % ROOM;

	memset(out, round + 1, (size_t)length);
	if (call(library, truth, ex, true, from, out, length) != (uint64_t)length ||
	    call(library, truth, ex, false, to, in, first) != (uint64_t)first ||
	    call(library, truth, ex, false, to, in + first, ROOM - first) !=
		    (uint64_t)(length - first) ||
	    memcmp(in, out, (size_t)length) != 0)
		return false;
	if (call(library, truth, ex, false, to, in, length)) /* nothing is there */
		return false;
	/* A mistake of the program: no call that counts. */
	return round % 10 || !call(library, truth, false, true, from, out, -1);
}

static bool make_calls(const struct subject_library *library, struct subject_truth *truth,
		       void *pair[2])
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		if (!make_round(library, truth, pair, i))
			return false;
	for (i = 0; i < 2 && truth->count < SUBJECT_CALLS_MAX; i++) {
		truth->calls[truth->count++] =
			(struct subject_call){.object = (uintptr_t)pair[i], .kind = SUBJECT_FREE};
		library->free(pair[i]);
	}
	return true;
}

void probe_subject_main(const struct subject_library *library, const char *path, int ready, int go,
			struct subject_truth *truth)
{
	void *pair[2];
	char byte;

	truth->jail_error = drop_everything(ready, go);
	if (truth->jail_error)
		_exit(2);
	if (!library->load(path) || !library->connect(SUBJECT_TLS_1_2, pair))
		_exit(3);
	find_random(library, truth);
	if (write(ready, "", 1) != 1 || read(go, &byte, 1) != 1)
		_exit(4);
	if (!make_calls(library, truth, pair))
		_exit(5);
	truth->complete = 1;
	_exit(0);
}
