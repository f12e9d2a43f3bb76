/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_CONNECTION_H
#define OPERAGLASS_CONNECTION_H

#include <linux/types.h>
#include "call.h"
#include "histogram.h"
#include "sizes.h"

/*
 * Connections of this host's clients to ports of interest. Times are nanoseconds of CLOCK_BOOTTIME.
 *
 * Who writes what. No spin lock: kernel 5.10 refuses one to tracing programs, every kernel to
 * uprobes. So each member of struct connection has one writer. The state tracepoint and the egress
 * program both run under the socket's lock and count as one. The ingress program runs before that
 * lock is taken and owns its own members; the TLS programs own theirs; the sweep only `swept`. What
 * several of them may decide, whoever inserts into `claims` does: the end of a quiet call, and whether a
 * connection that was in doubt is decoded.
 */

enum upstream_kind { /* the numbers of enum config_kind */
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
	__u32 kind;	/* enum upstream_kind; UPSTREAM_UNUSED: no longer configured */
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
	UNDECODED_RUSTLS = 7,
	UNDECODED_JAVA = 8,
	UNDECODED_NSS = 9,
	UNDECODED_WRITE_ONLY = 10, /* its requests are read, its answers timed at the socket */
	UNDECODED_REASONS = 11,
};

/* Map `upstream_totals`: array by upstream id. Members grow by atomic addition. */
struct upstream_totals {
	struct histogram first_byte;
	struct histogram dns;
	struct histogram connect;
	struct histogram handshake;
	struct histogram round_trip;
	__u64 connections[VISIBILITIES]; /* [0] unused */
	__u64 undecoded[UNDECODED_REASONS];
	__u64 sent_bytes; /* payload of TCP, each byte once */
	__u64 received_bytes;
	__u64 retransmits;     /* segments handed to the network again, SYNs included */
	__u64 last_success_ns; /* last call answered with neither 401, 409 nor 5xx; 0: never */
	__u64 last_failure_ns; /* last call that failed by its connection, 401, 409 or 5xx; 0: never
				*/
	__u64 last_retryable_ns; /* last 429; 0: never */
};

enum connection_protocol {
	PROTOCOL_UNKNOWN = 0, /* nothing sent yet, or an incomplete ClientHello */
	PROTOCOL_TLS = 1,
	PROTOCOL_PLAIN = 2,
};

enum tls_version {
	TLS_VERSION_UNKNOWN = 0,
	TLS_VERSION_1_2 = 1, /* or older: type 23 is application data exactly */
	TLS_VERSION_1_3 = 2, /* type 23 is also handshake, tickets and alerts */
};

enum tls_negotiated { /* bits; what the server has said */
	NEGOTIATED_HTTP2 = 1,
	NEGOTIATED_NONCE = 2,	   /* TLS 1.2: each record begins with 8 bytes of nonce */
	NEGOTIATED_SHA384 = 4,	   /* TLS 1.3: the hash of a Finished */
	NEGOTIATED_EXTENSIONS = 8, /* TLS 1.3: the record with its extensions has passed */
	/* HTTP/2: its settings have passed. Without NEGOTIATED_HTTP2: or a response as short as they are */
	NEGOTIATED_SETTINGS = 16,
	NEGOTIATED_UNTOLD = 32, /* TLS 1.3: HTTP/2 was offered; its extensions tell nothing */
};

enum greeting { /* of HTTP/2, by the client */
	GREETING_NONE = 0,
	GREETING_PREFACE = 1, /* its settings are still to come */
	GREETING_OVER = 2,    /* or there is none */
	/* Of NEGOTIATED_UNTOLD */
	GREETING_LIKELY =
		3, /* its first record, which was counted as a request, may be no more than that */
	GREETING_FOLLOWED = 4, /* the same, and there was another one before the server spoke */
	GREETING_CERTAIN = 5,
};

/* One direction of a connection: each payload byte once, and the TLS records' headers. */
struct record_follower {
	__u64 bytes;
	__u32 high;	    /* TCP sequence number behind the highest payload byte seen */
	__u32 record;	    /* TCP sequence number of the next record's header */
	__u16 length;	    /* of the record that `high` is in */
	__u8 type;	    /* of that record */
	__u8 started;	    /* `high` is valid */
	__u8 following;	    /* `record` is valid; else bytes only */
	__u8 header_length; /* bytes of a split header already in `header` */
	__u8 data;	    /* that record is application data, as far as can be told */
	__u8 header[5];
	__u8 outcome; /* of the packet being read */
	__u8 found;   /* in it: application data begins or goes on */
	__u8 flight;  /* in it: the client's last handshake flight */
	__u8 reserved;
};

/* Map `connections`. Key: __u64 address of the struct sock. */
struct connection {
	/* The state tracepoint and the egress program. */
	__u64 sock;	/* the key, as a number: what a program has from its context is a pointer */
	__u64 begin_ns; /* connect() */
	__u64 established_ns; /* 0: connecting */
	__u64 hello_ns;	      /* first payload sent; 0: none yet */
	__u64 handshake_ns; /* TLS handshake over; 0: not yet, or not TLS, or 1.2 and no data sent */
	__u64 call_begin_ns; /* opaque call; 0: none open */
	__u64 last_sent_ns;
	__u8 remote[16];     /* network order, IPv4 as ::ffff:a.b.c.d */
	__u32 netns;	     /* inode number of the network namespace */
	__u32 tgid;	     /* who called connect() */
	__u32 call_sequence; /* of the last opaque call, from 1 */
	__u32 retransmits;
	__u16 remote_port;
	__u16 upstream;	 /* 0: not decided yet */
	__u16 candidate; /* upstream by DNS, CIDR or port while the name is not known; 0: none */
	__u16 fallback;	 /* upstream by CIDR or port, if the name is not watched; 0: none */
	__u8 kind;	 /* enum upstream_kind of `upstream` */
	__u8 protocol;	 /* enum connection_protocol */
	__u8 visibility; /* enum visibility, once counted; see `uncounted` */
	__u8 end;	 /* enum call_failure of an unanswered call; 0: not ended */
	__u8 syn_sent;
	__u8 client_random_known;
	__u8 suppressed; /* its calls are counted elsewhere (decoded_names) */
	__u8 handshake_over;
	__u8 handshake_counted;
	__u8 client_ccs;  /* the client has sent a ChangeCipherSpec */
	__u8 tried;	  /* counted in `attempts` */
	__u8 unexplained; /* counted as opaque before the observer could know why: said at its end */
	__u8 uncounted; /* its open opaque call may be a decoded one: not counted while `visibility` is
			 * undecided, dropped if that becomes VISIBILITY_DECODED */
	__u8 greeting;	 /* enum greeting; also of a client that speaks something else */
	__u8 early_data; /* data was sent before the server had said anything */
	__u8 padding;	 /* TLS 1.3: zeroes in each record of the client's */
	__u8 offers_http2;
	__u8 told; /* opaque, and its process knows that (NAME_OPAQUE) */
	__u8 reserved1[6];
	__u64 client_finished_ns; /* TLS 1.2: its handshake record after the ChangeCipherSpec */
	__u8 client_random[32];
	struct record_follower sent;

	/* The ingress program. */
	struct record_follower received;
	__u64 first_byte_ns; /* of the response to `response_sequence` */
	__u64 last_received_ns;
	__u64 server_finished_ns; /* TLS 1.2, as client_finished_ns */
	__u32 response_sequence;  /* the last opaque call that got a response */
	__u16 ticket_length;	  /* of the session tickets seen */
	__u8 tickets;		  /* seen, or excluded */
	__u8 in_doubt;		  /* the response so far may be a session ticket */
	__u8 tls;		  /* enum tls_version */
	__u8 server_ccs;	  /* the server has sent a ChangeCipherSpec */
	__u8 server_alert;	  /* the server has ended the TLS connection */
	__u8 negotiated;	  /* enum tls_negotiated */
	__u32 received_counted;	  /* TCP sequence number up to which `received` is in the totals */

	/* The TLS programs. */
	__u32 first_call; /* calls first_call <= n < next_call may be in map `calls`, or here */
	__u32 next_call;
	__u8 decoded;	/* set before the first application data leaves: no opaque calls */
	__u8 undecoded; /* enum undecoded_reason, if not 0 */
	__u8 named;	/* 1: its opaque calls may have a name in map `calls` (CALL_NAME) */
	__u8 reserved3;
	__u32 call_number; /* of `call` */
	__u64 call_open; /* 1: `call` is in flight; who swaps it for 0 finishes it, see call_begin() */
	struct call call;

	/* The sweep. */
	__u32 swept; /* call_sequence of the last call that it finished */
	__u32 reserved4;
};

/* Map `claims` (LRU): whoever inserts the key finishes that opaque call, or decides how visible the
 * connection is. Value: __u64, what was decided. */
struct claim {
	__u64 sock;
	__u32 sequence; /* 0: of its visibility */
	__u32 born;	/* begin_ns >> 10: socks are used again */
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
	__u32 noted_s; /* CLOCK_BOOTTIME: what was executed later is another program of this number */
};

enum name_kind {
	/* Its calls are decoded, and no socket could be joined to them: opaque ones are not counted. */
	NAME_DECODED = 0,
	/* It has begun to write a request on an object that is joined to no socket; upstream 0, as the
	 * name inside is not known yet. A connection that it begins to use may prove to be decoded. */
	NAME_WRITTEN = 1,
	/* Such a connection was counted as opaque, or began to be used again when it was. Value: when. */
	NAME_OPAQUE = 2,
	/* It has begun to write the preface of HTTP/2 on such an object; upstream 0. Value: the last time:
	 * the first data of a connection that it begins to use then may say no more than who it is. */
	NAME_GREETED = 3,
};

/* Map `decoded_names` (LRU): what a process says without a known socket. Value: __u64 time. */
struct decoded_name {
	__u32 tgid;
	__u16 upstream;
	__u16 kind; /* enum name_kind */
};

/*
 * Map `attempts`: connections that a process is trying to make to an upstream. A call has failed
 * only when every address that was tried for it has, so a failure waits here until nothing replaced
 * it for ATTEMPT_GROUP_NS. Deleting the row is the claim to count it.
 */
struct attempt_key {
	__u32 tgid;
	__u32 upstream;
};

struct attempt {
	__u8 first[16];	    /* what was tried first: remote address, or see attempt_question */
	__u8 succeeded[16]; /* what succeeded last */
	__u64 begin_ns;	    /* last try */
	__u64 failed_ns;    /* last failure that waits */
	__u64 success_ns;   /* last success; 0: none */
	__u32 in_flight;    /* connections that have neither failed nor been made */
	__u8 failure;	    /* enum call_failure that waits; 0: none */
	__u8 earlier;	    /* of a try of the same group that another one replaced */
	__u8 reserved[2];
};

/* Map `routes`, key: __u64 pid_tgid: a connect() that has not yet led to a SYN. If it never
 * does, the host had no route. */
struct route_wait {
	__u64 begin_ns;
	__u8 remote[16];
	__u32 upstream;
	__u32 reserved;
};

/* Map `lookups`: DNS questions for watched names that wait for their answer. */
struct lookup_key {
	__u32 netns; /* 0, with id 0: somebody waits for a name server of this host */
	__u16 upstream;
	__u16 id;   /* of the question, host order */
	__u16 type; /* 1 A, 28 AAAA */
	__u16 reserved;
};

struct lookup {
	__u64 begin_ns;
	__u64 last_ns; /* last time it was sent */
	__u32 tgid;
	__u32 reserved;
};

/* Map `learned_addresses` (LRU): addresses from answers for watched names. */
struct learned_key {
	__u8 address[16];
	__u32 netns;
};

struct learned_address {
	__u64 time_ns;
	__u32 upstream;
	__u32 reserved;
};

/* Map `hosts`: lower-case name without trailing dot, zero-padded; "*.": the name begins with a
 * dot. Value: __u32 upstream. */
struct host_name {
	char name[HOST_NAME_SIZE];
};

/* Map `networks`: LPM trie; the port's 16 bits come first. Value: __u32 upstream. */
struct network_key {
	__u32 prefix_length; /* 16 + of the address in the 128-bit space */
	__u8 port[2];	     /* network order */
	__u8 address[16];
	__u8 reserved[2];
};

/* Map `upstream_ports`: the ports of each upstream. Value: __u32 1. */
struct upstream_port_key {
	__u16 upstream;
	__u16 port; /* host order */
};

/* Map `watched_ports`: one entry. Bit n & 7 of byte n >> 3: port n is somebody's. */
struct port_bitmap {
	__u8 bits[65536 / 8];
};

_Static_assert(sizeof(struct upstream) == 48, "contract");
_Static_assert(sizeof(struct record_follower) == 32, "contract");
_Static_assert(sizeof(struct claim) == 16, "contract");
_Static_assert(sizeof(struct decoded_name) == 8, "contract");
_Static_assert(sizeof(struct client_random) == 32, "contract");
_Static_assert(sizeof(struct client_random_owner) == 16, "contract");
_Static_assert(sizeof(struct attempt_key) == 8, "contract");
_Static_assert(sizeof(struct attempt) == 64, "contract");
_Static_assert(sizeof(struct route_wait) == 32, "contract");
_Static_assert(sizeof(struct lookup_key) == 12, "contract");
_Static_assert(sizeof(struct lookup) == 24, "contract");
_Static_assert(sizeof(struct learned_key) == 20, "contract");
_Static_assert(sizeof(struct learned_address) == 16, "contract");
_Static_assert(sizeof(struct host_name) == HOST_NAME_SIZE, "contract");
_Static_assert(sizeof(struct network_key) == 24, "contract");
_Static_assert(sizeof(struct upstream_port_key) == 4, "contract");

#endif
