// SPDX-License-Identifier: Apache-2.0
#include "tls_reader.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "tls.h"

#define TLS_NAME(name, text) text,
static const char *const stacks[TLS_STACKS] = {TLS_STACK_LIST(TLS_NAME)};
static const char *const states[TLS_TARGET_STATES] = {TLS_TARGET_STATE_LIST(TLS_NAME)};
static const char *const trusts[TLS_TRUSTS] = {TLS_TRUST_LIST(TLS_NAME)};
#undef TLS_NAME

static int read_trust(const struct handover *handover, struct model *model)
{
	int map = handover_fd(handover, HANDOVER_MAP, "tls_trust_counts");
	uint64_t count;
	uint32_t row;

	for (row = 0; map >= 0 && row < TLS_TRUST_COUNT_ROWS; row++) {
		if (bpf_map_lookup_elem(map, &row, &count))
			return -errno;
		if (count)
			model_add(model, FAMILY_TLS_TRUST, count, stacks[row / TLS_TRUSTS],
				  trusts[row % TLS_TRUSTS]);
	}
	return map < 0 ? -ENOENT : 0;
}

int tls_read(const struct handover *handover, struct model *model)
{
	int map = handover_fd(handover, HANDOVER_MAP, "tls_target_counts");
	uint64_t count;
	uint32_t row;

	if (map < 0)
		return -ENOENT;
	for (row = 0; row < TLS_TARGET_COUNT_ROWS; row++) {
		if (bpf_map_lookup_elem(map, &row, &count))
			return -errno;
		model_add(model, FAMILY_TLS_TARGETS, count, stacks[row / TLS_TARGET_STATES],
			  states[row % TLS_TARGET_STATES]);
	}
	return read_trust(handover, model);
}
