// SPDX-License-Identifier: GPL-2.0
/* What only time decides: run over the tables by the exporter at each scrape. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "connection.bpf.h"
#include "process_rows.bpf.h"
#include "route.bpf.h"
#include "tls_http2_rows.bpf.h"
#include "unjoined.bpf.h"

enum {
	TCP_CLOSE = 7 /* include/net/tcp_states.h */
};

/* Longer than a resolver waits before it asks again (5 s). */
#define LOOKUP_PATIENCE_NS (6 * 1000000000ULL)
/* An attempt that succeeded explains other addresses' failures; a look-up's is told after its patience,
 * in a sweep before this one's. */
#define ATTEMPT_SETTLED_NS (2 * LOOKUP_PATIENCE_NS)
/* connect() reaches CLOSE -> SYN_SENT within microseconds. */
#define ROUTE_PATIENCE_NS (200 * 1000000ULL)
/* A socket is only judged by its memory when its row is older than any race. */
#define CONNECTION_SETTLED_NS (1000 * 1000000ULL)

/* The end of a connection can be missed: tracepoint programs do not nest. Its memory stays a
 * socket's (SLAB_TYPESAFE_BY_RCU), maybe another one's by now. */
static __always_inline bool socket_is_gone(__u64 sock, const struct connection *row)
{
	struct sock *sk = (struct sock *)sock;

	return BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE ||
	       BPF_CORE_READ(sk, __sk_common.skc_dport) != bpf_htons(row->remote_port);
}

/* What a deleted row said: its memory may be another connection's as soon as it is deleted. Too large for
 * the stack. Only the iterator `sweep_connections` uses it, which is not run twice at the same moment. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connection);
} swept_connection SEC(".maps");

SEC("iter/bpf_map_elem")
int sweep_connections(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *key = ctx->key, sock, now = bpf_ktime_get_boot_ns();
	struct connection *row = ctx->value, *gone;
	__u32 zero = 0;

	if (!key || !row)
		return 0;
	sock = *key;
	row = bpf_map_lookup_elem(&connections, &sock);
	gone = bpf_map_lookup_elem(&swept_connection, &zero);
	if (!row || !gone)
		return 0;
	if (row->call_begin_ns && row->uncounted)
		connection_count(row, 0, (__s64)(now - row->call_begin_ns) > UNDECIDED_NS);
	if (row->call_begin_ns)
		opaque_finish(row, FAILURE_NONE, true, bpf_ktime_get_boot_ns());
	if (now - row->begin_ns < CONNECTION_SETTLED_NS || !socket_is_gone(sock, row))
		return 0;
	*gone = *row;
	if (bpf_map_delete_elem(&connections, &sock))
		return 0;
	if (gone->established_ns) {
		connection_ends(gone, FAILURE_CLOSED);
		connection_close(gone, 0);
	}
	if (gone->client_random_known)
		bpf_map_delete_elem(&client_randoms, gone->client_random);
	bpf_map_delete_elem(&hellos, &sock);
	return 0;
}

static __always_inline bool all_processes_are_listed(void)
{
	__u32 index = LOST_PROCESSES_FULL;
	__u64 *refused = bpf_map_lookup_elem(&lost, &index);

	return refused && !*refused;
}

/* Who ended it cannot be told without a socket: its client waits no longer. */
SEC("iter/bpf_map_elem")
int sweep_calls(struct bpf_iter__bpf_map_elem *ctx)
{
	struct tls_stream_key object = {};
	struct call_key *from = ctx->key, key;
	struct call *value = ctx->value, call;
	__u64 now = bpf_ktime_get_boot_ns();

	if (!from || !value || !from->tgid)
		return 0;
	key = *from;
	call = *value;
	object.ssl = key.owner;
	object.tgid = key.tgid;
	if (!unjoined_is_over(&key, &call, bpf_map_lookup_elem(&tls_streams, &object),
			      bpf_map_lookup_elem(&processes, &key.tgid),
			      all_processes_are_listed(), now))
		return 0;
	call_break_off(&call, FAILURE_TIMEOUT, now);
	call_finish(NULL, &key, &call);
	return 0;
}

#if TLS_READS_HTTP2

/* The object was not freed, or nobody saw it: Go's, and those of processes that are gone. */
SEC("iter/bpf_map_elem")
int sweep_http2(struct bpf_iter__bpf_map_elem *ctx)
{
	struct tls_stream_key *from = ctx->key, key;
	struct tls_stream *stream;
	struct process *process;

	if (!from || !ctx->value)
		return 0;
	key = *from;
	stream = bpf_map_lookup_elem(&tls_streams, &key);
	process = bpf_map_lookup_elem(&processes, &key.tgid);
	if (stream && stream->http2 && stream->state != TLS_STREAM_IGNORED &&
	    (stream->sock ? tls_connection(stream) != NULL
	     : process	  ? !process->exited
			  : !all_processes_are_listed()))
		return 0;
	http2_close(&key);
	return 0;
}

#endif

SEC("iter/bpf_map_elem")
int sweep_attempts(struct bpf_iter__bpf_map_elem *ctx)
{
	struct attempt_key *from = ctx->key, key;
	struct attempt *value = ctx->value, attempt;
	__u64 now = bpf_ktime_get_boot_ns();

	if (!from || !value)
		return 0;
	key = *from;
	attempt = *value;
	if (attempt.failure && !attempt.in_flight && now - attempt.failed_ns > ATTEMPT_GROUP_NS) {
		attempt_commit(&key, &attempt);
	} else if (!attempt.failure && !attempt.in_flight &&
		   attempt.success_ns >= attempt.begin_ns &&
		   now - attempt.success_ns > ATTEMPT_SETTLED_NS) {
		bpf_map_delete_elem(&attempts, &key);
	} else if (now - attempt.begin_ns > ATTEMPT_STALE_NS) {
		if (attempt.failure)
			attempt_commit(&key, &attempt);
		else
			bpf_map_delete_elem(&attempts, &key);
	}
	return 0;
}

SEC("iter/bpf_map_elem")
int sweep_lookups(struct bpf_iter__bpf_map_elem *ctx)
{
	__u8 question[16] __attribute__((aligned(8)));
	struct lookup_key *from = ctx->key, key;
	struct lookup *value = ctx->value, lookup;
	struct attempt_key attempt;

	if (!from || !value)
		return 0;
	key = *from;
	lookup = *value;
	if (bpf_ktime_get_boot_ns() - lookup.last_ns < LOOKUP_PATIENCE_NS ||
	    bpf_map_delete_elem(&lookups, &key) || !key.netns)
		return 0;
	attempt.tgid = lookup.tgid;
	attempt.upstream = key.upstream;
	attempt_question(key.type, key.id, question);
	attempt_failed(&attempt, question, FAILURE_DNS, lookup.begin_ns);
	return 0;
}

SEC("iter/bpf_map_elem")
int sweep_routes(struct bpf_iter__bpf_map_elem *ctx)
{
	struct route_wait *value = ctx->value;
	__u64 *key = ctx->key, thread, begin_ns;

	if (!key || !value)
		return 0;
	thread = *key;
	begin_ns = value->begin_ns;
	if (bpf_ktime_get_boot_ns() - begin_ns > ROUTE_PATIENCE_NS)
		route_settle(thread);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
