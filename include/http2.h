/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_HTTP2_H
#define OPERAGLASS_HTTP2_H

#include <linux/types.h>

/* The Huffman code of RFC 7541, appendix B, four bits at a time. */

enum {
	HTTP2_HUFFMAN_STATES = 256, /* inner nodes of a tree with 257 leaves */
	HTTP2_HUFFMAN_STEPS = HTTP2_HUFFMAN_STATES * 16,
};

/* Map `http2_huffman`: one row, filled by the observer. steps[state << 4 | four bits]: the next
 * state, and in the upper byte the symbol that they complete; 0: none. For NUL, which no field may
 * contain, it is DEL, which none may contain either; the end of string is never sent as a whole. */
struct http2_huffman {
	__u16 steps[HTTP2_HUFFMAN_STEPS];
};

_Static_assert(sizeof(struct http2_huffman) == 8192, "contract");

#endif
