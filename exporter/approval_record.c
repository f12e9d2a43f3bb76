// SPDX-License-Identifier: Apache-2.0
/* One approval that waits, in one piece of memory: the struct and its texts, one after the other. */
#include <stdlib.h>
#include <string.h>

#include "approvals.h"

#define TEXT_MAX 250 /* lengths are kept in a byte */

bool approval_fits(const struct approval_request *request)
{
	return strlen(request->id) <= TEXT_MAX && strlen(request->session) <= TEXT_MAX &&
	       strlen(request->tool) <= TEXT_MAX && strlen(request->priority) <= TEXT_MAX &&
	       strlen(request->agent_type) <= TEXT_MAX;
}

static uint8_t put_text(struct approval *approval, size_t *used, const char *text)
{
	size_t size = strlen(text) + 1, at = *used;

	memcpy(approval->id + at, text, size);
	*used += size;
	return (uint8_t)(size - 1);
}

struct approval *approval_make(const struct approval_request *request, uint64_t hash)
{
	size_t used = 0, size = strlen(request->id) + strlen(request->session) +
				strlen(request->tool) + strlen(request->priority) +
				strlen(request->agent_type) + 5;
	struct approval *approval = calloc(1, sizeof(*approval) + size);

	if (!approval)
		return NULL;
	approval->hash = hash;
	approval->requested_us = request->requested_us;
	approval->requested_ns = request->requested_ns;
	approval->due_us = request->due_us;
	approval->due_ns = request->due_ns;
	approval->pid = request->pid;
	approval->root = request->root;
	approval->root_start_ns = request->root_start_ns;
	approval->session = (uint8_t)(put_text(approval, &used, request->id) + 1);
	approval->tool = (uint8_t)(put_text(approval, &used, request->session) + 1);
	approval->priority = (uint8_t)(put_text(approval, &used, request->tool) + 1);
	approval->agent_type = (uint8_t)(put_text(approval, &used, request->priority) + 1);
	put_text(approval, &used, request->agent_type);
	return approval;
}

const char *approval_session(const struct approval *approval)
{
	return approval->id + approval->session;
}

const char *approval_tool(const struct approval *approval)
{
	return approval_session(approval) + approval->tool;
}

const char *approval_priority(const struct approval *approval)
{
	return approval_tool(approval) + approval->priority;
}

const char *approval_agent_type(const struct approval *approval)
{
	return approval_priority(approval) + approval->agent_type;
}
