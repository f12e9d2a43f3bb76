/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_HELLO_BPF_H
#define OPERAGLASS_HELLO_BPF_H

/* Puts a connection's ClientHello together, from one packet or from many. */
#include "loop.bpf.h"
#include "call.bpf.h"
#include "connection.h"
#include "parse_client_hello.bpf.h"
#include "socket_maps.bpf.h"

/*
 * Where a name is worked on. A packet program may be interrupted by another one on the same CPU,
 * so there are as many as can nest: process, softirq, and one to spare.
 */
enum {
	WORKSPACES = 3
};

struct workspace {
	__u32 busy;
	__u32 index;
	__u32 reserved;
	__u32 continued; /* earlier packets brought a part of the hello */
	struct client_hello parsed;
	__u64 sock;
	__u8 name[2 * HOST_NAME_SIZE]; /* the second half stays zero */
	union {
		__u8 hello[CLIENT_HELLO_BUFFER];
		struct {
			struct dns_message dns;
			struct attempt_key lookup;
			__u8 question[16];
			__u64 asked_ns;
			__u8 dns_bytes[DNS_SIZE + HOST_NAME_SIZE];
		};
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WORKSPACES);
	__type(key, __u32);
	__type(value, struct workspace);
} workspaces SEC(".maps");

static __always_inline struct workspace *workspace_take(void)
{
	struct workspace *workspace;
	__u32 index;

	for (__u32 i = 0; i < WORKSPACES; i++) {
		index = i;
		workspace = bpf_map_lookup_elem(&workspaces, &index);
		if (!workspace || workspace->busy)
			continue;
		workspace->busy = 1;
		workspace->index = i;
		__builtin_memset(workspace->name, 0, HOST_NAME_SIZE);
		return workspace;
	}
	return NULL;
}

/* Copies the next bytes of the stream out of the packet, in pieces. Returns -1 if it is too long. */
static __always_inline int hello_append(struct __sk_buff *skb, __u32 at, __u32 length,
					struct hello_stream *stream)
{
	for (__u32 i = 0; i < CLIENT_HELLO_SIZE / CLIENT_HELLO_CHUNK + 1; i++) {
		__u64 to = stream->length, piece = length;

		if (!length)
			return 0;
		if (to >= CLIENT_HELLO_SIZE)
			return -1;
		if (piece > CLIENT_HELLO_CHUNK)
			piece = CLIENT_HELLO_CHUNK;
		if (piece > CLIENT_HELLO_SIZE - to)
			piece = CLIENT_HELLO_SIZE - to;
		asm volatile("%0 &= %1" : "+r"(to) : "i"(CLIENT_HELLO_SIZE - 1));
		piece -= 1;
		asm volatile("%0 &= %1" : "+r"(piece) : "i"(CLIENT_HELLO_CHUNK - 1));
		piece += 1;
		if (bpf_skb_load_bytes(skb, at, stream->bytes + to, piece))
			return -1;
		stream->length += piece;
		at += piece;
		length -= piece;
	}
	return 0;
}

/* The first packet of a connection. PARSE_DONE: the message is in workspace->hello. */
static __always_inline enum parse_result hello_whole(struct __sk_buff *skb, __u32 at, __u32 length,
						     struct workspace *workspace,
						     struct client_hello *hello)
{
	enum parse_result result;
	__u8 head[16] = {};
	__u64 size;

	if (length < 9) {
		if (bpf_skb_load_bytes(skb, at, head, 1))
			return PARSE_MALFORMED;
		return head[0] == TLS_HANDSHAKE ? PARSE_PARTIAL : PARSE_MALFORMED;
	}
	if (bpf_skb_load_bytes(skb, at, head, 9))
		return PARSE_MALFORMED;
	result = client_hello_head(head, length, hello);
	if (result != PARSE_DONE)
		return result;
	size = hello->length - 1;
	asm volatile("%0 &= %1" : "+r"(size) : "i"(CLIENT_HELLO_SIZE - 1));
	if (bpf_skb_load_bytes(skb, at + TLS_HEADER_SIZE, workspace->hello, size + 1))
		return PARSE_MALFORMED;
	return PARSE_DONE;
}

/* A later packet, or a first one that holds a part only. */
static __always_inline enum parse_result hello_continue(struct __sk_buff *skb, __u64 sock, __u32 at,
							__u32 length, struct workspace *workspace,
							struct client_hello *hello)
{
	struct hello_stream *stream = bpf_map_lookup_elem(&hellos, &sock);
	__u32 zero = 0;
	void *empty;

	if (!stream) {
		empty = bpf_map_lookup_elem(&empty_hello, &zero);
		if (!empty || bpf_map_update_elem(&hellos, &sock, empty, BPF_ANY))
			lost_add(LOST_HELLO_FULL);
		stream = bpf_map_lookup_elem(&hellos, &sock);
		if (!stream)
			return PARSE_MALFORMED;
	}
	if (hello_append(skb, at, length, stream))
		return PARSE_TOO_LONG;
	return client_hello_gather(stream->bytes, stream->length, workspace->hello, hello);
}

/*
 * The next bytes that the client sends. PARSE_DONE: the whole message is in workspace->hello, hello
 * is filled, and hello->end counts from the connection's first byte. Anything but PARSE_PARTIAL is
 * final.
 */
SUBPROGRAM int hello_feed(struct __sk_buff *skb, __u64 sock, __u32 at, __u32 length,
			  struct workspace *workspace)
{
	struct client_hello *hello;
	enum parse_result result = PARSE_PARTIAL;

	if (!workspace)
		return PARSE_MALFORMED;
	hello = &workspace->parsed;
	if (!workspace->continued)
		result = hello_whole(skb, at, length, workspace, hello);
	if (result == PARSE_PARTIAL) {
		result = hello_continue(skb, sock, at, length, workspace, hello);
		if (result == PARSE_PARTIAL)
			return result;
		bpf_map_delete_elem(&hellos, &sock);
	}
	if (result != PARSE_DONE)
		return result;
	result = client_hello_parse(workspace->hello, hello);
	if (result == PARSE_DONE && hello->name_length) {
		__u64 *words = (__u64 *)workspace->name;

		parse_copy(workspace->name, 0, 0, workspace->hello, hello->name_at,
			   hello->name_length, HOST_NAME_SIZE - 1);
		for (__u32 i = 0; i < HOST_NAME_SIZE / 8; i++)
			words[i] = parse_lower(words[i]);
	}
	return result;
}

#endif
