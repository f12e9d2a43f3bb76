// SPDX-License-Identifier: Apache-2.0
/* One HTTP request over a unix socket, with an absolute deadline. */
#ifndef EXPORTER_EMIT_CLIENT_H
#define EXPORTER_EMIT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The answer to 10,000 refused events has about 3 MB. */
#define EMIT_REPLY_MAX (4 * 1024 * 1024)

struct emit_reply {
	int status;
	char *bytes; /* malloc()ed: all that was received, ended by NUL */
	size_t body, body_size;
};

/* POSTs `body` to `path`, a literal like /api/v1/events. 0; -ETIMEDOUT; -EPROTO for what is no HTTP answer; or -errno of
 * connecting, sending or receiving. */
int emit_post(const char *socket_path, const char *path, const char *content_type, const char *body,
	      size_t size, unsigned timeout_seconds, struct emit_reply *ret_reply);

/* Pure. Whether `bytes` is a whole answer, at its end when `ended`: 0 and all but `bytes` of
 * ret_reply; -EAGAIN; or -EPROTO. `bytes` ends in NUL. */
int emit_reply_parse(const char *bytes, size_t size, bool ended, struct emit_reply *ret_reply);

#endif
