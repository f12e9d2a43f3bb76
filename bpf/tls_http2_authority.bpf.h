/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_HTTP2_AUTHORITY_BPF_H
#define OPERAGLASS_TLS_HTTP2_AUTHORITY_BPF_H

#include "tls_frame.bpf.h"
#include "tls_host.bpf.h"
#include "tls_http2_rows.bpf.h"

/*
 * The upstream of a name that lies in the memory of the program, for objects that could not be joined
 * to a connection: an :authority, in plain or in Huffman's code, or the object's SNI. What
 * tls_host.bpf.h does for Host; the name is looked up from the stack and never kept.
 */

#if TLS_READS_HTTP2

struct authority_walk {
	union tls_host_name name; /* from `skip` on */
	const struct http2_huffman *huffman;
	__u64 object;
	__u64 address;
	__u32 size;
	__u32 upstream;
	__u16 letters; /* of the name so far */
	__u16 skip;    /* of them stand for a wildcard */
	__u16 dot;     /* the first one behind `skip`; 0: none */
	__u8 node;     /* state of the code */
	__u8 coded;
	__u8 over; /* the port begins */
	__u8 reserved[7];
};

static __always_inline void authority_letter(struct authority_walk *walk, __u8 c)
{
	__u32 at = walk->letters;

	if (c <= ' ' || c == ':' || at >= HOST_NAME_SIZE - 1)
		walk->over = 1;
	if (walk->over)
		return;
	walk->letters = at + 1;
	if (at < walk->skip)
		return;
	at -= walk->skip;
	if (c == '.' && at && !walk->dot)
		walk->dot = at;
	walk->name.host.name[parse_bound(at, HOST_NAME_SIZE - 1)] = text_lower(c);
}

LOOP_BODY long authority_byte(__u32 i, struct authority_walk *walk)
{
	__u32 half, step;
	__u16 next;
	__u8 c = 0;

	if (bpf_probe_read_user(&c, 1, (const void *)(walk->address + i)))
		return 1;
	if (!walk->coded) {
		authority_letter(walk, c);
		return walk->over;
	}
	for (half = 0; half < 2; half++) {
		step = (__u32)walk->node << 4 | (half ? c & 15 : c >> 4);
		next = walk->huffman->steps[parse_bound(step, HTTP2_HUFFMAN_STEPS - 1)];
		walk->node = next;
		if (next >> 8)
			authority_letter(walk, next >> 8);
	}
	return walk->over;
}

/* The whole name, then each of its ends that a wildcard may stand for. */
LOOP_BODY long authority_label(__u32 i, struct authority_walk *walk)
{
	__u32 *upstream;

	__builtin_memset(&walk->name, 0, sizeof(walk->name));
	walk->node = 0;
	walk->letters = 0;
	walk->dot = 0;
	walk->over = 0;
	loop(walk->size, HOST_NAME_SIZE, authority_byte, walk);
	upstream = bpf_map_lookup_elem(&hosts, &walk->name);
	if (upstream)
		walk->upstream = *upstream;
	walk->skip += walk->dot;
	return upstream || !walk->dot;
}

static __always_inline void authority_look_up(struct authority_walk *walk)
{
	walk->skip = 0;
	loop(TLS_HOST_LABELS, TLS_HOST_LABELS, authority_label, walk);
}

/* The SNI at the i-th place that is known. A wrong place can only miss: what lies there must be the
 * name of a watched upstream, and end where that ends. */
LOOP_BODY long authority_place(__u32 i, struct authority_walk *walk)
{
	struct tls_random_place *place = bpf_map_lookup_elem(&tls_random_places, &i);
	__u64 address;

	if (!place)
		return 1;
	if (!place->name || bpf_probe_read_user(&address, sizeof(address),
						(const void *)(walk->object + place->name)))
		return 0;
	walk->address = address;
	authority_look_up(walk);
	return walk->upstream != HTTP2_NOBODY;
}

/* Either of an :authority whose bytes are next, which the reader skips then, or of the object. */
TLS_PROGRAM(og_tls_authority)
{
	struct authority_walk walk = {.upstream = HTTP2_NOBODY, .size = HOST_NAME_SIZE - 1};
	struct http2_connection *row;
	struct http2_reader *reader;
	__u32 zero = 0;
	struct tls_at at;

	if (!tls_resume(ctx, &at))
		return;
	row = bpf_map_lookup_elem(&http2_connections, &at.stream_key);
	walk.huffman = bpf_map_lookup_elem(&http2_huffman, &zero);
	if (!row || !walk.huffman)
		goto done;
	reader = &row->readers[TLS_SENT];
	if (at.frame->event != HTTP2_AUTHORITY) {
		walk.object = at.stream_key.ssl;
		loop(TLS_RANDOM_PLACES, TLS_RANDOM_PLACES, authority_place, &walk);
		row->upstream = walk.upstream == HTTP2_NOBODY ? 0 : walk.upstream;
	} else if (reader->left <= at.frame->total - at.frame->offset &&
		   reader->left < HOST_NAME_SIZE) {
		/* What is sent in two pieces is not known; a longer one is no name. */
		walk.size = reader->left;
		walk.coded = reader->form & HPACK_HUFFMAN;
		walk.address = at.frame->buffer + at.frame->offset;
		authority_look_up(&walk);
		reader->value = walk.upstream;
	}
	bpf_tail_call(ctx, &tls_chain, TLS_LINK_HTTP2);
done:
	bpf_map_delete_elem(&tls_frames, &at.frame_key);
}

#endif

#endif
