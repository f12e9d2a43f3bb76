/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_PARSE_DNS_BPF_H
#define OPERAGLASS_PARSE_DNS_BPF_H

#include <linux/types.h>
#include "sizes.h"
#include "loop.bpf.h"
#include "parse.bpf.h"

/*
 * DNS messages (RFC 1035 section 4) with one question: its name, and the addresses in the answer
 * section. Every address of the section is taken instead of following the chain of CNAMEs: the
 * server answered the question with them. Pure; compiled for the kernel and for tests. Never reads
 * at or behind `length`.
 */

enum {
	DNS_SIZE = 2048,    /* of a message that is looked at; EDNS senders keep below 1,232 */
	DNS_LABELS = 16,    /* of a name in the question; more are not watched */
	DNS_STEPS = 96,	    /* labels and records of the answer section */
	DNS_ADDRESSES = 24, /* kept of one answer */
	DNS_HEADER_SIZE = 12,
	DNS_TYPE_A = 1,
	DNS_TYPE_AAAA = 28,
};

/* In the kernel it lies in a map value: see PARSE_FORGET. */
struct dns_message {
	__u16 id;
	__u16 type;	   /* of the question */
	__u8 response;	   /* 0: a query */
	__u8 code;	   /* RCODE */
	__u16 answers;	   /* as its header says */
	__u16 name_length; /* in text, without the NUL */
	__u16 answers_at;
	__u32 address_count;
	__u32 at;			   /* the parsers' own: place in the message */
	__u32 left;			   /* records of the answer section */
	__s32 result;			   /* 0: complete, -1: malformed, cut off or too long */
	__u8 addresses[DNS_ADDRESSES][16]; /* IPv4 as ::ffff:a.b.c.d */
};

static __always_inline __u32 dns_u16(const __u8 *data, __u32 at)
{
	at = parse_bound(at, DNS_SIZE - 1);
	return data[at] << 8 | data[at + 1];
}

struct dns_walk {
	const __u8 *data;
	struct dns_message *message;
	__u8 *name;
	__u32 length;
};

/* One label of the question; the walk ends behind the last one. */
LOOP_BODY long dns_label(__u32 i, struct dns_walk *walk)
{
	struct dns_message *message = walk->message;
	__u32 at, label;

	(void)i;
	PARSE_FORGET();
	at = message->at;
	if (at >= walk->length)
		return 1;
	at = parse_bound(at, DNS_SIZE - 1);
	label = walk->data[at];
	if (!label)
		message->result = 0;
	if (!label || label > 63)
		return 1;
	message->at = at + 1 + label;
	return 0;
}

/* One label's length in the text becomes a dot. */
LOOP_BODY long dns_dot(__u32 i, struct dns_walk *walk)
{
	struct dns_message *message = walk->message;
	__u32 at;

	(void)i;
	PARSE_FORGET();
	at = message->at;
	if (at >= message->name_length)
		return 1;
	at = parse_bound(at, HOST_NAME_SIZE - 1);
	message->at = at + 1 + walk->name[at];
	walk->name[at] = '.';
	return 0;
}

/*
 * Header and question. `name` has 2 * HOST_NAME_SIZE bytes, all zero; the name is written in lower
 * case with dots, without the last one. Returns 0, or -1 when the message is malformed, has another
 * number of questions than one, or too many labels.
 */
static __always_inline int dns_parse_question(const __u8 *data, __u32 length, __u8 *name,
					      struct dns_message *message)
{
	struct dns_walk walk = {.data = data, .message = message, .name = name, .length = length};
	__u32 at, size;
	__u64 *words = (__u64 *)name;

	message->address_count = 0;
	if (length < DNS_HEADER_SIZE + 5 || length > DNS_SIZE || dns_u16(data, 4) != 1)
		return -1;
	message->id = dns_u16(data, 0);
	message->response = data[2] >> 7;
	message->code = data[3] & 15;
	message->answers = dns_u16(data, 6);
	message->at = DNS_HEADER_SIZE;
	message->result = -1;
	loop(DNS_LABELS, DNS_LABELS, dns_label, &walk);
	PARSE_FORGET();
	at = message->at;
	/* A pointer, too many labels, the root itself, a too long name, or it ends behind us. */
	if (message->result || at == DNS_HEADER_SIZE || at > DNS_HEADER_SIZE + 254 ||
	    at + 5 > length)
		return -1;
	size = at - DNS_HEADER_SIZE - 1; /* without the first label's length */
	message->name_length = size;
	message->type = dns_u16(data, at + 1);
	message->answers_at = at + 5;
	parse_copy(name, 0, 0, data, DNS_HEADER_SIZE + 1, size, HOST_NAME_SIZE - 1);
	message->at = data[DNS_HEADER_SIZE];
	loop(DNS_LABELS, DNS_LABELS, dns_dot, &walk);
	for (__u32 i = 0; i < HOST_NAME_SIZE / 8; i++)
		words[i] = parse_lower(words[i]);
	return 0;
}

static __always_inline void dns_keep_address(const __u8 *data, __u32 at, __u32 type,
					     struct dns_message *message)
{
	__u32 count = message->address_count;
	__u8 *address;

	if (count >= DNS_ADDRESSES)
		return;
	message->address_count = count + 1;
	at = parse_bound(at, DNS_SIZE - 1);
	address = message->addresses[count];
	if (type == DNS_TYPE_AAAA) {
		__builtin_memcpy(address, data + at, 16);
	} else {
		__builtin_memset(address, 0, 10);
		address[10] = 0xff;
		address[11] = 0xff;
		__builtin_memcpy(address + 12, data + at, 4);
	}
}

/* One label of an owner's name, or the rest of a record. */
LOOP_BODY long dns_answer(__u32 i, struct dns_walk *walk)
{
	struct dns_message *message = walk->message;
	const __u8 *data = walk->data;
	__u32 at, label, type, size;

	(void)i;
	PARSE_FORGET();
	at = message->at;
	if (!message->left)
		message->result = 0;
	if (!message->left || at >= walk->length)
		return 1;
	at = parse_bound(at, DNS_SIZE - 1);
	label = data[at];
	if (label && label <= 63) {
		message->at = at + 1 + label;
		return 0;
	}
	if (label && label < 0xc0)
		return 1;
	at += label ? 2 : 1;
	if (at + 10 > walk->length)
		return 1;
	type = dns_u16(data, at);
	size = dns_u16(data, at + 8);
	at += 10;
	if (at + size > walk->length)
		return 1;
	if ((type == DNS_TYPE_A && size == 4) || (type == DNS_TYPE_AAAA && size == 16))
		dns_keep_address(data, at, type, message);
	message->at = at + size;
	message->left--;
	return 0;
}

/* The answer section, after dns_parse_question. Returns 0, or -1 when it is malformed or cut off:
 * the addresses up to there are kept. */
static __always_inline int dns_parse_answers(const __u8 *data, __u32 length,
					     struct dns_message *message)
{
	struct dns_walk walk = {.data = data, .message = message, .length = length};

	if (length > DNS_SIZE)
		return -1;
	message->at = message->answers_at;
	message->left = message->answers;
	message->result = -1;
	loop(DNS_STEPS, DNS_STEPS, dns_answer, &walk);
	return message->result;
}

#endif
