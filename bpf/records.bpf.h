/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_RECORDS_BPF_H
#define OPERAGLASS_RECORDS_BPF_H

/* Follows the headers of TLS records by sequence number, through one direction of a connection. */
#include "connection.h"
#include "lost.bpf.h"
#include "parse_server_hello.bpf.h"
#include "segment.bpf.h"

enum {
	/* Records of one packet that are looked at: 64 KiB of 16 KiB records need 5. A packet with
	 * more puts the follower out of step until a record begins with a packet again. */
	RECORDS_PER_PACKET = 24,
	/* Bit n: n bytes are frames that come by themselves in HTTP/2 (RFC 9113 section 6): settings'
	 * acknowledgement 9, a window or a reset 13, a ping 17, the first two 22, the windows of a stream
	 * and its connection 26. */
	CONTROL_SIZES = 1 << 9 | 1 << 13 | 1 << 17 | 1 << 22 | 1 << 26,
	/* Settings: a head, 6 bytes each (RFC 9113 section 6.5). */
	SETTINGS_MIN = 9,
};

/* Bit n: SETTINGS_MIN + n bytes are up to 8 settings; behind them may be a window of 13 bytes. */
#define SETTINGS_ALONE \
	(1 | 1 << 6 | 1 << 12 | 1 << 18 | 1 << 24 | 1 << 30 | 1ULL << 36 | 1ULL << 42 | 1ULL << 48)
#define SETTINGS_SIZES (SETTINGS_ALONE | SETTINGS_ALONE << 13)

/* What is sealed in the record whose header was read last, at most (blocks of CBC are padded): TLS 1.3
 * adds a type and a tag (RFC 8446 section 5.2), 1.2 a tag, and a nonce with some ciphers. */
static __always_inline __u32 record_plain(const struct connection *row, __u32 length)
{
	__u32 sealing = row->tls != TLS_VERSION_1_2	     ? 17
			: row->negotiated & NEGOTIATED_NONCE ? 24
							     : 16;

	return length > sealing ? length - sealing : 0;
}

static __always_inline bool record_is_control(__u32 plain)
{
	return plain < 32 && CONTROL_SIZES >> plain & 1;
}

static __always_inline bool record_is_settings(__u32 plain)
{
	plain -= SETTINGS_MIN;
	return plain < 64 && SETTINGS_SIZES >> plain & 1;
}

/* Payload that has not been seen before: the rest of `segment` is cut off. False: all was seen. */
static __always_inline bool records_fresh(struct record_follower *follower, struct segment *segment)
{
	__u32 seen = follower->high - segment->sequence;

	if (!follower->started) {
		follower->started = 1;
		follower->high = segment->sequence;
		return segment->length > 0;
	}
	if ((__s32)seen <= 0)
		return segment->length > 0; /* in order, or behind a hole */
	if (seen >= segment->length)
		return false;
	segment->sequence += seen;
	segment->payload_at += seen;
	segment->length -= seen;
	return true;
}

static __always_inline void records_begin(struct record_follower *follower, __u32 sequence)
{
	follower->following = 1;
	follower->record = sequence;
	follower->header_length = 0;
	follower->length = 0;
	follower->type = 0;
}

static __always_inline void records_lose(struct record_follower *follower)
{
	follower->following = 0;
	lost_add(LOST_RECORDS_OUT_OF_STEP);
}

/* Out of step: does a record of application data begin with this packet? One chance in 2^26 that
 * ciphertext looks so. */
static __always_inline void records_find(struct __sk_buff *skb, struct record_follower *follower,
					 const struct segment *segment)
{
	__u8 head[8] = {};
	__u32 length;

	if (segment->length < TLS_HEADER_SIZE ||
	    bpf_skb_load_bytes(skb, segment->payload_at, head, TLS_HEADER_SIZE))
		return;
	length = head[3] << 8 | head[4];
	if (head[0] == TLS_APPLICATION_DATA && head[1] == 3 && head[2] == 3 && length > 16 &&
	    length <= TLS_RECORD_MAX)
		records_begin(follower, segment->sequence);
}

enum record_outcome { /* record_follower.outcome */
	RECORD_FOUND, /* type and length are its own */
	RECORD_AGAIN, /* a byte more of a split header: ask again */
	RECORD_NONE,  /* no more of them in this packet */
	RECORD_LOST,  /* what stands there is no header */
};

/*
 * The next header that is complete in this packet; true: there is none. Everything a loop carries
 * from one record to the next lies in the row, see PARSE_FORGET.
 */
static __always_inline bool records_next(struct __sk_buff *skb, struct record_follower *follower,
					 const struct segment *segment)
{
	__u32 have = follower->header_length & 7, at = segment->payload_at, skip;

	skip = follower->record + have - segment->sequence;
	follower->outcome = RECORD_LOST;
	if ((__s32)skip < 0)
		return true; /* it was in a hole */
	if (skip >= segment->length) {
		follower->outcome = RECORD_NONE;
		return true;
	}
	if (have || segment->length - skip < TLS_HEADER_SIZE) { /* split, byte by byte: rare */
		if (bpf_skb_load_bytes(skb, at + skip, follower->header + have, 1))
			return true;
		follower->header_length = have + 1;
		follower->outcome = RECORD_AGAIN;
		if (have + 1 < TLS_HEADER_SIZE)
			return false;
	} else if (bpf_skb_load_bytes(skb, at + skip, follower->header, TLS_HEADER_SIZE)) {
		return true;
	}
	follower->header_length = 0;
	follower->outcome = RECORD_LOST;
	follower->type = follower->header[0];
	follower->length = follower->header[3] << 8 | follower->header[4];
	if (follower->type < TLS_CHANGE_CIPHER_SPEC || follower->type > TLS_HEARTBEAT ||
	    follower->header[1] != 3 || follower->length > TLS_RECORD_MAX)
		return true;
	follower->record += TLS_HEADER_SIZE + follower->length;
	follower->outcome = RECORD_FOUND;
	return false;
}

/* The record whose header was found goes to the end of this packet, or beyond it: no header follows. */
static __always_inline bool records_over(struct record_follower *follower,
					 const struct segment *segment)
{
	if ((__s32)(follower->record - segment->sequence - segment->length) < 0)
		return false;
	follower->outcome = RECORD_NONE;
	return true;
}

/* After the loop: did it end for want of records, or for too many? */
static __always_inline void records_check(struct record_follower *follower,
					  const struct segment *segment)
{
	__u32 end = segment->sequence + segment->length;

	if (follower->outcome == RECORD_LOST ||
	    (follower->outcome != RECORD_NONE && (__s32)(follower->record - end) < 0))
		records_lose(follower);
}

/* Do the first bytes of this packet belong to the record whose header was read last? */
static __always_inline bool records_goes_on(const struct record_follower *follower,
					    const struct segment *segment)
{
	return follower->type && !follower->header_length &&
	       (__s32)(follower->record - segment->sequence) > 0;
}

#endif
