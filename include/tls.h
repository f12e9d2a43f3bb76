/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_TLS_H
#define OPERAGLASS_TLS_H

#include <linux/types.h>
#include "call.h"
#include "connection.h"
#include "sizes.h"

/* Reading HTTP at the calls of a TLS library. Times are nanoseconds of CLOCK_BOOTTIME. */

/* Rows of the table in user/tls_stacks.c, and the label `stack`. The numbers live in pinned maps and
 * in the names of pins: a new one goes to the end. */
#define TLS_STACK_LIST(X)         \
	X(OPENSSL, "openssl")     \
	X(NODE, "node")           \
	X(GNUTLS, "gnutls")       \
	X(DOTNET, "dotnet")       \
	X(STATIC, "static")       \
	X(GO, "go")               \
	X(BORINGSSL, "boringssl") \
	X(NSS, "nss")             \
	X(RUSTLS, "rustls")       \
	X(JAVA, "java")

/* Label `state`. REFUSED: a probe there would be unsafe, or the kernel did not take it. STALE:
 * processes that map it make calls since it was probed, but no probe was hit. UNDECODED: recognised, and
 * cannot be read. COVERED: all it does is call another file that is in this list. MALFORMED: a file
 * that contradicts itself, or that has more symbols than are read. WRITE_ONLY: attached, but only
 * where requests are written (TLS_REACH_WRITES). */
#define TLS_TARGET_STATE_LIST(X)  \
	X(ATTACHED, "attached")   \
	X(REFUSED, "refused")     \
	X(STALE, "stale")         \
	X(UNDECODED, "undecoded") \
	X(COVERED, "covered")     \
	X(MALFORMED, "malformed") \
	X(WRITE_ONLY, "write_only")

/* Label `trust` of a probed file: why its probes are believed to sit rightly. */
#define TLS_TRUST_LIST(X)                                                                    \
	X(DECODED,                                                                           \
	  "decoded") /* its functions were decoded, by rules that refuse what is doubtful */ \
	X(CHECKED, "checked") /* and a hundred calls of programs fit */                      \
	X(PROVEN, "proven")   /* and calls of our own were all seen as they were */          \
	X(SYMBOLS, "symbols") /* they sit at the symbols only: the places were wrong */

/* How much of the calls of a probed file is read: requests and answers; the same, by probes of which
 * some are single-stepped, as configured; requests alone, because no place that shows results is cheap. */
enum tls_reach {
	TLS_REACH_WHOLE = 0,
	TLS_REACH_STEPPED = 1,
	TLS_REACH_WRITES = 2,
	TLS_REACHES = 3,
};

#define TLS_STACK_ENUM(name, text)	  TLS_STACK_##name,
#define TLS_TARGET_STATE_ENUM(name, text) TLS_TARGET_##name,
#define TLS_TRUST_ENUM(name, text)	  TLS_TRUST_##name,
enum tls_trust {
	TLS_TRUST_LIST(TLS_TRUST_ENUM) TLS_TRUSTS
};
#undef TLS_TRUST_ENUM
enum tls_stack_id {
	TLS_STACK_LIST(TLS_STACK_ENUM) TLS_STACKS
};
enum tls_target_state {
	TLS_TARGET_STATE_LIST(TLS_TARGET_STATE_ENUM) TLS_TARGET_STATES
};
#undef TLS_STACK_ENUM
#undef TLS_TARGET_STATE_ENUM

/* Map `tls_target_counts`: array by stack * TLS_TARGET_STATES + state. Value: __u64 files. */
#define TLS_TARGET_COUNT_ROWS (TLS_STACKS * TLS_TARGET_STATES)

/* Map `tls_trust_counts`: array by stack * TLS_TRUSTS + trust. Value: __u64 probed files. */
#define TLS_TRUST_COUNT_ROWS (TLS_STACKS * TLS_TRUSTS)

/* Where a library keeps the client random inside its SSL object: at offset, or when `pointer` is set
 * at offset behind the pointer that lies there. A wrong place can only miss: the bytes found must be
 * those of a ClientHello that this host sent. */
struct tls_random_place {
	__u32 used;
	__u32 pointer; /* offset of the pointer in the SSL object; 0: no pointer */
	__u32 offset;
	__u32 name; /* offset of the pointer to the server's name in the SSL object; 0: not known */
};

/* Map `tls_slots`: array by slot; one for each probed file. Slot 0 takes what has none of its own:
 * kernels without attach cookies, and files beyond the limit. */
struct tls_slot {
	__u64 hits;	   /* calls of its functions, by whomever */
	__u64 attached_ns; /* when its probes were set; written by the observer */
	__u32 place;	   /* 1 + index into tls_random_places, once one was right; 0: not yet */
	__u32 object_at;   /* Go: bytes from the stack pointer to the object, where a read ends */
	__u64 opened;	   /* calls whose end was waited for */
	__u64 closed;	   /* of them ended with a result that fits */
	__u64 misfits;	   /* of them ended with more than was asked for: a probe is misplaced */

	/* Written by the observer, at any time. */
	struct tls_random_place
		found; /* where this build was seen to keep it; else `place` counts */
	__u32 reach;   /* enum tls_reach */
	__u32 trust;   /* enum tls_trust */
};

/*
 * What a probe's program must know of its place: the attach cookie. `adjust` is added to the stack
 * pointer there to have its value at the function's first instruction: a call's entry and its leave
 * find each other by that. `function` is the same at both, and differs within a file.
 * Kernels without cookies read 0; probes then sit where the programs expect them.
 */
#define TLS_COOKIE(slot, adjust, function)                                \
	((__u64)((slot)&0xffff) | ((__u64)(__u16)(__s16)(adjust) << 16) | \
	 ((__u64)((function)&0xff) << 32) | TLS_COOKIE_PLACED)
#define TLS_COOKIE_SLOT(cookie)	    ((__u32)(cookie)&0xffff)
#define TLS_COOKIE_ADJUST(cookie)   ((__s64)(__s16)((cookie) >> 16))
#define TLS_COOKIE_FUNCTION(cookie) ((__u16)((cookie) >> 32 & 0xff))
#define TLS_COOKIE_PLACED	    (1ULL << 40) /* there is an `adjust` */
/* A call instruction has pushed 8 bytes that the return has popped; arm64 keeps them elsewhere. */
#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
#define TLS_RETURN_POPS 8
#else
#define TLS_RETURN_POPS 0
#endif
/* Of a session: the return is to be seen, too. `adjust` is for the entry then. */
#define TLS_COOKIE_RETURNS (1ULL << 41)
/*
 * Of a place inside a read, where its result is known: which registers keep what it was called with, three
 * bits each, by enum tls_argument.
 */
#define TLS_COOKIE_KEEPS(argument, keeper)  ((__u64)(keeper) << (42 + 3 * (argument)))
#define TLS_COOKIE_KEEPER(cookie, argument) ((__u32)((cookie) >> (42 + 3 * (argument))) & 7)

enum tls_argument {
	TLS_ARGUMENT_OBJECT,
	TLS_ARGUMENT_BUFFER,
	TLS_ARGUMENT_LENGTH,
	TLS_ARGUMENT_COUNT, /* where it writes how much it has read */
	TLS_ARGUMENT_PEEK,  /* not 0: what is read now is read again */
	TLS_ARGUMENTS,
};

/* The registers that calls leave alone; of x86-64. */
enum tls_keeper {
	TLS_KEEPER_RBX,
	TLS_KEEPER_RBP,
	TLS_KEEPER_R12,
	TLS_KEEPER_R13,
	TLS_KEEPER_R14,
	TLS_KEEPER_R15,
	TLS_KEEPERS,
};

enum {
	TLS_TARGET_SLOTS = 256,	   /* different TLS files on one host; dozens on a busy one */
	TLS_STREAMS = 8192,	   /* LRU: open SSL objects that are followed */
	TLS_CALLS_ON_STACK = 4096, /* LRU: threads inside a TLS function at one moment */
	TELEGRAM_METHODS = 1024,   /* the Bot API has some 180 */
	TELEGRAM_METHOD_SIZE = 40, /* without NUL when full; the longest has 33 letters */
};

/* Map `telegram_methods`. Key: in lower case; value: as the Bot API spells it. Zero-padded. */
struct telegram_method {
	char name[TELEGRAM_METHOD_SIZE];
};

/* Map `tls_random_places`: array of struct tls_random_place; of known builds, tried in turn for files
 * whose own place is not known. */
enum {
	TLS_RANDOM_PLACES = 8
};

_Static_assert(sizeof(struct tls_slot) == 72, "contract");
_Static_assert(sizeof(struct telegram_method) == 40, "contract");
_Static_assert(sizeof(struct tls_random_place) == 16, "contract");

#endif
