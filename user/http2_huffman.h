// SPDX-License-Identifier: Apache-2.0
/* The Huffman code of HTTP/2's fields, for the kernel half. */
#ifndef OPERAGLASS_HTTP2_HUFFMAN_H
#define OPERAGLASS_HTTP2_HUFFMAN_H

#include "bpf_set.h"
#include "http2.h"

void http2_huffman_build(struct http2_huffman *ret_table);

/* Fills the map `http2_huffman`, and lets the TLS programs call the one that needs it. 0 or -errno;
 * 0 also on kernels before 5.17, where neither is there: HTTP/2 is not read then. */
int http2_huffman_start(const struct bpf_set *set);

#endif
