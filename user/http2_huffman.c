// SPDX-License-Identifier: Apache-2.0
#include "http2_huffman.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

enum {
	SYMBOLS = 257, /* bytes, and the end of the string */
	END_OF_STRING = 256,
	LENGTH_MAX = 30,
	CHAIN_LINK = 4, /* TLS_LINK_HTTP2 of bpf/tls_decode.bpf.h */
	CHAIN_LINK_AUTHORITY = 5,
	INSTEAD_OF_NUL = 0x7f,
	LEAF = 0x1000, /* in a node: a symbol, not another node */
};

/*
 * RFC 7541, appendix B: bits of each symbol's code. The code is canonical: of one length, codes
 * follow each other as their symbols do, so the lengths say it all.
 */
/* clang-format off: sixteen symbols a row */
static const unsigned char code_lengths[SYMBOLS] = {
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28,
	30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,	8,  11, 10, 10, 8,  11,
	8,  6,	6,  6,	5,  5,	5,  6,	6,  6,	6,  6,	6,  6,	7,  8,	15, 6,	12, 10, 13, 6,
	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,
	8,  7,	8,  13, 19, 13, 14, 6,	15, 5,	6,  5,	6,  5,	6,  6,	6,  5,	7,  7,	6,  6,
	6,  5,	6,  7,	6,  5,	5,  6,	7,  7,	7,  7,	7,  15, 11, 14, 13, 28, 20, 22, 20, 20,
	22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
	22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23,
	22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
	28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27,
	26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
};
/* clang-format on */

struct tree {
	unsigned short child[HTTP2_HUFFMAN_STATES][2]; /* 0: none yet */
	unsigned int count;
};

static void tree_add(struct tree *tree, unsigned int symbol, unsigned int code, unsigned int length)
{
	unsigned int node = 0, bit;
	unsigned short *child;

	while (length-- > 1) {
		bit = code >> length & 1;
		child = &tree->child[node][bit];
		if (!*child)
			*child = (unsigned short)tree->count++;
		node = *child;
	}
	tree->child[node][code & 1] = (unsigned short)(LEAF | symbol);
}

static void tree_build(struct tree *tree)
{
	unsigned int code = 0, length, symbol;

	memset(tree, 0, sizeof(*tree));
	tree->count = 1;
	for (length = 1; length <= LENGTH_MAX; length++) {
		for (symbol = 0; symbol < SYMBOLS; symbol++)
			if (code_lengths[symbol] == length)
				tree_add(tree, symbol, code++, length);
		code <<= 1;
	}
}

void http2_huffman_build(struct http2_huffman *ret_table)
{
	unsigned int state, bits, bit, node, symbol;
	struct tree tree;

	tree_build(&tree);
	for (state = 0; state < HTTP2_HUFFMAN_STATES; state++)
		for (bits = 0; bits < 16; bits++) {
			symbol = 0;
			node = state;
			for (bit = 4; bit-- > 0;) {
				node = tree.child[node][bits >> bit & 1];
				if (!(node & LEAF))
					continue;
				symbol = node == (LEAF | END_OF_STRING) ? 0 : node & 0xff;
				symbol = node == LEAF ? INSTEAD_OF_NUL : symbol;
				node = 0;
			}
			ret_table->steps[state << 4 | bits] = (__u16)(symbol << 8 | node);
		}
}

int http2_huffman_start(const struct bpf_set *set)
{
	static const struct {
		__u32 link;
		const char *program;
	} links[] = {{CHAIN_LINK, "og_tls_http2"}, {CHAIN_LINK_AUTHORITY, "og_tls_authority"}};
	int map = bpf_set_map(set, "http2_huffman"), chain = bpf_set_map(set, "tls_chain");
	struct http2_huffman table;
	__u32 zero = 0;
	size_t i;

	if (bpf_set_program(set, links[0].program) < 0 || map < 0 || chain < 0)
		return 0;
	http2_huffman_build(&table);
	if (bpf_map_update_elem(map, &zero, &table, BPF_ANY))
		return -errno;
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		int program = bpf_set_program(set, links[i].program);

		if (program >= 0 && bpf_map_update_elem(chain, &links[i].link, &program, BPF_ANY))
			return -errno;
	}
	return 0;
}
