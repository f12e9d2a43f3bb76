/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_SEGMENT_BPF_H
#define OPERAGLASS_SEGMENT_BPF_H

/* A packet at the cgroup hook: it begins with the IP header; its payload is not in the linear part
 * and only bpf_skb_load_bytes reaches it. */

enum {
	TCP_SYN = 2,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	IPV4_HEADER_MIN = 20,
	IPV6_HEADER = 40,
	TCP_HEADER_MIN = 20,
	UDP_HEADER = 8,
	IPV4_PROTOCOL_AT = 9,
	IPV6_NEXT_HEADER_AT = 6,
	TCP_SEQUENCE_AT = 4,
	TCP_OFFSET_AT = 12,
	TCP_FLAGS_AT = 13,
};

struct segment {
	__u32 sequence;	  /* TCP; of the first payload byte */
	__u32 payload_at; /* from the IP header */
	__u32 length;	  /* of the payload */
	__u8 flags;	  /* of TCP */
};

/* Offset of the transport header, or 0. */
static __always_inline __u32 packet_transport(struct __sk_buff *skb, __u8 protocol)
{
	__u8 *data = (__u8 *)(long)skb->data, *end = (__u8 *)(long)skb->data_end;

	if (data + IPV4_HEADER_MIN > end)
		return 0;
	if (data[0] >> 4 == 4)
		return data[IPV4_PROTOCOL_AT] == protocol ? (data[0] & 15) * 4 : 0;
	return data[IPV6_NEXT_HEADER_AT] == protocol ? IPV6_HEADER : 0;
}

static __always_inline bool segment_parse(struct __sk_buff *skb, struct segment *segment)
{
	__u32 at = packet_transport(skb, PROTO_TCP), header;
	__u8 *tcp = (__u8 *)(long)skb->data + at, *end = (__u8 *)(long)skb->data_end;

	if (!at || tcp + TCP_HEADER_MIN > end)
		return false;
	segment->flags = tcp[TCP_FLAGS_AT];
	segment->sequence = bpf_ntohl(*(__u32 *)(tcp + TCP_SEQUENCE_AT));
	if (segment->flags & TCP_SYN)
		segment->sequence++;
	header = at + (tcp[TCP_OFFSET_AT] >> 4) * 4;
	segment->payload_at = header;
	segment->length = skb->len > header ? skb->len - header : 0;
	return true;
}

#endif
