/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_LOST_H
#define OPERAGLASS_LOST_H

/*
 * Every way in which the kernel half can lose something, one counter each: index into the map
 * `lost` (array of __u64) and the labels of operaglass_lost_total{where,cause}.
 * A new one goes to the end: the numbers live in pinned maps.
 */
#define LOST_CAUSES(X)                                                 \
	X(PROCESSES_FULL, "processes", "table_full")                   \
	X(PROCESS_REUSED, "processes", "pid_reused_early")             \
	X(TOOLS_FULL, "tools", "table_full")                           \
	X(AGENT_EXITS_FULL, "agent_exits", "table_full")               \
	X(CONNECTIONS_FULL, "connections", "table_full")               \
	X(HELLO_FULL, "client_hello", "table_full")                    \
	X(HELLO_MALFORMED, "client_hello", "malformed")                \
	X(HELLO_TOO_LONG, "client_hello", "too_long")                  \
	X(DNS_MALFORMED, "dns", "malformed")                           \
	X(DNS_TABLE_FULL, "dns", "table_full")                         \
	X(ATTEMPTS_FULL, "attempts", "table_full")                     \
	X(RECORDS_OUT_OF_STEP, "tls_records", "out_of_step")           \
	X(ENDPOINTS_FULL, "endpoints", "table_full")                   \
	X(CALLS_FULL, "calls", "table_full")                           \
	X(CALLS_PIPELINED, "calls", "too_many_in_flight")              \
	X(STREAMS_FULL, "tls_streams", "table_full")                   \
	X(HTTP_MALFORMED, "http", "malformed")                         \
	X(HTTP_TOO_LONG, "http", "head_too_long")                      \
	X(USER_MEMORY, "http", "user_memory_unreadable")               \
	X(SERIES_FULL, "call_series", "table_full")                    \
	X(FACTS_FULL, "facts", "ring_full")                            \
	X(PEAK_HIDDEN, "peak_memory", "hidden_by_former_image")        \
	X(TLS_TARGETS_FULL, "tls_targets", "table_full")               \
	X(TLS_TARGETS_MAY_HANG, "tls_targets", "file_system_may_hang") \
	X(TLS_MEMORY_LOCKED, "tls_targets", "process_memory_locked")

#define LOST_ENUM(name, where, cause) LOST_##name,
enum lost_cause {
	LOST_CAUSES(LOST_ENUM) LOST_COUNT
};
#undef LOST_ENUM

#endif
