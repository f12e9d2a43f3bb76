/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_DNS_BPF_H
#define OPERAGLASS_DNS_BPF_H

/* DNS over UDP: how long watched names take to resolve, and to which addresses they resolve. */
#include "loop.bpf.h"
#include "attempt.bpf.h"
#include "connection.bpf.h"
#include "hello.bpf.h"
#include "host.bpf.h"
#include "segment.bpf.h"

enum {
	DNS_PORT = 53,
	/* Longer ago, the same id is another question: resolvers give up after 30 s at most. */
	LOOKUP_STALE_SECONDS = 30,
};

/* Offset of the message when this is a datagram to (or from) a name server, else 0. */
static __always_inline __u32 dns_message_at(struct __sk_buff *skb, bool outgoing)
{
	__u32 at = packet_transport(skb, PROTO_UDP);
	__u8 *udp = (__u8 *)(long)skb->data + at, *end = (__u8 *)(long)skb->data_end;
	__u16 port;

	if (!at || udp + UDP_HEADER > end)
		return 0;
	port = outgoing ? *(__u16 *)(udp + 2) : *(__u16 *)udp;
	at += UDP_HEADER;
	return port == bpf_htons(DNS_PORT) && skb->len > at ? at : 0;
}

/* The upstream that a message asks for, 0 if it is not watched. The message begins at `at`. */
static __always_inline __u32 dns_upstream(struct __sk_buff *skb, __u32 at, bool outgoing,
					  struct workspace *workspace, __u32 *ret_length)
{
	__u64 length = skb->len - at;

	if (length > DNS_SIZE)
		length = DNS_SIZE;
	*ret_length = length;
	length -= 1;
	asm volatile("%0 &= %1" : "+r"(length) : "i"(DNS_SIZE - 1));
	if (bpf_skb_load_bytes(skb, at, workspace->dns_bytes, length + 1))
		return 0;
	if (dns_parse_question(workspace->dns_bytes, *ret_length, workspace->name,
			       &workspace->dns)) {
		lost_add(LOST_DNS_MALFORMED);
		return 0;
	}
	if (workspace->dns.response == outgoing)
		return 0; /* a name server of this host */
	if (workspace->dns.type != DNS_TYPE_A && workspace->dns.type != DNS_TYPE_AAAA)
		return 0;
	return host_upstream(workspace->index);
}

/* Is the name server one of this host (127.0.0.0/8, ::1), which asks another one itself? */
static __always_inline bool dns_is_stub(struct __sk_buff *skb)
{
	__u8 address[16] = {};

	if (bpf_skb_load_bytes(skb, 0, address, 1))
		return false;
	if (address[0] >> 4 == 4)
		return !bpf_skb_load_bytes(skb, 16, address, 4) && address[0] == 127;
	if (bpf_skb_load_bytes(skb, 24, address, 16))
		return false;
	return !*(__u64 *)address && *(__u64 *)(address + 8) == bpf_cpu_to_be64(1);
}

/*
 * A name server of this host passes questions on: its own question, while somebody waits for its
 * answer, is not one more look-up. Who waits is noted under netns 0, which no question has.
 */
static __always_inline bool dns_is_passed_on(struct __sk_buff *skb, const struct lookup_key *key,
					     const struct lookup *asked)
{
	struct lookup_key stub = {.upstream = key->upstream, .type = key->type};
	struct lookup *waiting;

	if (dns_is_stub(skb)) {
		bpf_map_update_elem(&lookups, &stub, asked, BPF_ANY);
		return false;
	}
	waiting = bpf_map_lookup_elem(&lookups, &stub);
	return waiting && waiting->tgid != asked->tgid &&
	       asked->begin_ns - waiting->begin_ns < LOOKUP_STALE_SECONDS * 1000000000ULL;
}

/* The question was answered: nobody waits for the host's own name server any more. */
static __always_inline void dns_forget_stub(const struct lookup_key *key)
{
	struct lookup_key stub = {.upstream = key->upstream, .type = key->type};

	bpf_map_delete_elem(&lookups, &stub);
}

/* Programs of this type may not read through skb->sk; the address as a number may be read. */
static __always_inline __u32 dns_netns(struct __sk_buff *skb, struct workspace *workspace)
{
	volatile __u64 *sock = &workspace->sock;

	*sock = (__u64)skb->sk;
	return BPF_CORE_READ((struct sock *)*sock, __sk_common.skc_net.net, ns.inum);
}

/* What a packet says about the attempt in the workspace; told afterwards, to keep stacks short. */
enum dns_news {
	DNS_NOTHING,
	DNS_ASKED,
	DNS_FAILED,
	DNS_SUCCEEDED,
};

/* Reads a message into the workspace. False: it is about no look-up that is watched. */
static __always_inline bool dns_read(struct __sk_buff *skb, __u32 at, bool outgoing,
				     struct workspace *workspace, struct lookup_key *key,
				     __u32 *ret_length)
{
	key->upstream = dns_upstream(skb, at, outgoing, workspace, ret_length);
	if (!key->upstream)
		return false;
	key->netns = dns_netns(skb, workspace);
	key->id = workspace->dns.id;
	key->type = workspace->dns.type;
	workspace->lookup.upstream = key->upstream;
	attempt_question(key->type, key->id, workspace->question);
	return true;
}

SUBPROGRAM int dns_query(struct __sk_buff *skb, __u32 at, struct workspace *workspace)
{
	struct lookup *row, new = {};
	struct lookup_key key = {};
	__u32 length = 0;
	__u64 now;

	if (!workspace || !dns_read(skb, at, true, workspace, &key, &length))
		return DNS_NOTHING;
	now = bpf_ktime_get_boot_ns();
	row = bpf_map_lookup_elem(&lookups, &key);
	if (row && now - row->last_ns < LOOKUP_STALE_SECONDS * 1000000000ULL) {
		row->last_ns = now;
		return DNS_NOTHING;
	}
	new.begin_ns = now;
	new.last_ns = now;
	new.tgid = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), tgid);
	if (dns_is_passed_on(skb, &key, &new))
		return DNS_NOTHING;
	if (bpf_map_update_elem(&lookups, &key, &new, BPF_ANY))
		lost_add(LOST_DNS_TABLE_FULL);
	workspace->lookup.tgid = new.tgid;
	workspace->asked_ns = now;
	return DNS_ASKED;
}

SUBPROGRAM int dns_learn(struct workspace *workspace, __u32 netns, __u64 now)
{
	struct learned_address learned = {.time_ns = now};
	struct learned_key key = {.netns = netns};

	if (!workspace)
		return 0;
	learned.upstream = workspace->lookup.upstream;
	for (__u32 i = 0; i < DNS_ADDRESSES; i++) {
		if (i >= workspace->dns.address_count)
			break;
		__builtin_memcpy(key.address, workspace->dns.addresses[i], sizeof(key.address));
		bpf_map_update_elem(&learned_addresses, &key, &learned, BPF_ANY);
	}
	return 0;
}

SUBPROGRAM int dns_response(struct __sk_buff *skb, __u32 at, struct workspace *workspace)
{
	struct upstream_totals *totals;
	struct lookup_key key = {};
	struct lookup *row;
	__u32 length = 0;
	__u64 now;

	if (!workspace || !dns_read(skb, at, false, workspace, &key, &length))
		return DNS_NOTHING;
	now = bpf_ktime_get_boot_ns();
	row = bpf_map_lookup_elem(&lookups, &key);
	if (!row)
		return DNS_NOTHING; /* nobody here asked */
	workspace->asked_ns = row->begin_ns;
	workspace->lookup.tgid = row->tgid;
	if (bpf_map_delete_elem(&lookups, &key))
		return DNS_NOTHING;
	dns_forget_stub(&key);
	if (workspace->dns.code)
		return DNS_FAILED;
	if (dns_parse_answers(workspace->dns_bytes, length, &workspace->dns))
		lost_add(LOST_DNS_MALFORMED);
	if (!workspace->dns.address_count)
		return DNS_NOTHING;
	dns_learn(workspace, key.netns, now);
	totals = totals_of(key.upstream);
	if (totals)
		histogram_add(&totals->dns, HISTOGRAM_CONNECT, now - workspace->asked_ns);
	return DNS_SUCCEEDED;
}

static __always_inline void dns_packet(struct __sk_buff *skb, bool outgoing)
{
	__u32 at = dns_message_at(skb, outgoing);
	struct workspace *workspace;
	int news;

	if (!at)
		return;
	workspace = workspace_take();
	if (!workspace) {
		lost_add(LOST_DNS_TABLE_FULL);
		return;
	}
	news = outgoing ? dns_query(skb, at, workspace) : dns_response(skb, at, workspace);
	if (news == DNS_ASKED)
		attempt_begin(&workspace->lookup, workspace->question, workspace->asked_ns, 0);
	else if (news == DNS_FAILED)
		attempt_failed(&workspace->lookup, workspace->question, FAILURE_DNS,
			       workspace->asked_ns);
	else if (news == DNS_SUCCEEDED)
		attempt_succeeded(&workspace->lookup, workspace->question);
	workspace->busy = 0;
}

#endif
