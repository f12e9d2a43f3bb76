// SPDX-License-Identifier: Apache-2.0
#include "web_request.h"

#include <stdlib.h>
#include <string.h>

#include "json_writer.h"
#include "web_gate.h"
#include "web_routes.h"

const struct web_header web_no_headers[] = {{NULL, NULL}};
const struct web_header web_busy_headers[] = {{"Retry-After", "1"}, {NULL, NULL}};

struct web_request *web_request_create(struct web_shared *shared, const char *uri,
				       struct MHD_Connection *connection)
{
	struct web_request *request = calloc(1, sizeof(*request));
	const char *query = strchr(uri, '?');
	size_t size;

	if (!request)
		return NULL;
	request->shared = shared;
	request->connection = connection;
	if (!query)
		return request;
	size = strnlen(query + 1, WEB_QUERY_MAX + 1);
	request->query_cut = size > WEB_QUERY_MAX;
	request->query = strndup(query + 1, WEB_QUERY_MAX);
	if (!request->query) {
		free(request);
		return NULL;
	}
	return request;
}

static void leave_suspended(struct web_request *request)
{
	if (!request->is_suspended)
		return;
	request->is_suspended = false;
	*request->suspended_link = request->next_suspended;
	if (request->next_suspended)
		request->next_suspended->suspended_link = request->suspended_link;
}

void web_request_drop_body(struct web_request *request)
{
	request->shared->bodies_size -= request->body.capacity;
	text_release(&request->body);
}

void web_request_free(struct web_request *request)
{
	if (!request)
		return;
	leave_suspended(request);
	if (request->release)
		request->release(request);
	if (request->release_admission)
		request->release_admission(request);
	web_request_drop_body(request);
	free(request->query);
	free(request);
}

void web_request_add(struct web_request *request, const char *data, size_t size)
{
	size_t before = request->body.capacity;

	if (request->body_cut || request->body_crowded)
		return;
	if (size > request->route->body_max - request->body.size) {
		request->body_cut = true;
		web_request_drop_body(request);
		return;
	}
	/* A buffer at most doubles. */
	if (request->shared->bodies_size + before + size > WEB_BODIES_SIZE ||
	    text_reserve(&request->body, size + 1)) {
		request->body_crowded = true;
		web_request_drop_body(request);
		return;
	}
	request->shared->bodies_size += request->body.capacity - before;
	memcpy(request->body.data + request->body.size, data, size);
	request->body.size += size;
	request->body.data[request->body.size] = '\0';
}

static enum MHD_Result join(void *context, enum MHD_ValueKind kind, const char *name,
			    const char *value)
{
	struct web_joined *joined = context;
	size_t size = value ? strlen(value) : 0;

	(void)kind;
	if (strcasecmp(name, joined->name) || joined->size + size + 2 > sizeof(joined->value))
		return MHD_YES;
	if (joined->size)
		joined->value[joined->size++] = ',';
	memcpy(joined->value + joined->size, value, size);
	joined->size += size;
	joined->value[joined->size] = '\0';
	return MHD_YES;
}

const char *web_header(const struct web_request *request, const char *name,
		       struct web_joined *joined)
{
	joined->name = name;
	joined->size = 0;
	joined->value[0] = '\0';
	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, join, joined);
	return joined->size ? joined->value : NULL;
}

enum MHD_Result web_reply(struct web_request *request, unsigned status,
			  struct MHD_Response *response, const struct web_header *headers)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	for (; headers->name; headers++)
		MHD_add_response_header(response, headers->name, headers->value);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	web_gate_add_headers(request->shared->gate, response);
	result = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	request->stage = STAGE_ANSWERED;
	return result;
}

enum MHD_Result web_reply_line(struct web_request *request, unsigned status, const char *line,
			       const struct web_header *headers)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(line), (void *)(uintptr_t)line, MHD_RESPMEM_PERSISTENT);

	if (response)
		MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
	return web_reply(request, status, response, headers);
}

enum MHD_Result web_reply_text(struct web_request *request, unsigned status,
			       const char *content_type, struct text *text,
			       const struct web_header *headers)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(text->size, text->data, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		text_release(text);
		return MHD_NO;
	}
	memset(text, 0, sizeof(*text));
	MHD_add_response_header(response, "Content-Type", content_type);
	return web_reply(request, status, response, headers);
}

static enum MHD_Result reply_json(struct web_request *request, unsigned status, struct text *text,
				  const struct web_header *headers)
{
	struct web_header all[4] = {{"Cache-Control", "no-store"}};
	unsigned count = 1;

	for (; headers->name && count < 3; headers++)
		all[count++] = *headers;
	return web_reply_text(request, status, "application/json", text, all);
}

enum MHD_Result web_reply_json(struct web_request *request, unsigned status, struct text *text)
{
	return reply_json(request, status, text, web_no_headers);
}

static bool speaks_json(const char *path)
{
	static const char *const prefixes[] = {"/api/", "/orchestrate/"};
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (!strncmp(path, prefixes[i], strlen(prefixes[i])))
			return true;
	return !strcmp(path, "/health");
}

enum MHD_Result web_refuse(struct web_request *request, unsigned status,
			   const struct web_problem *problem, const struct web_header *headers)
{
	struct text text = {0};
	struct json_writer writer = {.text = &text};
	enum MHD_Result result;

	if (speaks_json(request->path)) {
		write_open(&writer, NULL, '{');
		write_open(&writer, "error", '{');
		write_text(&writer, "code", problem->code);
		write_text(&writer, "field", problem->field);
		write_text(&writer, "message", problem->message);
		write_close(&writer);
		write_close(&writer);
	} else {
		write_raw(&writer, problem->message, strlen(problem->message));
	}
	write_raw(&writer, "\n", 1);
	if (writer.err)
		result = MHD_NO;
	else if (speaks_json(request->path))
		result = reply_json(request, status, &text, headers);
	else
		result = web_reply_text(request, status, "text/plain; charset=utf-8", &text,
					headers);
	text_release(&text);
	return result;
}

void web_suspend(struct web_request *request, web_answer *next)
{
	struct web_shared *shared = request->shared;

	request->next = next;
	request->is_suspended = true;
	request->next_suspended = shared->suspended;
	request->suspended_link = &shared->suspended;
	if (request->next_suspended)
		request->next_suspended->suspended_link = &request->next_suspended;
	shared->suspended = request;
	MHD_suspend_connection(request->connection);
}

void web_resume(struct web_request *request)
{
	if (!request->is_suspended)
		return;
	leave_suspended(request);
	MHD_resume_connection(request->connection);
}
