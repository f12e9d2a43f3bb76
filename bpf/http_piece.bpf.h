/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_HTTP_PIECE_BPF_H
#define OPERAGLASS_HTTP_PIECE_BPF_H

#include <linux/types.h>

/* A message by the piece, cut out of a copy of its bytes. Compiled for the kernel and for tests. */

#define HTTP_PIECE 64

/* What lies at the reader's place, as far as it is there; zeroes behind it. */
union http_piece {
	__u64 words[HTTP_PIECE / 8];
	__u8 bytes[HTTP_PIECE];
};

#define HTTP_COPY 128

/* Bytes of a message as they lie in it, as many as are there; zeroes behind them. */
struct http_copy {
	__u64 words[HTTP_COPY / 8 + 1];
};

/* The piece `skip` bytes into the copy, at most HTTP_COPY - HTTP_PIECE. Only whole words of the copy are
 * read: the verifier takes no others of the stack. */
static __always_inline void http_piece_take(union http_piece *piece, const struct http_copy *copy,
					    __u32 skip)
{
	const __u32 last = (HTTP_COPY - HTTP_PIECE) / 8;
	__u32 word = skip >> 3, shift = (skip & 7) * 8;

	if (word > last)
		word = last; /* never; for the verifier */
	for (__u32 i = 0; i < HTTP_PIECE / 8; i++) {
		__u64 here = copy->words[word + i], behind = copy->words[word + i + 1];

		piece->words[i] = here >> shift | behind << 1 << (63 - shift);
	}
}

#endif
