/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_CALL_H
#define OPERAGLASS_CALL_H

#include <linux/types.h>
#include "histogram.h"
#include "sizes.h"

/*
 * Calls: a request to an upstream and its response, decoded inside TLS or seen only as traffic.
 * Every call is counted once: `requests` when it begins (or when its connection could not be made),
 * then either in `durations` when a response came, with `failures` too if its status says so,
 * or in `failures` alone when none came. Times are nanoseconds of CLOCK_BOOTTIME.
 */

enum http_method {
	METHOD_UNKNOWN = 0,
	METHOD_GET = 1,
	METHOD_POST = 2,
	METHOD_PUT = 3,
	METHOD_DELETE = 4,
	METHOD_HEAD = 5,
	METHOD_PATCH = 6,
	METHOD_OPTIONS = 7,
	METHOD_OTHER = 8,
};

enum call_failure { /* label `error_type` */
	FAILURE_NONE = 0,
	FAILURE_DNS = 1,
	FAILURE_CONNECT_REFUSED = 2,
	FAILURE_CONNECT_TIMEOUT = 3,
	FAILURE_UNREACHABLE = 4,
	FAILURE_TLS_HANDSHAKE = 5,
	FAILURE_RESET = 6,
	FAILURE_CLOSED = 7,	  /* end of stream before a response */
	FAILURE_TIMEOUT = 8,	  /* the client gave up */
	FAILURE_RATE_LIMITED = 9, /* 429 */
	FAILURE_UNAUTHORIZED = 10,
	FAILURE_CONFLICT = 11,
	FAILURE_CLIENT_ERROR = 12,
	FAILURE_SERVER_ERROR = 13,
	FAILURES = 14,
};

/* Zero-padded. "unknown" where the connection is opaque; "other" when the table is full. */
struct endpoint {
	char name[ENDPOINT_SIZE];
};

/* Map `endpoints`: which names exist, bounded by configuration. Value: __u64 1. */
struct endpoint_key {
	__u16 upstream;
	struct endpoint endpoint;
};

/* Map `requests`. Value: __u64. */
struct request_key {
	__u16 upstream;
	__u8 method; /* enum http_method */
	__u8 reserved;
	struct endpoint endpoint;
};

/* Map `failures`. Value: __u64. */
struct failure_key {
	__u16 upstream;
	__u8 failure; /* enum call_failure */
	__u8 reserved;
	struct endpoint endpoint;
};

/* Map `durations`: request's first byte to response's last byte. Value: struct histogram. */
struct duration_key {
	__u16 upstream;
	__u16 status; /* 0: unknown */
	struct endpoint endpoint;
};

/* Map `endpoint_facts`. Key: struct endpoint_key. */
struct endpoint_facts {
	__u64 retries;
	__u64 last_success_ns; /* 0: never */
	struct histogram retry_after;
};

/* Map `recent_failures` (LRU): a call to the same endpoint by the same process soon after is a
 * retry. Value: __u64 time. */
struct recent_failure_key {
	__u32 tgid;
	struct endpoint_key endpoint;
	__u8 reserved[2];
};

enum call_flag {
	CALL_DECODED = 1 << 0,
	CALL_ANSWERED = 1 << 1,	   /* at least one byte of a final response came */
	CALL_UNTIL_CLOSE = 1 << 2, /* its body ends with the connection; end_ns: last byte so far */
};

/*
 * A call in flight. Map `calls`, key struct call_key. Deleting the row is the claim to finish the
 * call: whoever's delete succeeds counts it, nobody else. One of each connection may be in the row of
 * that instead.
 */
struct call {
	__u64 begin_ns;
	__u64 first_byte_ns; /* of the response; 0: none yet */
	__u64 end_ns;
	__u64 retry_after_ns;
	__u32 tgid;
	__u16 upstream;
	__u16 status; /* 0: unknown */
	__u8 method;  /* enum http_method */
	__u8 failure; /* enum call_failure */
	__u8 flags;   /* enum call_flag */
	__u8 reserved[5];
	struct endpoint endpoint;
};

/* owner: address of the struct sock, or of the stream (SSL object) when no socket is known. */
struct call_key {
	__u64 owner;
	__u32 tgid;	/* 0 when owner is a socket */
	__u32 sequence; /* of the request on that connection, from 0; or see CALL_NAME */
};

/*
 * Only the requests of some connections can be read, not their answers: their calls are opaque ones
 * with a name. A row of `calls` then holds method and endpoint, and nothing else, of the opaque call
 * with that number; 0: of the next one, which a TLS program has seen on its way.
 */
#define CALL_NAME(call_sequence) (1U << 31 | (call_sequence))

_Static_assert(sizeof(struct endpoint) == 48, "contract");
_Static_assert(sizeof(struct endpoint_key) == 50, "contract");
_Static_assert(sizeof(struct request_key) == 52, "contract");
_Static_assert(sizeof(struct failure_key) == 52, "contract");
_Static_assert(sizeof(struct duration_key) == 52, "contract");
_Static_assert(sizeof(struct recent_failure_key) == 56, "contract");
_Static_assert(sizeof(struct call) == 96, "contract");
_Static_assert(sizeof(struct call_key) == 16, "contract");

#endif
