// SPDX-License-Identifier: Apache-2.0
#include "session_label.h"

#include <stdio.h>
#include <string.h>

void keyed_hash_init(struct keyed_hash *hash, const uint8_t key[REPORTING_KEY_SIZE], uint64_t salt)
{
	uint8_t salted[REPORTING_KEY_SIZE + sizeof(salt)];

	memcpy(salted, key, REPORTING_KEY_SIZE);
	memcpy(salted + REPORTING_KEY_SIZE, &salt, sizeof(salt));
	hmac_sha256_set_key(&hash->context, salt ? sizeof(salted) : REPORTING_KEY_SIZE, salted);
	explicit_bzero(salted, sizeof(salted));
}

uint64_t keyed_hash(const struct keyed_hash *hash, const char *text)
{
	struct hmac_sha256_ctx context = hash->context;
	uint8_t digest[8];
	uint64_t value = 0;
	unsigned i;

	hmac_sha256_update(&context, strlen(text), (const uint8_t *)text);
	hmac_sha256_digest(&context, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++)
		value = value << 8 | digest[i];
	return value;
}

const char *session_label(const struct keyed_hash *hash, enum reporting_session_label how,
			  const char *session_id, char out[SESSION_LABEL_SIZE])
{
	out[0] = '\0';
	if (!session_id || !session_id[0])
		return out;
	if (how == SESSION_LABEL_PLAIN)
		snprintf(out, SESSION_LABEL_SIZE, "%s", session_id);
	else if (how == SESSION_LABEL_HASHED)
		snprintf(out, SESSION_LABEL_SIZE, "%016llx",
			 (unsigned long long)keyed_hash(hash, session_id));
	return out;
}
