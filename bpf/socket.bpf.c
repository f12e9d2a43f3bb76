// SPDX-License-Identifier: GPL-2.0
/* Every packet of the host, in both directions; those of watched ports are looked at. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "connection.bpf.h"
#include "dns.bpf.h"
#include "hello.bpf.h"
#include "port.bpf.h"
#include "egress.bpf.h"
#include "ingress.bpf.h"

static __always_inline __u16 remote_port(struct __sk_buff *skb)
{
	return bpf_ntohl(skb->remote_port); /* network order in 32 bits */
}

/* 1 lets the packet pass, whatever happens here. */
SEC("cgroup_skb/egress")
int socket_egress(struct __sk_buff *skb)
{
	__u16 port = remote_port(skb);

	if (!port_is_watched(port))
		return 1;
	if (port == DNS_PORT || port == 0)
		dns_packet(skb, true);
	if (port)
		egress_packet(skb);
	return 1;
}

SEC("cgroup_skb/ingress")
int socket_ingress(struct __sk_buff *skb)
{
	__u16 port = remote_port(skb);

	if (!port_is_watched(port))
		return 1;
	if (port == DNS_PORT || port == 0)
		dns_packet(skb, false);
	if (port)
		ingress_packet(skb);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
