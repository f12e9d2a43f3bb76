/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_CONNECTION_H
#define OPERAGLASS_CONNECTION_H

#include <linux/types.h>
#include "histogram.h"
#include "limits.h"

/*
 * Connections of this host's clients to ports of interest. Times are nanoseconds of CLOCK_BOOTTIME.
 *
 * Who writes what: `tgid` … `daddr` once at SYN_SENT. Members under "egress" are written by the
 * egress program, under "ingress" by the ingress program, which may run at the same moment on
 * another CPU. What both, the state tracepoint and the sweep decide together stands behind `lock`.
 * `decoded`, `undecoded` and the call numbers are written by the TLS programs.
 */

enum upstream_kind {
	UPSTREAM_UNUSED = 0,
	UPSTREAM_TELEGRAM = 1,
	UPSTREAM_HTTPS = 2,
	UPSTREAM_DATABASE = 3,
	UPSTREAM_TCP = 4,
};

/* Map `upstreams`: array by upstream id. */
struct upstream {
	char name[UPSTREAM_NAME_SIZE];
	__u64 quiet_ns; /* an opaque call is over when nothing passed for so long */
	__u32 kind;	/* enum upstream_kind */
	__u32 reserved;
};

enum visibility { /* label `visibility` */
	VISIBILITY_UNDECIDED = 0,
	VISIBILITY_DECODED = 1,
	VISIBILITY_ENCRYPTED = 2,
	VISIBILITY_PLAIN = 3,
	VISIBILITIES = 4,
};

enum undecoded_reason { /* label `reason` of upstream_undecoded_connections_total */
	UNDECODED_UNSUPPORTED_STACK = 0,
	UNDECODED_NO_SYMBOLS = 1,
	UNDECODED_HTTP2 = 2,
	UNDECODED_ATTACHED_LATE = 3,
	UNDECODED_PROBE_REFUSED = 4,
	UNDECODED_MALFORMED = 5,  /* decoding began and lost its way */
	UNDECODED_NO_REQUEST = 6, /* closed before any call */
	UNDECODED_REASONS = 7,
};

/* Map `upstream_totals`: array by upstream id. */
struct upstream_totals {
	struct histogram first_byte;
	struct histogram dns;
	struct histogram connect;
	struct histogram handshake;
	struct histogram round_trip;
	__u64 connections[VISIBILITIES]; /* [0] unused */
	__u64 undecoded[UNDECODED_REASONS];
	__u64 sent_bytes;
	__u64 received_bytes;
	__u64 retransmits;
	__u64 last_success_ns; /* last call that was answered well; 0: never */
	__u64 last_failure_ns; /* last call that failed by its connection, 401, 409 or 5xx; 0: never
				*/
};

/* Map `client_randoms`: joins an SSL object to its connection. Key: the 32 bytes of the handshake.
 */
struct client_random {
	__u8 bytes[32];
};

struct client_random_owner {
	__u64 sock; /* key of `connections` */
	__u32 tgid; /* of the client: the server's SSL object on this host holds the same random */
	__u32 reserved;
};

/* Map `tls_processes` (LRU): what the observer knows of a process' TLS. Key: __u32 tgid. */
struct tls_process {
	__u32 undecoded; /* enum undecoded_reason to give for its opaque connections */
	__u32 reserved;
};

/* Map `decoded_names` (LRU): decoded calls that no socket could be joined to; opaque calls of that
 * process to that upstream are then not counted. Value: __u64 time. */
struct decoded_name {
	__u32 tgid;
	__u32 upstream;
};

#endif
