/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_UNJOINED_BPF_H
#define OPERAGLASS_UNJOINED_BPF_H

#include "call.h"
#include "process.h"
#include "tls_object.bpf.h"

/*
 * When a decoded call without a socket is over although no answer came: its connection is older than
 * Operaglass, or its client random was never found, so that no end of a connection tells.
 */

/* Nobody waits so long for an answer: the process has closed it in a way that cannot be seen. */
#define UNJOINED_PATIENCE_NS (3600 * 1000000000ULL)

/*
 * stream: the row of the call's SSL object; process: of the call's tgid; NULL: there is none.
 * all_listed: no living process has ever been refused a row.
 */
static __always_inline bool unjoined_is_over(const struct call_key *key, const struct call *call,
					     const struct tls_stream *stream,
					     const struct process *process, bool all_listed,
					     __u64 now)
{
	/* Its object was freed, speaks on another connection, or is not followed any more. */
	if (!stream || stream->sock || stream->state == TLS_STREAM_IGNORED ||
	    (__s32)(key->sequence - stream->first_call) < 0)
		return true;
	/* Its process has ended, or it is another one that has got the same number. */
	if (process ? process->exited || process->start_ns > call->begin_ns : all_listed)
		return true;
	return (__s64)(now - call->begin_ns) > (__s64)UNJOINED_PATIENCE_NS;
}

#endif
