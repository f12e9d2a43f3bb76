// SPDX-License-Identifier: Apache-2.0
#include "agent_labels.h"

static const char *const reasons[END_REASONS] = {
	[END_SUCCESS] = "success",
	[END_ERROR] = "error",
	[END_SIGNAL_SELF] = "signal_self",
	[END_SIGNAL_PARENT] = "signal_parent",
	[END_SIGNAL_OTHER] = "signal_other",
	[END_OOM] = "oom",
	[END_CORE] = "core",
};

const char *end_reason_label(unsigned int reason)
{
	return reason < END_REASONS ? reasons[reason] : "unknown";
}
