/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_FACT_H
#define OPERAGLASS_FACT_H

#include <linux/types.h>
#include "sizes.h"

/*
 * Records of the ring buffer `facts`: what must be seen one by one. No counter is made of them: a
 * full ring costs a log line or a trace, never a number, and the loss is counted (LOST_FACTS_FULL).
 *
 * Every record begins with struct fact_head. A reader skips kinds it does not know and records
 * whose size is smaller than the kind's; new members go to the end. Numbers are never reused.
 * Times are nanoseconds of CLOCK_BOOTTIME, durations nanoseconds.
 */

enum fact_kind {
	FACT_AGENT_START = 1,
	FACT_AGENT_END = 2,
	FACT_CALL = 3,
};

/* 256 KiB: at 80 bytes a record, 3,200 ends between two drains of the reader. */
#define FACTS_RING_SIZE (256 * 1024)

struct fact_head {
	__u32 kind; /* enum fact_kind */
	__u32 size; /* of the whole record */
	__u64 time_ns;
};

struct fact_agent_start {
	struct fact_head head;
	__u64 start_ns; /* of the process; with tgid its identity */
	__u32 tgid;
	__u32 forker; /* tgid of the process that called fork; 0: unknown */
	__u16 type;   /* agent type id */
	__u8 reserved[6];
};

struct fact_agent_end {
	struct fact_head head;
	__u64 start_ns;
	__u64 run_ns;	  /* length of the agent's life */
	__u64 cpu_ns;	  /* of the agent's own process, up to a scheduler tick low */
	__u64 peak_bytes; /* resident; 0: unknown */
	__u32 tgid;
	__u32 status; /* as wait4 reports it */
	__u16 type;
	__u8 reason; /* enum end_reason of process.h */
	__u8 sender; /* enum signal_sender of process.h; of the signal that ended it */
	__u8 reserved[4];
};

/* A call to the Bot API's sendMessage; no other is told. */
struct fact_call {
	struct fact_head head;
	__u64 begin_ns;
	__u64 duration_ns;   /* to the response's last byte, or to the failure */
	__u64 first_byte_ns; /* after begin_ns; 0: no response */
	__u32 tgid;
	__u16 upstream; /* id */
	__u16 status;	/* 0: unknown */
	__u8 method;	/* enum http_method of call.h */
	__u8 failure;	/* enum call_failure of call.h */
	__u8 flags;	/* enum call_flag of call.h */
	__u8 reserved[5];
	char endpoint[ENDPOINT_SIZE];
	/* Of the caller's agent, as the map `processes` had it; the caller may be gone when this is
	 * read. 0: none. */
	__u64 root_start_ns;
	__u32 root;
	__u32 reserved_end;
};

_Static_assert(sizeof(struct fact_head) == 16, "contract");
_Static_assert(sizeof(struct fact_agent_start) == 40, "contract");
_Static_assert(sizeof(struct fact_agent_end) == 64, "contract");
_Static_assert(sizeof(struct fact_call) == 120, "contract");

#endif
