// SPDX-License-Identifier: Apache-2.0
/* The maps through which the observer and bpf/tls.bpf.c, and the exporter, understand each other about TLS
 * targets. */
#ifndef OPERAGLASS_TLS_TABLES_H
#define OPERAGLASS_TLS_TABLES_H

struct bpf_set;
struct tls_targets;

/* Once, before anything is attached: what tls.bpf.c calls and reads. -ENOENT: the set has no such map or
 * program; or -errno. */
int tls_tables_fill(const struct bpf_set *set);

/* How many targets there are by stack and state, and by stack and trust, for the exporter. */
void tls_tables_publish(const struct tls_targets *targets);

#endif
