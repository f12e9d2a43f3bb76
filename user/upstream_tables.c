// SPDX-License-Identifier: Apache-2.0
#include "upstream_tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define DNS_PORT 53

_Static_assert(CONFIG_LABEL_SIZE == UPSTREAM_NAME_SIZE, "a configured name is a value as it is");
_Static_assert(CONFIG_UPSTREAMS_MAX < MAX_UPSTREAMS, "id 0 means none");
_Static_assert(CONFIG_HOST_SIZE + 1 < HOST_NAME_SIZE, "a wildcard is its host behind a dot");
_Static_assert((int)CONFIG_KIND_TELEGRAM == (int)UPSTREAM_TELEGRAM, "kinds have one number");
_Static_assert((int)CONFIG_KIND_HTTPS == (int)UPSTREAM_HTTPS, "kinds have one number");
_Static_assert((int)CONFIG_KIND_DATABASE == (int)UPSTREAM_DATABASE, "kinds have one number");
_Static_assert((int)CONFIG_KIND_TCP == (int)UPSTREAM_TCP, "kinds have one number");

static int upstream_id(struct upstream_tables *tables, const char *name, __u16 *ret_id)
{
	__u16 id, unused = 0;

	for (id = 1; id < MAX_UPSTREAMS; id++) {
		if (!strncmp(tables->upstreams[id].name, name, UPSTREAM_NAME_SIZE)) {
			*ret_id = id;
			return 0;
		}
		if (!unused && !tables->upstreams[id].name[0])
			unused = id;
	}
	if (!unused)
		return -ENOSPC;
	strncpy(tables->upstreams[unused].name, name, UPSTREAM_NAME_SIZE - 1);
	*ret_id = unused;
	return 0;
}

static void watch_port(struct upstream_tables *tables, uint16_t port)
{
	tables->watched.bits[port / 8] |= (__u8)(1 << port % 8);
}

/* `address` NULL: every address. */
static int add_network(struct upstream_tables *tables, uint16_t port, const uint8_t *address,
		       uint8_t prefix, __u32 upstream)
{
	struct upstream_network_row *row = &tables->networks[tables->network_count];

	if (tables->network_count == UPSTREAM_NETWORKS_MAX)
		return -ENOSPC;
	memset(row, 0, sizeof(*row));
	row->key.prefix_length = 16 + (__u32)prefix;
	row->key.port[0] = (__u8)(port >> 8);
	row->key.port[1] = (__u8)port;
	if (address)
		memcpy(row->key.address, address, sizeof(row->key.address));
	row->upstream = upstream;
	tables->network_count++;
	return 0;
}

static void add_host(struct upstream_tables *tables, const struct config_host *host, __u32 upstream)
{
	struct upstream_host_row *row = &tables->hosts[tables->host_count++];

	memset(row, 0, sizeof(*row));
	if (host->wildcard)
		row->name.name[0] = '.';
	strncpy(row->name.name + host->wildcard, host->text, HOST_NAME_SIZE - 2);
	row->upstream = upstream;
}

/* An upstream without hosts and networks takes what is left on its ports. */
static bool stands_alone(const struct config *config, uint8_t upstream)
{
	uint32_t i;

	if (config->upstreams[upstream].kind != CONFIG_KIND_DATABASE &&
	    config->upstreams[upstream].kind != CONFIG_KIND_TCP)
		return false;
	for (i = 0; i < config->host_count; i++)
		if (config->hosts[i].upstream == upstream)
			return false;
	for (i = 0; i < config->cidr_count; i++)
		if (config->cidrs[i].upstream == upstream)
			return false;
	return true;
}

static int plan_port(const struct config *config, const struct config_port *port, __u16 id,
		     struct upstream_tables *tables)
{
	const struct config_cidr *cidr;
	uint32_t i;
	int code;

	watch_port(tables, port->port);
	tables->ports[tables->port_count++] =
		(struct upstream_port_key){.upstream = id, .port = port->port};
	if (stands_alone(config, port->upstream))
		return add_network(tables, port->port, NULL, 0, id);
	for (i = 0; i < config->cidr_count; i++) {
		cidr = &config->cidrs[i];
		if (cidr->upstream != port->upstream)
			continue;
		code = add_network(tables, port->port, cidr->address, cidr->prefix, id);
		if (code)
			return code;
	}
	return 0;
}

int upstream_tables_plan(const struct config *config, struct upstream_tables *tables)
{
	__u16 ids[CONFIG_UPSTREAMS_MAX], id;
	uint32_t i;
	int code;

	for (id = 0; id < MAX_UPSTREAMS; id++)
		tables->upstreams[id].kind = UPSTREAM_UNUSED;
	memset((char *)tables + sizeof(tables->upstreams), 0,
	       sizeof(*tables) - sizeof(tables->upstreams));
	for (i = 0; i < config->upstream_count; i++) {
		code = upstream_id(tables, config->upstreams[i].name, &ids[i]);
		if (code)
			return code;
		tables->upstreams[ids[i]].kind = config->upstreams[i].kind;
		tables->upstreams[ids[i]].quiet_ns = config->upstreams[i].quiet_ns;
	}
	for (i = 0; i < config->host_count; i++)
		add_host(tables, &config->hosts[i], ids[config->hosts[i].upstream]);
	/* Questions for watched names; a datagram socket that is not connected has port 0. */
	if (config->host_count) {
		watch_port(tables, DNS_PORT);
		watch_port(tables, 0);
	}
	for (i = 0; i < config->port_count; i++) {
		code = plan_port(config, &config->ports[i], ids[config->ports[i].upstream], tables);
		if (code)
			return code;
	}
	return 0;
}

struct table {
	const char *name;
	int fd;
	size_t key_size;
	const void *rows; /* a key, then a __u32 */
	size_t count, row_size;
	bool no_value; /* the value is 1 */
};

static bool has_key(const struct table *table, const void *key)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		if (!memcmp((const char *)table->rows + i * table->row_size, key, table->key_size))
			return true;
	return false;
}

/* Room first, as the table may be full of what goes; then what is new. */
static int write_table(const struct table *table)
{
	unsigned char key[sizeof(struct host_name)], next[sizeof(struct host_name)];
	const unsigned char *row;
	bool more;
	__u32 value = 1;
	size_t i;

	more = !bpf_map_get_next_key(table->fd, NULL, next);
	while (more) {
		memcpy(key, next, table->key_size);
		more = !bpf_map_get_next_key(table->fd, key, next);
		if (!has_key(table, key))
			bpf_map_delete_elem(table->fd, key);
	}
	for (i = 0; i < table->count; i++) {
		row = (const unsigned char *)table->rows + i * table->row_size;
		if (!table->no_value)
			memcpy(&value, row + table->key_size, sizeof(value));
		if (bpf_map_update_elem(table->fd, row, &value, BPF_ANY))
			return log_error(-errno, "cannot write map '%s': %s", table->name,
					 strerror(errno));
	}
	return 0;
}

static int write_rows(const struct upstream_table_fds *fds, const struct upstream_tables *tables)
{
	const struct table all[] = {
		{"hosts", fds->hosts, sizeof(struct host_name), tables->hosts, tables->host_count,
		 sizeof(tables->hosts[0]), false},
		{"networks", fds->networks, sizeof(struct network_key), tables->networks,
		 tables->network_count, sizeof(tables->networks[0]), false},
		{"upstream_ports", fds->upstream_ports, sizeof(struct upstream_port_key),
		 tables->ports, tables->port_count, sizeof(tables->ports[0]), true},
	};
	__u32 id, zero = 0;
	size_t i;
	int code;

	for (id = 0; id < MAX_UPSTREAMS; id++)
		if (bpf_map_update_elem(fds->upstreams, &id, &tables->upstreams[id], BPF_ANY))
			return log_error(-errno, "cannot write map 'upstreams': %s",
					 strerror(errno));
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		code = write_table(&all[i]);
		if (code)
			return code;
	}
	if (bpf_map_update_elem(fds->watched_ports, &zero, &tables->watched, BPF_ANY))
		return log_error(-errno, "cannot write map 'watched_ports': %s", strerror(errno));
	return 0;
}

int upstream_tables_fill(const struct upstream_table_fds *fds, const struct config *config)
{
	struct upstream_tables *tables = calloc(1, sizeof(*tables));
	int code = 0;
	__u32 id;

	if (!tables)
		return log_error(-ENOMEM, "cannot fill the upstream tables: out of memory");
	for (id = 0; id < MAX_UPSTREAMS && !code; id++)
		if (bpf_map_lookup_elem(fds->upstreams, &id, &tables->upstreams[id]))
			code = log_error(-errno, "cannot read map 'upstreams': %s",
					 strerror(errno));
	if (!code) {
		code = upstream_tables_plan(config, tables);
		if (code)
			log_error(code,
				  "more than %d upstreams since the programs were loaded, or "
				  "more than %d networks times ports: restart after "
				  "'operaglass unload', or configure fewer",
				  MAX_UPSTREAMS - 1, UPSTREAM_NETWORKS_MAX);
	}
	if (!code)
		code = write_rows(fds, tables);
	free(tables);
	return code;
}
