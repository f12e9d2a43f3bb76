// SPDX-License-Identifier: Apache-2.0
/* Which connections belong to which upstream, as the maps of the kernel half hold it.
 *
 * Ids: the counters of an upstream are keyed by its id, so as long as the maps live an id belongs to
 * one name, also after that name has gone from the configuration (its kind is then UPSTREAM_UNUSED);
 * id 0 means "not watched".
 */
#ifndef OPERAGLASS_UPSTREAM_TABLES_H
#define OPERAGLASS_UPSTREAM_TABLES_H

#include <stddef.h>

#include "config.h"
#include "connection.h"

/* Each network on each port of its upstream, and ports that stand alone. */
#define UPSTREAM_NETWORKS_MAX 2048

struct upstream_host_row {
	struct host_name name;
	__u32 upstream;
};

struct upstream_network_row {
	struct network_key key;
	__u32 upstream;
};

/* Some 130 KiB: keep it off small stacks. */
struct upstream_tables {
	struct upstream upstreams[MAX_UPSTREAMS]; /* by id */
	size_t host_count, network_count, port_count;
	struct upstream_host_row hosts[CONFIG_HOSTS_MAX];
	struct upstream_network_row networks[UPSTREAM_NETWORKS_MAX];
	struct upstream_port_key ports[CONFIG_PORTS_MAX];
	struct port_bitmap watched;
};

struct upstream_table_fds {
	int upstreams; /* maps of these names: upstreams, hosts, networks, … */
	int hosts;
	int networks;
	int upstream_ports;
	int watched_ports;
};

/*
 * Pure. tables->upstreams holds the names that ids were given to before (all zero at first); the
 * rest of *tables is written. 0, or -ENOSPC when more than MAX_UPSTREAMS - 1 names ever had an id,
 * or there are more than UPSTREAM_NETWORKS_MAX networks times ports; *tables is then not to be used.
 */
int upstream_tables_plan(const struct config *config, struct upstream_tables *tables);

/*
 * Brings the maps up to the configuration: new upstreams get ids, entries are added, changed and
 * taken out. A connection that begins meanwhile finds the old entry or the new one. Returns 0 or
 * -errno (logged).
 */
int upstream_tables_fill(const struct upstream_table_fds *fds, const struct config *config);

#endif
