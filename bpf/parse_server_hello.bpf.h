/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_PARSE_SERVER_HELLO_BPF_H
#define OPERAGLASS_PARSE_SERVER_HELLO_BPF_H

#include <linux/types.h>
#include "connection.h"
#include "parse_client_hello.bpf.h"

/*
 * A ServerHello or HelloRetryRequest at the beginning of a stream (RFC 8446 section 4.1.3, RFC 5246
 * section 7.4.1.3). Pure; `head` has SERVER_HELLO_SIZE bytes, of which `length` are the stream's and the
 * others 0.
 */
enum {
	SERVER_HELLO_SIZE = 128, /* the extensions of TLS 1.2 have some 40 bytes, behind 81 */
};

/* Where the cipher suite is; 0: not to be told from these bytes. */
static __always_inline __u32 server_hello_suite(const __u8 *head, __u32 length)
{
	__u32 at;

	if (length < 44 || head[0] != TLS_HANDSHAKE || head[5] != 2 || head[43] > 32)
		return 0;
	at = 44 + head[43];
	return at + 2 > length ? 0 : at;
}

/* Does its cipher suite belong to TLS 1.3 (0x13..)? 1 yes, 0 no, -1 not to be told. */
static __always_inline int server_hello_is_1_3(const __u8 *head, __u32 length)
{
	__u32 at = server_hello_suite(head, length);

	if (!at)
		return -1;
	return parse_byte(head, at, SERVER_HELLO_SIZE - 1) == 0x13;
}

/* AES-GCM and CCM of TLS 1.2 put 8 bytes of nonce into each record (RFC 5288 section 3, RFC 6655). */
static __always_inline int suite_has_nonce(__u32 suite)
{
	return (suite >= 0x009c && suite <= 0x00a9) || (suite >= 0xc02b && suite <= 0xc032) ||
	       (suite >= 0xc09c && suite <= 0xc0af);
}

/* The whole extension of RFC 7301 with this protocol, found without walking through the others: 9 bytes
 * that the server's random holds by chance once in 2^66. Without a branch, each of which would have the
 * verifier go through what is left of the loop once more: 170 ms. */
static __always_inline int server_hello_has_http2(const __u8 *head)
{
	const __u64 extension = 0x0010000500030268ULL; /* type, size, size of list, of name, 'h' */
	__u64 seen = 0, found = 0, difference, negative;
	__u32 i;

	_Pragma("GCC unroll 1") for (i = 0; i < SERVER_HELLO_SIZE; i++)
	{
		difference = (seen ^ extension) | (head[i] ^ (__u64)'2');
		negative = -difference;
		asm volatile("" : "+r"(negative)); /* lest the compiler finds the comparison */
		found |= ~(difference | negative) >> 63;
		seen = seen << 8 | head[i];
	}
	return found;
}

/* enum tls_negotiated of a ServerHello; of TLS 1.3 it does not say whether HTTP/2 was agreed upon */
static __always_inline __u8 server_hello_negotiated(const __u8 *head, __u32 length)
{
	__u32 at = server_hello_suite(head, length), suite;

	if (!at)
		return 0;
	suite = parse_byte(head, at, SERVER_HELLO_SIZE - 1) << 8 |
		parse_byte(head, at + 1, SERVER_HELLO_SIZE - 1);
	if (suite >> 8 == 0x13)
		return suite == 0x1302 ? NEGOTIATED_SHA384 : 0;
	return (suite_has_nonce(suite) ? NEGOTIATED_NONCE : 0) |
	       (server_hello_has_http2(head) ? NEGOTIATED_HTTP2 : 0);
}

#endif
