// SPDX-License-Identifier: Apache-2.0
/* From a configuration to the rows of the kernel's tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "upstream_tables.h"

static const char first_text[] =
	"defaults: false\n"
	"upstreams:\n"
	"  - {name: web, kind: https, hosts: [web.test, \"*.web.test\"], "
	"ports: [443, 8443]}\n"
	"  - {name: net, kind: https, cidrs: [10.0.0.0/8, \"2001:db8::/32\"], "
	"ports: [443]}\n"
	"  - {name: db, kind: database, ports: [5432]}\n";
static const char second_text[] =
	"defaults: false\n"
	"upstreams:\n"
	"  - {name: cache, kind: tcp, ports: [6379]}\n"
	"  - {name: db, kind: database, hosts: [db.test], ports: [5432]}\n";

static struct config *config_of(const char *text)
{
	static struct config config;
	struct config_error error;

	if (config_parse(text, strlen(text), "test", &config, &error))
		fail_msg("%s", error.text);
	return &config;
}

static struct upstream_tables *plan(struct upstream_tables *tables, const char *text)
{
	assert_int_equal(upstream_tables_plan(config_of(text), tables), 0);
	return tables;
}

static __u32 host(const struct upstream_tables *tables, const char *name)
{
	size_t i;

	for (i = 0; i < tables->host_count; i++)
		if (!strcmp(tables->hosts[i].name.name, name))
			return tables->hosts[i].upstream;
	return 0;
}

static int watched(const struct upstream_tables *tables, unsigned int port)
{
	return tables->watched.bits[port / 8] >> port % 8 & 1;
}

static void ids_follow_the_configuration(void **state)
{
	struct upstream_tables *tables = plan(*state, first_text);

	assert_string_equal(tables->upstreams[1].name, "web");
	assert_int_equal(tables->upstreams[1].kind, UPSTREAM_HTTPS);
	assert_string_equal(tables->upstreams[2].name, "net");
	assert_string_equal(tables->upstreams[3].name, "db");
	assert_int_equal(tables->upstreams[3].kind, UPSTREAM_DATABASE);
	assert_string_equal(tables->upstreams[4].name, "");
	assert_int_equal(tables->upstreams[1].quiet_ns, 2000000000);
}

static void hosts_and_wildcards_are_told_apart_by_a_dot(void **state)
{
	struct upstream_tables *tables = plan(*state, first_text);

	assert_int_equal(tables->host_count, 2);
	assert_int_equal(host(tables, "web.test"), 1);
	assert_int_equal(host(tables, ".web.test"), 1);
}

static void networks_are_written_once_for_each_port(void **state)
{
	static const __u8 ten[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};
	struct upstream_tables *tables = plan(*state, first_text);
	const struct upstream_network_row *rows = tables->networks;

	assert_int_equal(tables->network_count, 3);
	assert_int_equal(rows[0].upstream, 2);
	assert_int_equal(rows[0].key.prefix_length, 16 + 96 + 8);
	assert_int_equal(rows[0].key.port[0] << 8 | rows[0].key.port[1], 443);
	assert_memory_equal(rows[0].key.address, ten, 16);
	assert_int_equal(rows[1].key.prefix_length, 16 + 32);
	/* A database without hosts and networks: the port alone. */
	assert_int_equal(rows[2].upstream, 3);
	assert_int_equal(rows[2].key.prefix_length, 16);
	assert_int_equal(rows[2].key.port[0] << 8 | rows[2].key.port[1], 5432);
}

static void ports_are_watched_and_dns_with_them(void **state)
{
	struct upstream_tables *tables = plan(*state, first_text);
	unsigned int port, count = 0;

	for (port = 0; port < 65536; port++)
		count += (unsigned int)watched(tables, port);
	assert_int_equal(count, 5);
	assert_true(watched(tables, 443) && watched(tables, 8443) && watched(tables, 5432));
	assert_true(watched(tables, 53) && watched(tables, 0));
	assert_int_equal(tables->port_count, 4);
}

static void without_hosts_no_dns_is_watched(void **state)
{
	struct upstream_tables *tables =
		plan(*state, "defaults: false\nupstreams:\n"
			     "  - {name: cache, kind: tcp, ports: [6379]}\n");

	assert_true(watched(tables, 6379));
	assert_false(watched(tables, 53) || watched(tables, 0));
}

static void an_id_stays_with_its_name(void **state)
{
	struct upstream_tables *tables = plan(*state, first_text);

	plan(tables, second_text);
	assert_string_equal(tables->upstreams[1].name, "web");
	assert_int_equal(tables->upstreams[1].kind, UPSTREAM_UNUSED);
	assert_int_equal(tables->upstreams[3].kind, UPSTREAM_DATABASE);
	assert_string_equal(tables->upstreams[4].name, "cache");
	assert_int_equal(tables->upstreams[4].kind, UPSTREAM_TCP);
	assert_int_equal(host(tables, "web.test"), 0);
	assert_int_equal(host(tables, "db.test"), 3);
	/* With a host, the port alone does not decide any more. */
	assert_int_equal(tables->network_count, 1);
	assert_int_equal(tables->networks[0].upstream, 4);
	assert_false(watched(tables, 443));
}

static void more_names_than_ids_are_refused(void **state)
{
	struct upstream_tables *tables = *state;
	char text[256];
	unsigned int round;

	for (round = 1; round < MAX_UPSTREAMS; round++) {
		snprintf(text, sizeof(text),
			 "defaults: false\nupstreams:\n  - {name: u%u, kind: tcp, ports: [1]}\n",
			 round);
		plan(tables, text);
	}
	assert_int_equal(upstream_tables_plan(config_of(second_text), tables), -ENOSPC);
}

static int new_tables(void **state)
{
	*state = calloc(1, sizeof(struct upstream_tables));
	return *state ? 0 : -1;
}

static int free_tables(void **state)
{
	free(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_tables, free_tables)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ids_follow_the_configuration),
		TEST(hosts_and_wildcards_are_told_apart_by_a_dot),
		TEST(networks_are_written_once_for_each_port),
		TEST(ports_are_watched_and_dns_with_them),
		TEST(without_hosts_no_dns_is_watched),
		TEST(an_id_stays_with_its_name),
		TEST(more_names_than_ids_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
