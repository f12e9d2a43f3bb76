// SPDX-License-Identifier: Apache-2.0
/*
 * One HTTP request: what was asked, by whom, its body, and how it is answered.
 *
 * The way of a request:
 *
 *	head		the route is looked up (request->route, NULL: none has this path)
 *	web_admit()	may this client do that? It may answer, or suspend and be called again
 *	route		404 and 405 are answered; a body is collected up to the route's limit
 *	answer		the route's function replies, or suspends and replies later
 *
 * A request lives until its response is sent or its connection is gone; a suspended one cannot go
 * away, because the library does not look at its connection until it is resumed.
 *
 * Everything happens in the loop's thread.
 */
#ifndef EXPORTER_WEB_REQUEST_H
#define EXPORTER_WEB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "event.h"
#include "rate_limit.h"
#include "text.h"
#include "web.h"
#include "web_query.h"

#define WEB_HEADER_MAX 1024 /* of a joined header; what is longer is cut */
#define WEB_BODIES_SIZE \
	(16 * 1024 * 1024) /* request bodies of all connections together; more are answered 503 */

struct web_bodies;
struct web_gate;
struct web_guard;
struct web_request;
struct web_route;

/* Who is at the other end; filled when the connection is accepted. */
struct web_origin {
	enum event_way way;	   /* WAY_WEB or WAY_STREAM */
	uint32_t uid;		   /* of the peer of a unix socket; UINT32_MAX: unknown */
	uint32_t pid;		   /* likewise; 0: unknown */
	struct rate_sender sender; /* as far as limits go */
	char address[48];	   /* of a web client, numeric, without port; "" on a unix socket */
	int fd;			   /* the connection's, not owned */
	const struct web_guard *guard; /* what its bytes were; NULL: not known */
	bool may_read;		       /* set by web_admit() */
	bool may_ingest;	       /* likewise */
};

/* What all requests share. */
struct web_shared {
	struct web_site site;
	struct web_reporting reporting;
	struct web_bodies *bodies; /* of responses */
	struct text page;
	size_t bodies_size;	       /* of requests, now in memory */
	struct web_request *suspended; /* all of them */
	struct web_gate *gate;
	struct web_api *api; /* state of the JSON interface */
};

/* One of GET and HEAD, POST, or any other. */
enum web_method {
	WEB_READ = 1,
	WEB_POST = 2,
	WEB_OTHER = 4
};

typedef enum MHD_Result web_answer(struct web_request *request);

enum web_stage {
	STAGE_HEAD,
	STAGE_BODY,
	STAGE_ANSWERED
};

struct web_request {
	struct web_shared *shared;
	struct MHD_Connection *connection;
	struct web_origin *origin; /* of the connection */
	const struct web_route *route;
	const char *path; /* as it was sent: nothing is unescaped */
	char *query;	  /* what follows '?', as it was sent; NULL without one */
	bool query_cut;	  /* it was longer than WEB_QUERY_MAX */
	enum web_method method;
	enum web_stage stage;
	struct text body;  /* at most the route's limit */
	bool body_cut;	   /* it was longer: the answer is 413 */
	bool body_crowded; /* WEB_BODIES_SIZE were in use: the answer is 503 */
	/* Of whoever answers it; `release` ends it with the request. */
	void *state;
	void (*release)(struct web_request *request);
	/* Of web_admit(), likewise. */
	void *admission;
	void (*release_admission)(struct web_request *request);
	/* While it is suspended. */
	bool is_suspended;
	web_answer *next; /* called after it is resumed; NULL: where it stopped */
	struct web_request *next_suspended, **suspended_link;
};

struct web_header {
	const char *name, *value; /* a NULL name ends a list */
};

extern const struct web_header web_no_headers[];
extern const struct web_header web_busy_headers[]; /* Retry-After: 1 */

/*
 * The hook for authentication and limits, called after the head and before anything is answered.
 * 0: go on; a HTTP status: it was answered, by web_refuse() or web_reply(); -EINPROGRESS: it
 * suspended the request, and is called again after web_resume(). Any other error ends the
 * connection.
 */
int web_admit(struct web_request *request);

/* Every line of one request header, joined as RFC 9110 (5.3) allows; NULL without one. */
struct web_joined {
	const char *name;
	size_t size;
	char value[WEB_HEADER_MAX];
};
const char *web_header(const struct web_request *request, const char *name,
		       struct web_joined *joined);

/* Sends `response` and lets go of it; NULL ends the connection. */
enum MHD_Result web_reply(struct web_request *request, unsigned status,
			  struct MHD_Response *response, const struct web_header *headers);
/* A line of plain text; `line` is a literal. */
enum MHD_Result web_reply_line(struct web_request *request, unsigned status, const char *line,
			       const struct web_header *headers);
/* Takes over the buffer, and leaves `text` empty. */
enum MHD_Result web_reply_text(struct web_request *request, unsigned status,
			       const char *content_type, struct text *text,
			       const struct web_header *headers);
enum MHD_Result web_reply_json(struct web_request *request, unsigned status, struct text *text);

/* Why a request is refused; `field` is "" where it is about the whole. */
struct web_problem {
	const char *code, *field, *message;
};
/*
 * The one form of an error: {"error":{"code","field","message"}} under /api, /orchestrate and for
 * /health, a line of text elsewhere.
 */
enum MHD_Result web_refuse(struct web_request *request, unsigned status,
			   const struct web_problem *problem, const struct web_header *headers);

/*
 * Stops the request until web_resume(); to be called from web_admit() or an answer, which returns
 * right after it. `next` replies after that; NULL calls web_admit() again.
 */
void web_suspend(struct web_request *request, web_answer *next);
void web_resume(struct web_request *request);

/* For web.c: the life of a request. NULL when memory is out. */
struct web_request *web_request_create(struct web_shared *shared, const char *uri,
				       struct MHD_Connection *connection);
void web_request_free(struct web_request *request);
/* Gives the memory of the body back. */
void web_request_drop_body(struct web_request *request);
/* Adds to the body, or notes that it does not fit. */
void web_request_add(struct web_request *request, const char *data, size_t size);

#endif
