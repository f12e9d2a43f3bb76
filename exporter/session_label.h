// SPDX-License-Identifier: Apache-2.0
/* Texts that outsiders choose, hashed under a key: labels of sessions, names of people, places in
 * tables. HMAC-SHA-256 (nettle). */
#ifndef EXPORTER_SESSION_LABEL_H
#define EXPORTER_SESSION_LABEL_H

#include <nettle/hmac.h>
#include <stdint.h>

#include "reporting.h"

/* Room for the longest session id, and for 16 hex digits. */
#define SESSION_LABEL_SIZE 136

struct keyed_hash {
	struct hmac_sha256_ctx context; /* the key is in; a copy of it takes the message */
};

/* `salt` makes hashes of one process unlike those of another; 0 where they are stored. */
void keyed_hash_init(struct keyed_hash *hash, const uint8_t key[REPORTING_KEY_SIZE], uint64_t salt);
/* The first 8 bytes of the HMAC, the first byte as the highest. */
uint64_t keyed_hash(const struct keyed_hash *hash, const char *text);

/* The label value of a session: "" (off), the id itself, or 16 hex digits; "" for NULL or "". */
const char *session_label(const struct keyed_hash *hash, enum reporting_session_label how,
			  const char *session_id, char out[SESSION_LABEL_SIZE]);

#endif
