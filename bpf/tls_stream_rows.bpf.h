/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_STREAM_ROWS_BPF_H
#define OPERAGLASS_TLS_STREAM_ROWS_BPF_H

#include "tls.h"
#include "tls_object.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TLS_STREAMS);
	__type(key, struct tls_stream_key);
	__type(value, struct tls_stream);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_streams SEC(".maps");

#endif
