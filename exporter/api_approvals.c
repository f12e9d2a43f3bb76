// SPDX-License-Identifier: Apache-2.0
/* GET /api/approvals: what waits for a decision, oldest first. */
#include "api.h"

#include "json_writer.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000
#define OFFSET_MAX    1000000

static const char *const message_states[] = {"not_seen", "delivered", "failed"};

struct page {
	struct json_writer writer;
	int64_t offset, limit, seen;
	bool more;
};

static int write_approval(void *context, const struct pending_approval *approval)
{
	struct page *page = context;
	struct json_writer *writer = &page->writer;

	if (page->seen++ < page->offset)
		return 0;
	if (page->seen > page->offset + page->limit) {
		page->more = true;
		return 1;
	}
	write_open(writer, NULL, '{');
	write_text(writer, "approval_id", approval->approval_id);
	write_text(writer, "tool", approval->tool);
	write_text(writer, "priority", approval->priority);
	write_time(writer, "requested", approval->requested_us);
	write_time(writer, "due", approval->due_us);
	write_real(writer, "age_seconds", approval->age_seconds);
	write_open(writer, "agent", '{');
	write_text(writer, "type", approval->agent_type);
	write_unsigned(writer, "root", approval->root);
	write_unsigned(writer, "pid", approval->pid);
	write_close(writer);
	write_open(writer, "message", '{');
	write_text(
		writer, "state",
		message_states[approval->message >= 0 && approval->message < 3 ? approval->message
									       : 0]);
	if (approval->message)
		write_real(writer, "seconds", approval->message_seconds);
	else
		write_null(writer, "seconds");
	write_close(writer);
	write_close(writer);
	return writer->err;
}

enum MHD_Result api_approvals(struct web_request *request)
{
	static const char *const names[] = {"limit", "offset", NULL};
	struct recorder *recorder = request->shared->reporting.recorder;
	struct text text = {0};
	struct page page = {.writer.text = &text, .limit = LIMIT_DEFAULT};
	enum MHD_Result result;
	struct event_error error;
	struct web_query query;

	if (!recorder)
		return api_refuse_off(request);
	if (!api_query(request, names, &query, &result))
		return result;
	if (web_query_number(&query, 0, 1, LIMIT_MAX, &page.limit, &error) ||
	    web_query_number(&query, 1, 0, OFFSET_MAX, &page.offset, &error))
		return api_refuse(request, MHD_HTTP_BAD_REQUEST, &error);
	write_open(&page.writer, NULL, '{');
	write_open(&page.writer, "approvals", '[');
	recorder_each_pending(recorder, write_approval, &page);
	write_close(&page.writer);
	write_integer(&page.writer, "offset", page.offset);
	write_integer(&page.writer, "limit", page.limit);
	write_bool(&page.writer, "more", page.more);
	write_close(&page.writer);
	if (page.writer.err) {
		text_release(&text);
		return MHD_NO;
	}
	return web_reply_json(request, MHD_HTTP_OK, &text);
}
