// SPDX-License-Identifier: Apache-2.0
/*
 * Decides about every request before it is answered, in this order: is it sound, is it one too
 * many, may this client do that, and is there room for one more report. On the unix socket the kernel
 * says who asks: whoever may report there needs no password; other local users are as on the web.
 *
 * What only says that the process lives (ACCESS_OPEN) is open to all and not limited.
 */
#ifndef EXPORTER_WEB_GATE_H
#define EXPORTER_WEB_GATE_H

#include <stdint.h>

#include "web_auth.h"
#include "web_guard.h"
#include "web_limits.h"
#include "web_request.h"

/* Reports that are received or stored at once, by web and by unix socket. */
#define WEB_INGEST_MAX 64

/* What is configured and what happened; one for all addresses. */
struct web_gate {
	struct web_auth *auth;
	struct web_bucket requests, audits;
	char headers[WEB_HEADERS_MAX][WEB_HEADER_SIZE];
	unsigned ingesting[2]; /* by web, by unix socket */
	uint64_t refused[WEB_REFUSALS];
};

/* 0 or -errno. */
int web_gate_create(struct web_gate **ret_gate);
void web_gate_free(struct web_gate *gate);

/* Everything but TLS. */
void web_gate_configure(struct web_gate *gate, const struct web_settings *settings);

/* The headers that are configured, in place of what the response has. */
void web_gate_add_headers(const struct web_gate *gate, struct MHD_Response *response);

/* Answers 400 and ends the connection, once the client's bytes are at fault. */
enum MHD_Result web_gate_refuse_fault(struct web_request *request);

#endif
