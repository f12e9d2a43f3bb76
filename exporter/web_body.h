// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies of responses: buffers that stay alive until the last byte is sent and are used again
 * after that.
 */
#ifndef EXPORTER_WEB_BODY_H
#define EXPORTER_WEB_BODY_H

#include "text.h"

/* Scrapes that may be on their way at once; a slow reader holds one. More are answered 503. */
#define WEB_BODIES_MAX 8

struct web_bodies;

struct web_body {
	struct text text;
	struct web_bodies *owner;
	struct web_body *next; /* while it waits to be used again */
};

/* 0 or -ENOMEM. */
int web_bodies_create(struct web_bodies **ret_bodies);
/* Only when every body was put back. */
void web_bodies_free(struct web_bodies *bodies);

/* An empty body, or NULL when WEB_BODIES_MAX are in use or memory is out. */
struct web_body *web_body_take(struct web_bodies *bodies);
void web_body_put(struct web_body *body);

/* Replaces the text by its gzip form; 0 or -ENOMEM, then the text is unchanged. */
int web_body_compress(struct web_body *body);

#endif
