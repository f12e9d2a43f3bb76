// SPDX-License-Identifier: Apache-2.0
#include "probe_subject.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY	  65534 /* not the exporter's user, who owns the journal */
#define CPU_LIMIT 3	/* seconds */
#define SPACE	  (512UL * 1024 * 1024)
#define ROUNDS	  60
#define ROOM	  1024
#define TLS1_2	  0x0303
#define CTRL_MIN  123 /* SSL_CTRL_SET_MIN_PROTO_VERSION */
#define CTRL_MAX  124 /* SSL_CTRL_SET_MAX_PROTO_VERSION */

/* What a library has no business to do while it is asked to encrypt some bytes. */
static int forbid(void)
{
	static const uint32_t calls[] = {
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
	enum {
		COUNT = sizeof(calls) / sizeof(calls[0])
	};
	struct sock_filter code[COUNT + 3];
	struct sock_fprog filter = {COUNT + 3, code};
	unsigned char i;

	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, nr));
	for (i = 0; i < COUNT; i++)
		code[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i],
							   (unsigned char)(COUNT - i), 0);
	code[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) ? -errno : 0;
}

static void limit(int what, rlim_t value)
{
	const struct rlimit bound = {value, value};

	setrlimit((__rlimit_resource_t)what, &bound);
}

/* Nothing is left but two pipes and the right to read what everybody may read. */
static int drop_everything(int ready, int go)
{
	unsigned low = (unsigned)(ready < go ? ready : go),
		 high = (unsigned)(ready < go ? go : ready);
	cap_t none = cap_init();
	int err = 0;

	if ((low && syscall(SYS_close_range, 0, low - 1, 0)) ||
	    (high - low > 1 && syscall(SYS_close_range, low + 1, high - 1, 0)) ||
	    syscall(SYS_close_range, high + 1, ~0U, 0))
		err = -errno;
	/* Better with than without; many an observer may not. */
	(void)!unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
	if (!err && geteuid() == 0 &&
	    (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	     setresuid(NOBODY, NOBODY, NOBODY)))
		err = -errno;
	if (!err && (!none || cap_set_proc(none) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
		err = -errno;
	cap_free(none);
	limit(RLIMIT_CPU, CPU_LIMIT);
	limit(RLIMIT_AS, SPACE);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NPROC, 0);
	return err ? err : forbid();
}

/* --- the library --------------------------------------------------------------------------------- */

struct library {
	void *(*client_method)(void), *(*server_method)(void);
	void *(*context_new)(void *);
	long (*context_ctrl)(void *, int, long, void *);
	int (*ciphers)(void *, const char *);
	void (*psk_client)(void *, void *), (*psk_server)(void *, void *);
	void *(*object_new)(void *);
	void (*object_free)(void *);
	void (*set_bio)(void *, void *, void *);
	void (*connect_state)(void *), (*accept_state)(void *);
	int (*handshake)(void *);
	int (*bio_pair)(void **, size_t, void **, size_t);
	int (*write)(void *, const void *, int), (*read)(void *, void *, int);
	int (*write_ex)(void *, const void *, size_t, size_t *); /* since 1.1.1, with the next */
	int (*read_ex)(void *, void *, size_t, size_t *);
};

static bool load(const char *path, struct library *library)
{
	const struct {
		const char *name;
		void *into;
	} functions[] = {
		{"TLS_client_method", &library->client_method},
		{"TLS_server_method", &library->server_method},
		{"SSL_CTX_new", &library->context_new},
		{"SSL_CTX_ctrl", &library->context_ctrl},
		{"SSL_CTX_set_cipher_list", &library->ciphers},
		{"SSL_CTX_set_psk_client_callback", &library->psk_client},
		{"SSL_CTX_set_psk_server_callback", &library->psk_server},
		{"SSL_new", &library->object_new},
		{"SSL_free", &library->object_free},
		{"SSL_set_bio", &library->set_bio},
		{"SSL_set_connect_state", &library->connect_state},
		{"SSL_set_accept_state", &library->accept_state},
		{"SSL_do_handshake", &library->handshake},
		{"BIO_new_bio_pair", &library->bio_pair}, /* of the library's own libcrypto */
		{"SSL_write", &library->write},
		{"SSL_read", &library->read},
		{"SSL_write_ex", &library->write_ex},
		{"SSL_read_ex", &library->read_ex},
	};
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol;
	size_t i;

	for (i = 0; handle && i < sizeof(functions) / sizeof(functions[0]); i++) {
		symbol = dlsym(handle, functions[i].name);
		if (!symbol && i < 16)
			return false;
		memcpy(functions[i].into, &symbol, sizeof(symbol));
	}
	return handle;
}

/* One key that both ends know: no certificate is needed. */
static unsigned give_key(unsigned char *key, unsigned size)
{
	if (size < 16)
		return 0;
	memset(key, 0x5a, 16);
	return 16;
}

static unsigned client_key(void *object, const char *hint, char *identity, unsigned identity_size,
			   unsigned char *key, unsigned size)
{
	(void)object, (void)hint;
	if (identity_size < 2)
		return 0;
	memcpy(identity, "o", 2);
	return give_key(key, size);
}

static unsigned server_key(void *object, const char *identity, unsigned char *key, unsigned size)
{
	(void)object, (void)identity;
	return give_key(key, size);
}

static void *new_object(const struct library *library, bool client)
{
	void *context =
		library->context_new(client ? library->client_method() : library->server_method());

	if (!context)
		return NULL;
	library->context_ctrl(context, CTRL_MIN, TLS1_2, NULL);
	library->context_ctrl(context, CTRL_MAX, TLS1_2, NULL);
	if (library->ciphers(context, "PSK") != 1)
		return NULL;
	if (client)
		library->psk_client(context, (void *)(uintptr_t)client_key);
	else
		library->psk_server(context, (void *)(uintptr_t)server_key);
	return library->object_new(context);
}

static bool connect_pair(const struct library *library, void *pair[2])
{
	void *ends[2];
	int i, done[2] = {0, 0};

	pair[0] = new_object(library, true);
	pair[1] = new_object(library, false);
	if (!pair[0] || !pair[1] || library->bio_pair(&ends[0], 0, &ends[1], 0) != 1)
		return false;
	for (i = 0; i < 2; i++)
		library->set_bio(pair[i], ends[i], ends[i]);
	library->connect_state(pair[0]);
	library->accept_state(pair[1]);
	for (i = 0; i < 20 && !(done[0] == 1 && done[1] == 1); i++)
		done[i % 2] = library->handshake(pair[i % 2]);
	return done[0] == 1 && done[1] == 1;
}

/* --- calls --------------------------------------------------------------------------------------- */

/* One call by the function with or without _ex, and what it did. */
static uint64_t call(const struct library *library, struct subject_truth *truth, bool ex,
		     bool sends, void *object, unsigned char *buffer, int length)
{
	size_t moved = 0;
	int got = 0;

	if (ex && sends)
		moved = library->write_ex(object, buffer, (size_t)length, &moved) == 1 ? moved : 0;
	else if (ex)
		moved = library->read_ex(object, buffer, (size_t)length, &moved) == 1 ? moved : 0;
	else if ((got = sends ? library->write(object, buffer, length)
			      : library->read(object, buffer, length)) > 0)
		moved = (size_t)got;
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
static bool make_round(const struct library *library, struct subject_truth *truth, void *pair[2],
		       int round)
{
	static unsigned char sent[2 * ROOM], received[2 * ROOM];
	bool ex = library->write_ex && library->read_ex && round % 2;
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

static bool make_calls(const struct library *library, struct subject_truth *truth, void *pair[2])
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		if (!make_round(library, truth, pair, i))
			return false;
	for (i = 0; i < 2 && truth->count < SUBJECT_CALLS_MAX; i++) {
		truth->calls[truth->count++] =
			(struct subject_call){.object = (uintptr_t)pair[i], .kind = SUBJECT_FREE};
		library->object_free(pair[i]);
	}
	return true;
}

void probe_subject_main(const char *path, int ready, int go, struct subject_truth *truth)
{
	struct library library;
	void *pair[2];
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (drop_everything(ready, go))
		_exit(2);
	if (!load(path, &library) || !connect_pair(&library, pair))
		_exit(3);
	if (write(ready, "", 1) != 1 || read(go, &byte, 1) != 1)
		_exit(4);
	if (!make_calls(&library, truth, pair))
		_exit(5);
	truth->complete = 1;
	_exit(0);
}
