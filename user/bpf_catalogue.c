// SPDX-License-Identifier: Apache-2.0
#include "bpf_catalogue.h"

#include <errno.h>
#include <string.h>

#include "connect.skel.h"
#include "connect_old.skel.h"
#include "process.skel.h"
#include "process_old.skel.h"
#include "socket.skel.h"
#include "socket_old.skel.h"
#include "state.skel.h"
#include "state_old.skel.h"
#include "tls.skel.h"
#include "tls_old.skel.h"
#include "tls_targets.h"
#include "sweep.skel.h"
#include "sweep_old.skel.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES(object)                                                \
	{                                                            \
		object##_bpf__elf_bytes, object##_old_bpf__elf_bytes \
	}

#define LONG_ENDS "failures of more than 16 calls of HTTP/2 that a connection's end breaks off"

/* clang-format off: one object, one program, one row */
const struct bpf_object_row bpf_objects[] = {
	{"process", "process", false, BYTES(process), NULL,
	 "usage of more than 64 threads of a process before they end"},
	{"socket", "socket", false, BYTES(socket), NULL, NULL},
	{"state", "socket", false, BYTES(state), NULL, LONG_ENDS},
	{"tls", "tls", false, BYTES(tls), tls_targets_prepare, "HTTP/2, and heads above 15 KB"},
	{"connect", "socket", true, BYTES(connect), NULL, NULL},
	{"sweep", "socket", true, BYTES(sweep), NULL, LONG_ENDS},
};
const size_t bpf_object_count = COUNT(bpf_objects);

const struct bpf_program_row bpf_programs[] = {
	{"process", "process_fork", BPF_ATTACH_TRACEPOINT, 0, "agents and tools", NULL},
	{"process", "process_exec", BPF_ATTACH_TRACEPOINT, 0, "agents and tools", NULL},
	{"process", "process_signal", BPF_ATTACH_TRACEPOINT, 0,
	 "who sent the signal that ended an agent", NULL},
	{"process", "process_exit", BPF_ATTACH_TRACEPOINT, 0, "ends of agents and tools", NULL},
	{"process", "process_free", BPF_ATTACH_TRACEPOINT, 0,
	 "exact CPU time and I/O of agents and tools", NULL},
	{"process", "members", BPF_ATTACH_ITERATOR, 0, "living agents", NULL},
	{"process", "bootstrap", BPF_ATTACH_ITERATOR, 0, "agents that ran before operaglass", NULL},
	{"socket", "socket_egress", BPF_ATTACH_CGROUP, BPF_CGROUP_INET_EGRESS,
	 "calls and connections", NULL},
	{"socket", "socket_ingress", BPF_ATTACH_CGROUP, BPF_CGROUP_INET_INGRESS,
	 "calls and DNS times", NULL},
	{"state", "socket_state", BPF_ATTACH_TRACEPOINT, 0, "calls and connections", NULL},
	{"connect", "socket_connect4", BPF_ATTACH_CGROUP, BPF_CGROUP_INET4_CONNECT,
	 "connections that failed for want of a route", NULL},
	{"connect", "socket_connect6", BPF_ATTACH_CGROUP, BPF_CGROUP_INET6_CONNECT,
	 "connections that failed for want of a route", NULL},
	{"sweep", "sweep_connections", BPF_ATTACH_ITERATOR, 0,
	 "opaque calls before their connection is used again", "connections"},
	{"sweep", "sweep_calls", BPF_ATTACH_ITERATOR, 0,
	 "failures of decoded calls that no socket is known of", "calls"},
	{"sweep", "sweep_http2", BPF_ATTACH_ITERATOR, 0, "endpoint and status of calls over HTTP/2",
	 "http2_connections"},
	{"sweep", "sweep_attempts", BPF_ATTACH_ITERATOR, 0,
	 "failed connects before the next attempt", "attempts"},
	{"sweep", "sweep_lookups", BPF_ATTACH_ITERATOR, 0, "DNS questions without an answer",
	 "lookups"},
	{"sweep", "sweep_routes", BPF_ATTACH_ITERATOR, 0,
	 "connects without a route before the next attempt", "routes"},
	{"tls", "og_tls_write", BPF_ATTACH_TLS, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_write_ex", BPF_ATTACH_TLS, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_read", BPF_ATTACH_TLS, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_write_ex_moved", BPF_ATTACH_TLS, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_read_ex", BPF_ATTACH_TLS, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_inside", BPF_ATTACH_TLS, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_leave", BPF_ATTACH_TLS, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_callee", BPF_ATTACH_TLS, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_write_only", BPF_ATTACH_TLS, 0,
	 "endpoint of calls of libraries whose results are not probed cheaply", NULL},
	{"tls", "og_tls_free", BPF_ATTACH_TLS, 0,
	 "failures of decoded calls that no socket is known of", NULL},
	{"tls", "og_tls_nss_write", BPF_ATTACH_TLS, 0, "endpoint and status of calls of NSS", NULL},
	{"tls", "og_tls_nss_read", BPF_ATTACH_TLS, 0, "endpoint and status of calls of NSS", NULL},
	{"tls", "og_tls_nss_recv", BPF_ATTACH_TLS, 0, "endpoint and status of calls of NSS", NULL},
	{"tls", "og_tls_nss_close", BPF_ATTACH_TLS, 0,
	 "failures of decoded calls of NSS that no socket is known of", NULL},
	{"tls", "og_tls_go_write", BPF_ATTACH_TLS, 0, "endpoint and status of calls of Go", NULL},
	{"tls", "og_tls_go_read", BPF_ATTACH_TLS, 0, "endpoint and status of calls of Go", NULL},
	{"tls", "og_tls_lines", BPF_ATTACH_TAIL, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_decode", BPF_ATTACH_TAIL, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_event", BPF_ATTACH_TAIL, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_path", BPF_ATTACH_TAIL, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_host", BPF_ATTACH_TAIL, 0, "endpoint and status of calls", NULL},
	{"tls", "og_tls_http2", BPF_ATTACH_TAIL, 0, "endpoint and status of calls over HTTP/2",
	 NULL},
	{"tls", "og_tls_authority", BPF_ATTACH_TAIL, 0, "endpoint and status of calls over HTTP/2",
	 NULL},
};
/* clang-format on */
const size_t bpf_program_count = COUNT(bpf_programs);

int bpf_catalogue_find(const char *program)
{
	size_t i;

	for (i = 0; i < bpf_program_count; i++)
		if (!strcmp(bpf_programs[i].name, program))
			return (int)i;
	return -ENOENT;
}
