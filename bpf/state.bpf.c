// SPDX-License-Identifier: GPL-2.0
/* The life of a client's connection: connect(), established, closed and why. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "connection.bpf.h"
#include "port.bpf.h"
#include "segment.bpf.h"

enum { /* include/net/tcp_states.h */
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_FIN_WAIT1 = 4,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
};

enum {
	FAMILY_IPV4 = 2,
	FAMILY_IPV6 = 10,
	SHUTDOWN_BOTH = 3,
};

enum { /* include/uapi/asm-generic/errno*.h */
	ERROR_EPIPE = 32,
	ERROR_ECONNRESET = 104,
	ERROR_ETIMEDOUT = 110,
	ERROR_ECONNREFUSED = 111,
};

static __always_inline void remote_address(const struct sock *sk, __u8 *address)
{
	__u32 *words = (__u32 *)address;

	if (sk->__sk_common.skc_family == FAMILY_IPV6) {
		words[0] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[0];
		words[1] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[1];
		words[2] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[2];
		words[3] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[3];
		return;
	}
	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = sk->__sk_common.skc_daddr;
}

static __always_inline void attempt_key_of(const struct connection *row, struct attempt_key *key)
{
	key->tgid = row->tgid;
	key->upstream = row->candidate ? row->candidate : row->fallback;
}

/* CLOSE -> SYN_SENT, the only place where "current" is the caller of connect(). */
static __noinline int connection_open(const struct sock *sk, __u64 sock)
{
	struct attempt_key attempt;
	struct connection *row;
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 zero = 0;
	void *empty = bpf_map_lookup_elem(&empty_connection, &zero);

	if (!empty)
		return 0;
	row = bpf_map_lookup_elem(&connections, &sock);
	if (row) { /* its end was missed: a nested event on this CPU */
		connection_ends(row, FAILURE_CLOSED);
		connection_close(row, 0);
	}
	if (bpf_map_update_elem(&connections, &sock, empty, BPF_ANY)) {
		lost_add(LOST_CONNECTIONS_FULL);
		return 0;
	}
	row = bpf_map_lookup_elem(&connections, &sock);
	if (!row)
		return 0;
	row->sock = sock;
	row->begin_ns = bpf_ktime_get_boot_ns();
	row->tgid = thread >> 32;
	row->netns = sk->__sk_common.skc_net.net->ns.inum;
	row->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	remote_address(sk, row->remote);
	row->fallback = network_upstream(row->remote, row->remote_port);
	row->candidate = learned_upstream(row->remote, row->netns, row->remote_port);
	bpf_map_delete_elem(&routes, &thread);
	attempt_key_of(row, &attempt);
	if (attempt.upstream) {
		row->tried = 1;
		attempt_begin(&attempt, row->remote, row->begin_ns, 1);
	}
	return 0;
}

static __always_inline void connection_established(struct connection *row)
{
	struct upstream_totals *totals;
	struct attempt_key attempt;
	struct upstream *upstream;

	row->established_ns = bpf_ktime_get_boot_ns();
	attempt_key_of(row, &attempt);
	if (row->tried) {
		attempt_succeeded(&attempt, row->remote);
		attempt_ended(&attempt);
	}
	totals = totals_of(row->upstream); /* its ClientHello was in the SYN */
	if (totals) {
		histogram_add(&totals->connect, HISTOGRAM_CONNECT,
			      row->established_ns - row->begin_ns);
		return;
	}
	/* No name will come: a pool's idle connection belongs to its upstream at once. */
	upstream = bpf_map_lookup_elem(&upstreams, &attempt.upstream);
	if (attempt.upstream && upstream && upstream->kind >= UPSTREAM_DATABASE)
		connection_decide(row, attempt.upstream);
}

/* Nobody's patience with a connect is shorter. */
#define PATIENCE_MIN_NS (10 * 1000000ULL)

/*
 * A soft error came by ICMP while the socket was busy. The kernel itself reports it only when the
 * retransmissions are over; its process may have asked for it, which clears it, and close at once.
 * Neither an error nor a shutdown: connect() itself found no route, after the state had changed.
 */
static __always_inline __u32 connect_failure(const struct sock *sk, const struct connection *row)
{
	int error = sk->sk_err;

	if (error == ERROR_ECONNREFUSED)
		return FAILURE_CONNECT_REFUSED;
	if (sk->sk_err_soft || (error && error != ERROR_ETIMEDOUT))
		return FAILURE_UNREACHABLE;
	if (!error && (sk->sk_shutdown != SHUTDOWN_BOTH ||
		       bpf_ktime_get_boot_ns() - row->begin_ns < PATIENCE_MIN_NS))
		return FAILURE_UNREACHABLE;
	return FAILURE_CONNECT_TIMEOUT; /* the kernel's patience, or its own process' */
}

static __always_inline __u32 end_failure(int error)
{
	if (error == ERROR_ECONNRESET || error == ERROR_EPIPE)
		return FAILURE_RESET;
	/* Without an error, its own process aborted it, or was killed. */
	return FAILURE_TIMEOUT;
}

static __always_inline void connection_gone(const struct sock *sk, struct connection *row,
					    __u64 sock)
{
	struct attempt_key attempt;

	if (row->established_ns) {
		connection_ends(row, end_failure(sk->sk_err));
		connection_close(row,
				 (BPF_CORE_READ((struct tcp_sock *)sk, srtt_us) >> 3) * 1000ULL);
	} else if (row->tried) {
		attempt_key_of(row, &attempt);
		attempt_failed(&attempt, row->remote, connect_failure(sk, row), row->begin_ns);
		attempt_ended(&attempt);
	}
	if (row->client_random_known)
		bpf_map_delete_elem(&client_randoms, row->client_random);
	if (row->protocol == PROTOCOL_UNKNOWN && row->hello_ns)
		bpf_map_delete_elem(&hellos, &sock);
	bpf_map_delete_elem(&connections, &sock);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, const struct sock *sk, int old_state, int new_state)
{
	struct connection *row;
	__u64 sock = (__u64)sk;
	__u16 family = sk->__sk_common.skc_family;

	if (!port_is_watched(bpf_ntohs(sk->__sk_common.skc_dport)))
		return 0;
	if (family != FAMILY_IPV4 && family != FAMILY_IPV6)
		return 0;
	if (new_state == TCP_SYN_SENT)
		return sk->sk_protocol == PROTO_TCP ? connection_open(sk, sock) : 0;
	row = bpf_map_lookup_elem(&connections, &sock);
	if (!row)
		return 0;
	if (new_state == TCP_ESTABLISHED)
		connection_established(row);
	else if (new_state == TCP_FIN_WAIT1 && sk->sk_shutdown == SHUTDOWN_BOTH)
		connection_ends(row, FAILURE_TIMEOUT);
	else if (new_state == TCP_CLOSE_WAIT)
		connection_ends(row, FAILURE_CLOSED);
	else if (new_state == TCP_CLOSE)
		connection_gone(sk, row, sock);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
