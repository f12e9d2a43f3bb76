// SPDX-License-Identifier: Apache-2.0
#include "tls_reader.h"

#include <errno.h>

#include "map_rows.h"
#include "tls.h"

#define TLS_NAME(name, text) text,
static const char *const stacks[TLS_STACKS] = {TLS_STACK_LIST(TLS_NAME)};
static const char *const states[TLS_TARGET_STATES] = {TLS_TARGET_STATE_LIST(TLS_NAME)};
static const char *const trusts[TLS_TRUSTS] = {TLS_TRUST_LIST(TLS_NAME)};
#undef TLS_NAME

static int read_trust(const struct handover *handover, struct model *model)
{
	int map = handover_fd(handover, HANDOVER_MAP, "tls_trust_counts");
	uint64_t counts[TLS_TRUST_COUNT_ROWS];
	uint32_t row;
	int err;

	if (map < 0)
		return -ENOENT;
	err = map_array(map, sizeof(*counts), TLS_TRUST_COUNT_ROWS, counts);
	for (row = 0; !err && row < TLS_TRUST_COUNT_ROWS; row++)
		if (counts[row])
			model_add(model, FAMILY_TLS_TRUST, counts[row], stacks[row / TLS_TRUSTS],
				  trusts[row % TLS_TRUSTS]);
	return err;
}

int tls_read(const struct handover *handover, struct model *model)
{
	int map = handover_fd(handover, HANDOVER_MAP, "tls_target_counts");
	uint64_t counts[TLS_TARGET_COUNT_ROWS];
	uint32_t row;
	int err;

	if (map < 0)
		return -ENOENT;
	err = map_array(map, sizeof(*counts), TLS_TARGET_COUNT_ROWS, counts);
	if (err)
		return err;
	for (row = 0; row < TLS_TARGET_COUNT_ROWS; row++)
		model_add(model, FAMILY_TLS_TARGETS, counts[row], stacks[row / TLS_TARGET_STATES],
			  states[row % TLS_TARGET_STATES]);
	return read_trust(handover, model);
}
