// SPDX-License-Identifier: Apache-2.0
#include "tls_tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "telegram_methods.h"
#include "tls_rows.h"

/* Tail calls: the link's number in enum tls_link of bpf/tls_decode.bpf.h, and its program. */
static const char *const chain[] = {"og_tls_decode", "og_tls_event",	   "og_tls_path",
				    "og_tls_host",   [6] = "og_tls_leave", "og_tls_lines"};

static int fill_chain(const struct bpf_set *set)
{
	int map = bpf_set_map(set, "tls_chain"), program, err = 0;
	uint32_t i;

	for (i = 0; !err && i < sizeof(chain) / sizeof(chain[0]); i++) {
		if (!chain[i]) /* HTTP/2's, of http2_huffman.c */
			continue;
		program = bpf_set_program(set, chain[i]);
		err = map < 0 || program < 0 ? -ENOENT
					     : bpf_map_update_elem(map, &i, &program, BPF_ANY);
	}
	return err;
}

/* Every stack's places, each once. */
static int fill_places(const struct bpf_set *set)
{
	struct tls_random_place places[TLS_RANDOM_PLACES];
	int map = bpf_set_map(set, "tls_random_places"), err = 0;
	uint32_t count = 0, known, i;
	size_t stack;

	for (stack = 0; stack < TLS_STACKS; stack++)
		for (i = 0; i < TLS_RANDOM_PLACES && tls_stacks[stack].places[i].used; i++) {
			for (known = 0; known < count; known++)
				if (!memcmp(&places[known], &tls_stacks[stack].places[i],
					    sizeof(places[0])))
					break;
			if (known < count)
				continue;
			if (count == TLS_RANDOM_PLACES)
				return -E2BIG;
			places[count++] = tls_stacks[stack].places[i];
		}
	if (map < 0)
		return -ENOENT;
	for (i = 0; !err && i < count; i++)
		err = bpf_map_update_elem(map, &i, &places[i], BPF_ANY);
	return err;
}

int tls_tables_fill(const struct bpf_set *set)
{
	int err = fill_chain(set);

	if (!err)
		err = fill_places(set);
	return err ? err : telegram_methods_fill(bpf_set_map(set, "telegram_methods"));
}

void tls_tables_publish(const struct tls_targets *targets)
{
	static const enum tls_target_state states[] = {
		[TLS_FATE_ATTACHED] = TLS_TARGET_ATTACHED,
		[TLS_FATE_REFUSED] = TLS_TARGET_REFUSED,
		[TLS_FATE_UNDECODED] = TLS_TARGET_UNDECODED,
		[TLS_FATE_COVERED] = TLS_TARGET_COVERED,
		[TLS_FATE_MISLED] = TLS_TARGET_REFUSED,
		[TLS_FATE_MALFORMED] = TLS_TARGET_MALFORMED,
	};
	uint64_t counts[TLS_TARGET_COUNT_ROWS] = {}, trusts[TLS_TRUST_COUNT_ROWS] = {};
	uint32_t row;
	size_t i;

	for (i = 0; i < targets->count; i++) {
		const struct tls_target *target = &targets->rows[i];

		row = target->stack * TLS_TARGET_STATES;
		if (target->fate == TLS_FATE_EMPTY)
			continue;
		if (target->stale)
			row += TLS_TARGET_STALE;
		else if (target->fate == TLS_FATE_ATTACHED && target->reach == TLS_REACH_WRITES)
			row += TLS_TARGET_WRITE_ONLY;
		else
			row += states[target->fate];
		counts[row]++;
		if (target->fate == TLS_FATE_ATTACHED)
			trusts[target->stack * TLS_TRUSTS + target->trust]++;
	}
	for (row = 0; row < TLS_TARGET_COUNT_ROWS; row++)
		bpf_map_update_elem(targets->counts_fd, &row, &counts[row], BPF_ANY);
	for (row = 0; row < TLS_TRUST_COUNT_ROWS; row++)
		bpf_map_update_elem(targets->trusts_fd, &row, &trusts[row], BPF_ANY);
}
