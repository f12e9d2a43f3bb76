// SPDX-License-Identifier: Apache-2.0
/*
 * Who a request comes from: Basic passwords (bcrypt) and bearer tokens (RFC 7617, RFC 6750).
 *
 * A bcrypt hash takes a tenth of a second: it is computed by the worker, and its result is
 * remembered under a keyed hash of name, password and stored hash. A name that nobody has costs
 * the same. All comparisons of secrets take the same time whatever the difference.
 */
#ifndef EXPORTER_WEB_AUTH_H
#define EXPORTER_WEB_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "web_settings.h"
#include "worker.h"

/* Passwords that were right, and that were wrong: the latter cannot push out the former. */
#define WEB_AUTH_RIGHT_MAX 96
#define WEB_AUTH_WRONG_MAX 32
/* Hashes that may wait for the worker: what comes on top is told to come again. */
#define WEB_AUTH_PENDING_MAX 8
#define WEB_PASSWORD_MAX     72 /* bytes that bcrypt looks at: a longer one is refused */

enum web_verdict {
	WEB_GRANTED,
	WEB_PENDING, /* the waiter is told */
	WEB_MISSING, /* no credentials */
	WEB_BAD_TOKEN,
	WEB_BAD_PASSWORD, /* or no such name */
	WEB_MALFORMED,	  /* credentials that cannot be read */
	WEB_OFF,	  /* nobody may, as nothing is configured */
	WEB_CROWDED,	  /* too many hashes wait */
	WEB_VERDICTS
};

/* A request that waits; owned by the caller until `ready` or web_auth_leave(). */
struct web_waiter {
	struct web_waiter *next, **link;
	void (*ready)(struct web_waiter *waiter);
	enum web_verdict verdict; /* WEB_GRANTED or WEB_BAD_PASSWORD, when it is ready */
};

struct web_auth;

/* 0 or -errno. Without a worker passwords are refused as WEB_CROWDED. */
int web_auth_create(struct web_auth **ret_auth);
/* After the worker is gone, so that nothing is pending. */
void web_auth_free(struct web_auth *auth);

void web_auth_use(struct web_auth *auth, struct worker *worker);
/* Copies; both may come again at any time. */
void web_auth_set_users(struct web_auth *auth, const struct web_user *users, unsigned count);
void web_auth_set_tokens(struct web_auth *auth, const char *read_token, const char *ingest_token);

/*
 * `credentials` is the value of the Authorization header; NULL: there is none. Reading is free
 * unless a token or passwords are configured, and either will do; reporting needs its token.
 */
enum web_verdict web_auth_read(struct web_auth *auth, const char *credentials,
			       struct web_waiter *waiter);
enum web_verdict web_auth_ingest(const struct web_auth *auth, const char *credentials);
/* The waiter does not want to know any more. */
void web_auth_leave(struct web_waiter *waiter);

/* How a client may prove who it is, as a WWW-Authenticate header says it. */
const char *web_auth_challenge(const struct web_auth *auth, bool ingest);

#endif
