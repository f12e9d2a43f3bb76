// SPDX-License-Identifier: Apache-2.0
/* DNS messages of every shape, whole and broken, each at a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../guard_page.h"
#include "parse_dns.bpf.h"

#define ROOM 4096

struct packet {
	uint8_t bytes[ROOM];
	size_t size;
};

struct parsed {
	struct dns_message message;
	char name[2 * HOST_NAME_SIZE] __attribute__((aligned(8)));
	int question, answers;
};

static void put(struct packet *packet, unsigned int width, size_t value)
{
	while (width--)
		packet->bytes[packet->size++] = (uint8_t)(value >> 8 * width);
}

/* "a.b" as labels; "@12" as a pointer; a trailing "@12" ends with one. */
static void put_name(struct packet *packet, const char *name)
{
	size_t length;

	while (*name && *name != '@') {
		length = strcspn(name, ".");
		put(packet, 1, length);
		memcpy(packet->bytes + packet->size, name, length);
		packet->size += length;
		name += length + (name[length] == '.');
	}
	if (*name == '@')
		put(packet, 2, 0xc000 | strtoul(name + 1, NULL, 10));
	else
		put(packet, 1, 0);
}

static struct packet *message_of(unsigned int flags, unsigned int answers, const char *name,
				 unsigned int type)
{
	static struct packet packet;

	memset(&packet, 0, sizeof(packet));
	put(&packet, 2, 0x1234);
	put(&packet, 2, flags);
	put(&packet, 2, 1);
	put(&packet, 2, answers);
	put(&packet, 4, 0);
	put_name(&packet, name);
	put(&packet, 2, type);
	put(&packet, 2, 1);
	return &packet;
}

static void put_record(struct packet *packet, const char *owner, unsigned int type,
		       const void *data, size_t size)
{
	put_name(packet, owner);
	put(packet, 2, type);
	put(packet, 2, 1);
	put(packet, 4, 60);
	put(packet, 2, size);
	memcpy(packet->bytes + packet->size, data, size);
	packet->size += size;
}

static void put_cname(struct packet *packet, const char *owner, const char *target)
{
	size_t length_at;

	put_name(packet, owner);
	put(packet, 2, 5);
	put(packet, 2, 1);
	put(packet, 4, 60);
	length_at = packet->size;
	put(packet, 2, 0);
	put_name(packet, target);
	packet->bytes[length_at + 1] = (uint8_t)(packet->size - length_at - 2);
}

static struct parsed *parse(const uint8_t *bytes, size_t size)
{
	static struct parsed parsed;
	struct guarded guarded = guard(bytes, size);

	memset(&parsed, 0, sizeof(parsed));
	parsed.answers = -1;
	parsed.question = dns_parse_question(guarded.bytes, (__u32)size, (__u8 *)parsed.name,
					     &parsed.message);
	if (!parsed.question)
		parsed.answers = dns_parse_answers(guarded.bytes, (__u32)size, &parsed.message);
	unguard(&guarded);
	return &parsed;
}

static void assert_v4(const struct parsed *parsed, unsigned int index, const uint8_t address[4])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	assert_true(index < parsed->message.address_count);
	assert_memory_equal(parsed->message.addresses[index], mapped, 12);
	assert_memory_equal(parsed->message.addresses[index] + 12, address, 4);
}

static void a_question_is_read_in_lower_case(void **state)
{
	struct packet *packet = message_of(0x0100, 0, "API.tELegram.org", DNS_TYPE_AAAA);
	struct parsed *parsed = parse(packet->bytes, packet->size);

	(void)state;
	assert_int_equal(parsed->question, 0);
	assert_string_equal(parsed->name, "api.telegram.org");
	assert_int_equal(parsed->message.name_length, 16);
	assert_int_equal(parsed->message.id, 0x1234);
	assert_int_equal(parsed->message.type, DNS_TYPE_AAAA);
	assert_int_equal(parsed->message.response, 0);
	assert_int_equal(parsed->message.answers_at, packet->size);
}

static void the_rest_of_the_name_stays_zero(void **state)
{
	struct packet *packet = message_of(0x0100, 0, "a.b", DNS_TYPE_A);
	struct parsed *parsed = parse(packet->bytes, packet->size);
	size_t i;

	(void)state;
	for (i = 3; i < sizeof(parsed->name); i++)
		assert_int_equal(parsed->name[i], 0);
}

static void the_code_of_a_response_is_read(void **state)
{
	struct packet *packet = message_of(0x8183, 0, "api.telegram.org", DNS_TYPE_A);
	struct parsed *parsed = parse(packet->bytes, packet->size);

	(void)state;
	assert_int_equal(parsed->message.response, 1);
	assert_int_equal(parsed->message.code, 3);
	assert_int_equal(parsed->answers, 0);
	assert_int_equal(parsed->message.address_count, 0);
}

static void addresses_are_kept_whatever_their_owner_is_called(void **state)
{
	static const uint8_t one[4] = {149, 154, 167, 220}, two[4] = {149, 154, 167, 221};
	static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
	struct packet *packet = message_of(0x8180, 4, "api.telegram.org", DNS_TYPE_A);
	struct parsed *parsed;

	(void)state;
	put_cname(packet, "@12", "edge.example@16");
	put_record(packet, "edge.example.telegram.org", DNS_TYPE_A, one, 4);
	put_record(packet, "edge.example@16", DNS_TYPE_A, two, 4);
	put_record(packet, "@12", DNS_TYPE_AAAA, six, 16);
	parsed = parse(packet->bytes, packet->size);
	assert_int_equal(parsed->answers, 0);
	assert_int_equal(parsed->message.address_count, 3);
	assert_v4(parsed, 0, one);
	assert_v4(parsed, 1, two);
	assert_memory_equal(parsed->message.addresses[2], six, 16);
}

static void other_records_and_wrong_sizes_give_no_address(void **state)
{
	static const uint8_t data[16] = {1, 2, 3, 4};
	struct packet *packet = message_of(0x8180, 4, "a.b", DNS_TYPE_A);
	struct parsed *parsed;

	(void)state;
	put_record(packet, "@12", 16, data, 4);
	put_record(packet, "@12", DNS_TYPE_A, data, 5);
	put_record(packet, "@12", DNS_TYPE_AAAA, data, 4);
	put_record(packet, "@12", DNS_TYPE_A, data, 4);
	parsed = parse(packet->bytes, packet->size);
	assert_int_equal(parsed->answers, 0);
	assert_int_equal(parsed->message.address_count, 1);
	assert_v4(parsed, 0, data);
}

static void more_addresses_than_there_is_room_for_are_left(void **state)
{
	struct packet *packet = message_of(0x8180, 40, "a.b", DNS_TYPE_A);
	struct parsed *parsed;
	uint8_t address[4] = {10, 0, 0, 0};

	(void)state;
	for (address[3] = 0; address[3] < 40; address[3]++)
		put_record(packet, "@12", DNS_TYPE_A, address, 4);
	parsed = parse(packet->bytes, packet->size);
	assert_int_equal(parsed->answers, 0);
	assert_int_equal(parsed->message.address_count, DNS_ADDRESSES);
	address[3] = DNS_ADDRESSES - 1;
	assert_v4(parsed, DNS_ADDRESSES - 1, address);
}

static void a_pointer_loop_is_not_followed(void **state)
{
	static const uint8_t address[4] = {10, 0, 0, 1};
	struct packet *packet = message_of(0x8180, 1, "a.b", DNS_TYPE_A);
	char self[8];

	(void)state;
	snprintf(self, sizeof(self), "@%zu", packet->size);
	put_record(packet, self, DNS_TYPE_A, address, 4);
	assert_int_equal(parse(packet->bytes, packet->size)->message.address_count, 1);
}

static void the_largest_name_is_read_and_a_larger_one_refused(void **state)
{
	/* 63 + 63 + 63 + 61 letters and three dots are 253. */
	char name[260], label[64];
	struct packet *packet;
	struct parsed *parsed;

	(void)state;
	memset(label, 'n', 63);
	label[63] = '\0';
	snprintf(name, sizeof(name), "%s.%s.%s.%.61s", label, label, label, label);
	packet = message_of(0x0100, 0, name, DNS_TYPE_A);
	parsed = parse(packet->bytes, packet->size);
	assert_int_equal(parsed->question, 0);
	assert_string_equal(parsed->name, name);
	snprintf(name, sizeof(name), "%s.%s.%s.%.62s", label, label, label, label);
	packet = message_of(0x0100, 0, name, DNS_TYPE_A);
	assert_int_equal(parse(packet->bytes, packet->size)->question, -1);
}

static void names_of_too_many_labels_are_refused(void **state)
{
	struct packet *packet = message_of(0x0100, 0, "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o", 1);

	(void)state;
	assert_int_equal(parse(packet->bytes, packet->size)->question, 0);
	packet = message_of(0x0100, 0, "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t", 1);
	assert_int_equal(parse(packet->bytes, packet->size)->question, -1);
}

static void odd_questions_are_refused(void **state)
{
	struct packet *packet = message_of(0x0100, 0, "", DNS_TYPE_A);

	(void)state;
	assert_int_equal(parse(packet->bytes, packet->size)->question, -1); /* the root */
	packet = message_of(0x0100, 0, "@12", DNS_TYPE_A);
	assert_int_equal(parse(packet->bytes, packet->size)->question, -1); /* a pointer */
	packet = message_of(0x0100, 0, "a.b", DNS_TYPE_A);
	packet->bytes[5] = 2; /* two questions */
	assert_int_equal(parse(packet->bytes, packet->size)->question, -1);
	packet->bytes[5] = 0;
	assert_int_equal(parse(packet->bytes, packet->size)->question, -1);
	packet->bytes[5] = 1;
	packet->bytes[12] = 0x40; /* a kind of label that was never defined */
	assert_int_equal(parse(packet->bytes, packet->size)->question, -1);
}

static void every_cut_is_refused_and_reads_nothing_behind_it(void **state)
{
	static const uint8_t address[4] = {10, 0, 0, 1};
	struct packet *packet = message_of(0x8180, 2, "api.telegram.org", DNS_TYPE_A);
	struct parsed *parsed;
	size_t size, question = packet->size;

	(void)state;
	put_cname(packet, "@12", "edge.example");
	put_record(packet, "edge.example", DNS_TYPE_A, address, 4);
	for (size = 0; size < packet->size; size++) {
		parsed = parse(packet->bytes, size);
		assert_int_equal(parsed->question, size < question ? -1 : 0);
		assert_int_equal(parsed->answers, -1);
		assert_int_equal(parsed->message.address_count, 0);
	}
	assert_int_equal(parse(packet->bytes, packet->size)->message.address_count, 1);
}

static void every_changed_byte_is_survived(void **state)
{
	static const uint8_t address[4] = {10, 0, 0, 1};
	struct packet packet = *message_of(0x8180, 2, "api.telegram.org", DNS_TYPE_A);
	size_t at;
	uint8_t was;
	int value;

	(void)state;
	put_cname(&packet, "@12", "edge.example");
	put_record(&packet, "edge.example", DNS_TYPE_A, address, 4);
	for (at = 0; at < packet.size; at++) {
		was = packet.bytes[at];
		for (value = 0; value < 256; value += 5) {
			packet.bytes[at] = (uint8_t)value;
			assert_true(parse(packet.bytes, packet.size)->message.address_count <= 2);
		}
		packet.bytes[at] = was;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_read_in_lower_case),
		cmocka_unit_test(the_rest_of_the_name_stays_zero),
		cmocka_unit_test(the_code_of_a_response_is_read),
		cmocka_unit_test(addresses_are_kept_whatever_their_owner_is_called),
		cmocka_unit_test(other_records_and_wrong_sizes_give_no_address),
		cmocka_unit_test(more_addresses_than_there_is_room_for_are_left),
		cmocka_unit_test(a_pointer_loop_is_not_followed),
		cmocka_unit_test(the_largest_name_is_read_and_a_larger_one_refused),
		cmocka_unit_test(names_of_too_many_labels_are_refused),
		cmocka_unit_test(odd_questions_are_refused),
		cmocka_unit_test(every_cut_is_refused_and_reads_nothing_behind_it),
		cmocka_unit_test(every_changed_byte_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
