/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_JOIN_BPF_H
#define OPERAGLASS_TLS_JOIN_BPF_H

#include "loop.bpf.h"
#include "tls_stream.bpf.h"

/*
 * Which connection an SSL object speaks on: the one whose ClientHello carried the random that the
 * object holds. Never by order, thread or length. Objects are used again at the same address, so
 * the random is read anew before each write.
 */

/* The 32 bytes at one place of an object; false when there is no such place. */
static __always_inline bool tls_random_at(__u64 ssl, const struct tls_random_place *row,
					  struct client_random *random)
{
	__u64 base = ssl;

	if (!row || !row->used)
		return false;
	if (row->pointer &&
	    bpf_probe_read_user(&base, sizeof(base), (const void *)(ssl + row->pointer)))
		return false;
	return bpf_probe_read_user(random, sizeof(*random), (const void *)(base + row->offset)) ==
	       0;
}

/* At the place of the table with this number. */
static __always_inline bool tls_random_read(__u64 ssl, __u32 place, struct client_random *random)
{
	return tls_random_at(ssl, bpf_map_lookup_elem(&tls_random_places, &place), random);
}

static __always_inline bool tls_random_same(const struct client_random *a,
					    const struct client_random *b)
{
	const __u64 *x = (const __u64 *)a->bytes, *y = (const __u64 *)b->bytes;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]));
}

/* Numbers of calls that no call of an earlier object at this address has: those that are left behind
 * without a socket to end them are known to sweep_calls by that. Milliseconds, nearly. */
static __always_inline __u32 tls_first_number(const struct tls_stream *stream)
{
	__u32 number = bpf_ktime_get_boot_ns() >> 20;
	bool used = stream->next_call && !stream->sock;

	return used && (__s32)(stream->next_call - number) > 0 ? stream->next_call : number;
}

/* The object begins a new connection, or is freed. */
static __always_inline void tls_stream_restart(struct tls_stream *stream)
{
	__u32 number = tls_first_number(stream);
	__u8 place = stream->place;

	__builtin_memset(stream, 0, sizeof(*stream));
	stream->place = place;
	stream->first_call = number;
	stream->next_call = number;
	stream->readers[TLS_RECEIVED].flags = HTTP_RESPONSE;
}

/* The random belongs to a connection that is known. */
static __always_inline bool tls_join(struct tls_stream *stream, __u32 tgid,
				     const struct client_random *random)
{
	struct client_random_owner *owner = bpf_map_lookup_elem(&client_randoms, random);
	struct connection *connection;
	__u64 sock;

	if (!owner)
		return false;
	stream->random = *random;
	sock = owner->sock;
	connection = bpf_map_lookup_elem(&connections, &sock);
	if (!connection || !connection->upstream) {
		stream->state = TLS_STREAM_IGNORED;
		return true;
	}
	/* The server's end, or inherited by fork: what it says first tells. */
	stream->foreign = owner->tgid != tgid;
	tls_stream_join(stream, sock, connection);
	stream->misses = 0;
	return true;
}

struct tls_join_walk {
	struct tls_stream *stream;
	struct tls_slot *slot;
	__u64 ssl;
	__u32 tgid;
};

/* Is there a random that a connection's ClientHello carried at the i-th place? Then it is joined. */
LOOP_BODY long tls_join_place(__u32 i, struct tls_join_walk *walk)
{
	struct client_random random = {};

	if (!tls_random_read(walk->ssl, i, &random) ||
	    !bpf_map_lookup_elem(&client_randoms, &random))
		return 0;
	tls_stream_restart(walk->stream);
	tls_join(walk->stream, walk->tgid, &random);
	walk->stream->place = i + 1;
	if (walk->slot)
		walk->slot->place = i + 1;
	return 1;
}

/* At the place of its own build, else at the one of the table that was right before. False: neither is
 * known, or nothing can be read there. */
static __always_inline bool tls_random_known(const struct tls_stream *stream,
					     const struct tls_slot *slot, __u64 ssl,
					     struct client_random *random)
{
	__u32 place = slot && slot->place ? slot->place : stream->place;

	if (slot && slot->found.used)
		return tls_random_at(ssl, &slot->found, random);
	return place && tls_random_read(ssl, place - 1, random);
}

static __always_inline bool tls_random_is_unknown(const struct client_random *random)
{
	const __u64 *words = (const __u64 *)random->bytes;

	return !(words[0] | words[1] | words[2] | words[3]);
}

/*
 * An object without a connection that is in the middle of something. Where its random is known only
 * from now on, as the place was found in the meantime, that does not make it another object: to begin
 * anew would forget its calls, and the tables of its HTTP/2.
 */
static __always_inline bool tls_stream_goes_on(const struct tls_stream *stream)
{
	return tls_random_is_unknown(&stream->random) && stream->state < TLS_STREAM_IGNORED &&
	       (stream->http2 || stream->readers[TLS_SENT].state != HTTP_START ||
		stream->first_call != stream->next_call);
}

/* Sees whether the object still is the connection that it was, and joins it if it can be. */
static __always_inline void tls_stream_refresh(struct tls_stream *stream, struct tls_slot *slot,
					       __u64 ssl, __u32 tgid)
{
	struct tls_join_walk walk = {.stream = stream, .slot = slot, .ssl = ssl, .tgid = tgid};
	bool known = (slot && (slot->found.used || slot->place)) || stream->place;
	struct client_random random = {};

	if (known) {
		if (!tls_random_known(stream, slot, ssl, &random))
			return;
		if (tls_stream_goes_on(stream)) {
			stream->random = random;
			return;
		}
		if (!tls_random_same(&random, &stream->random))
			tls_stream_restart(stream);
		else if (stream->state != TLS_STREAM_NEW || stream->http2)
			return;
		stream->random = random;
		tls_join(stream, tgid, &random); /* else its ClientHello may still be to come */
		return;
	}
	loop(TLS_RANDOM_PLACES, TLS_RANDOM_PLACES, tls_join_place, &walk);
}

#endif
