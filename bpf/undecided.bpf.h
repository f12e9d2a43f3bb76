/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_UNDECIDED_BPF_H
#define OPERAGLASS_UNDECIDED_BPF_H

/*
 * A call is counted once: decoded, or as an opaque one of its connection. Mostly the TLS object that
 * speaks was joined to its connection before its first request leaves. Where it was not, because the
 * place of its client random is not known or the handshake is made inside of that very write, data is
 * on the wire before the library's call returns and tells what it was:
 *
 *  - at the call's entry its process is marked (NAME_WRITTEN), and while it is, a connection that it
 *    begins to use stays undecided, its call uncounted;
 *  - at the return the object is joined after all and takes the call over (connection_take_over), or
 *    its Host names the upstream (name_decoded), which the connection finds when it is looked at next;
 *  - a connection that has another call, ends, or waits for longer than UNDECIDED_NS until then is
 *    opaque, and the decoding does not begin any more (NAME_OPAQUE);
 *  - neither does it on an object whose library is probed only since its connection is opaque: what it
 *    is first seen to send, that connection sends meanwhile.
 */
#include "loop.bpf.h"
#include "connection_maps.bpf.h"
#include "process_rows.bpf.h"

/* Nobody waits so long for the network inside of a write but who sends a lot. */
#define UNDECIDED_NS (1000 * 1000000LL)

static __always_inline struct upstream_totals *totals_of(__u32 upstream)
{
	return upstream ? bpf_map_lookup_elem(&upstream_totals, &upstream) : NULL;
}

/* What an earlier process of the same number has said, or an earlier program of the process, is not its. */
static __always_inline bool name_known(__u32 tgid, __u16 upstream, enum name_kind kind)
{
	struct decoded_name name = {.tgid = tgid, .upstream = upstream, .kind = kind};
	__u64 *time = bpf_map_lookup_elem(&decoded_names, &name);
	struct process *process = time ? bpf_map_lookup_elem(&processes, &name.tgid) : NULL;

	return time && (!process || process->image_ns <= *time);
}

static __always_inline void name_set(__u32 tgid, __u16 upstream, enum name_kind kind, __u64 time)
{
	struct decoded_name name = {.tgid = tgid, .upstream = upstream, .kind = kind};

	bpf_map_update_elem(&decoded_names, &name, &time, BPF_ANY);
}

/* A request is about to leave on an object without a connection. */
static __always_inline void name_written(__u32 tgid, __u64 now)
{
	if (!name_known(tgid, 0, NAME_WRITTEN))
		name_set(tgid, 0, NAME_WRITTEN, now);
}

/* A greeting is about to leave on an object without a connection. */
static __always_inline void name_greets(__u32 tgid, __u64 now)
{
	name_written(tgid, now);
	name_set(tgid, 0, NAME_GREETED, now);
}

/* Whether what this connection in doubt sends first may be that greeting. */
static __always_inline bool name_greeted(const struct connection *row, __u64 now)
{
	struct decoded_name name = {.tgid = row->tgid, .kind = NAME_GREETED};
	__u64 *time;

	if (row->visibility || row->call_sequence)
		return false;
	time = bpf_map_lookup_elem(&decoded_names, &name);
	return time && (__s64)(now - *time) < UNDECIDED_NS;
}

/* The first request of an object that nobody knows the connection of, and that was first seen to write at
 * begin_ns, was for this upstream. False: that is counted by its connection. */
SUBPROGRAM int name_decoded(__u32 tgid, __u32 upstream, __u64 begin_ns)
{
	struct decoded_name name = {.tgid = tgid, .upstream = upstream, .kind = NAME_OPAQUE};
	__u64 *opaque = bpf_map_lookup_elem(&decoded_names, &name);

	if (opaque && *opaque >= begin_ns)
		return false;
	if (!name_known(tgid, upstream, NAME_DECODED))
		name_set(tgid, upstream, NAME_DECODED, begin_ns);
	return true;
}

/* False: somebody else was first. */
static __always_inline bool claim_take(const struct connection *row, __u32 sequence, __u64 what)
{
	struct claim claim = {.sock = row->sock, .sequence = sequence};

	claim.born = row->begin_ns >> 10;
	return bpf_map_update_elem(&claims, &claim, &what, BPF_NOEXIST) == 0;
}

/* How visible the connection is; only of one in doubt might somebody else decide. False: he has. */
static __always_inline bool visibility_decide(struct connection *row,
					      struct upstream_totals *totals, __u32 visibility)
{
	struct claim claim = {.sock = row->sock, .born = row->begin_ns >> 10};
	__u64 *decided;

	if (row->uncounted && !claim_take(row, 0, visibility)) {
		decided = bpf_map_lookup_elem(&claims, &claim);
		if (decided)
			row->visibility = *decided;
		return false;
	}
	row->visibility = visibility;
	__sync_fetch_and_add(&totals->connections[visibility & 3], 1);
	return true;
}

/* The request that its object has just sent is the opaque call of the connection. False: that has
 * been counted. */
SUBPROGRAM int connection_take_over(struct connection *row)
{
	struct upstream_totals *totals;

	if (!row || !row->uncounted || row->visibility)
		return false;
	totals = totals_of(row->upstream);
	return totals && visibility_decide(row, totals, VISIBILITY_DECODED);
}

#endif
