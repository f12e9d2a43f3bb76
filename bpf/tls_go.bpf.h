/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_GO_BPF_H
#define OPERAGLASS_TLS_GO_BPF_H

#include "tls_frame.bpf.h"
#include "tls_write_only.bpf.h"

/*
 * Go's crypto/tls, 1.17 and later. No return is ever probed: Go moves its stacks. A write is taken for
 * done when it begins, as Go writes all or breaks the connection; what a read returns is seen where it
 * is copied to the reader's buffer.
 *
 * A connection is found by the descriptor that the tls.Conn's own TCP connection holds: what Go
 * keeps of the handshake does not contain the client random.
 */

#if defined(__TARGET_ARCH_x86)
#define GO_REGISTER(ctx, name) ((ctx)->name)
#else
#define GO_REGISTER(ctx, name) 0ULL /* no such file is probed */
#endif

#define GO_FLAGS_BELOW_OR_EQUAL 0x41 /* carry, zero: the stack is to grow, the call comes again */

/* crypto/tls.Conn.conn is its first member, an interface: type, then value. */
#define GO_CONN_VALUE 8
/* internal/poll.FD, the first member of net.netFD, begins with a mutex of 16 bytes. */
#define GO_FD_SYSFD 16

/* The socket that a tls.Conn speaks on; 0: it is not a TCP connection of this process. */
static __always_inline __u64 go_sock(__u64 object)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct socket *socket;
	struct fdtable *table;
	struct file *file, **files;
	__u64 tcp = 0, net = 0;
	__s32 fd = -1;

	if (bpf_probe_read_user(&tcp, sizeof(tcp), (const void *)(object + GO_CONN_VALUE)) ||
	    bpf_probe_read_user(&net, sizeof(net), (const void *)tcp) ||
	    bpf_probe_read_user(&fd, sizeof(fd), (const void *)(net + GO_FD_SYSFD)))
		return 0;
	table = BPF_CORE_READ(task, files, fdt);
	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	files = BPF_CORE_READ(table, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	if (BPF_CORE_READ(socket, file) != file) /* any other kind of file */
		return 0;
	return (__u64)BPF_CORE_READ(socket, sk);
}

/* As tls_stream_refresh: is it still the connection that it was? If not, joins it anew. An object
 * without a connection is known by its socket. */
static __always_inline void go_refresh(struct tls_stream *stream, __u64 object, __u32 tgid)
{
	struct client_random identity = {};
	struct connection *connection;
	__u64 sock = go_sock(object);

	connection = bpf_map_lookup_elem(&connections, &sock);
	if (connection)
		__builtin_memcpy(identity.bytes, connection->client_random, sizeof(identity.bytes));
	else
		*(__u64 *)identity.bytes = sock;
	if (tls_random_same(&identity, &stream->random))
		return;
	if (!connection && sock && sock == stream->sock)
		return; /* it was closed under the program's hands */
	tls_stream_restart(stream);
	stream->random = identity;
	if (!connection)
		return;
	if (connection->tgid != tgid || !connection->upstream ||
	    connection->protocol != PROTOCOL_TLS) {
		stream->state = TLS_STREAM_IGNORED;
		return;
	}
	tls_stream_join(stream, sock, connection);
}

/* At the jump of (*Conn).Write that is taken when the stack is too small. */
TLS_PROGRAM(og_tls_go_write)
{
	__u64 cookie = tls_cookie(ctx), pid_tgid = bpf_get_current_pid_tgid();
	struct tls_stream_key key = {.ssl = GO_REGISTER(ctx, rax), .tgid = pid_tgid >> 32};
	struct tls_frame frame = {
		.ssl = key.ssl,
		.buffer = GO_REGISTER(ctx, rbx),
		.length = GO_REGISTER(ctx, rcx),
		.direction = TLS_SENT,
	};
	struct tls_stream *stream;
	struct tls_slot *slot;

	if (GO_REGISTER(ctx, eflags) & GO_FLAGS_BELOW_OR_EQUAL || (__s64)frame.length <= 0)
		return;
	stream = tls_stream_of(cookie, &key, &slot);
	if (!stream)
		return;
	go_refresh(stream, key.ssl, key.tgid);
	if (!tls_look_at(stream, slot, &key, frame.buffer, frame.length))
		return;
	frame.time_ns = bpf_ktime_get_boot_ns();
	frame.total = frame.length;
	tls_read_now(ctx, cookie, pid_tgid, &frame, TLS_LINK_LINES);
}

/* At the copy of plain text in (*Conn).Read. */
TLS_PROGRAM(og_tls_go_read)
{
	__u64 cookie = tls_cookie(ctx), pid_tgid = bpf_get_current_pid_tgid();
	struct tls_frame frame = {
		.buffer = GO_REGISTER(ctx, rbx),
		.length = GO_REGISTER(ctx, rcx),
		.direction = TLS_RECEIVED,
	};
	struct tls_slot *slot;
	bool own;

	slot = tls_slot_of(cookie, &own);
	if (!slot || !own || (__s64)frame.length <= 0 ||
	    bpf_probe_read_user(&frame.ssl, sizeof(frame.ssl),
				(const void *)(PT_REGS_SP(ctx) + slot->object_at)) ||
	    !tls_before_read(frame.ssl, pid_tgid >> 32))
		return;
	frame.time_ns = bpf_ktime_get_boot_ns();
	frame.total = frame.length;
	tls_read_now(ctx, cookie, pid_tgid, &frame, TLS_LINK_LINES);
}

#endif
