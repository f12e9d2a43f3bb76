// SPDX-License-Identifier: Apache-2.0
#include "web_auth.h"

#include <crypt.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "reporting.h"

#define KEY_SIZE	 SHA256_DIGEST_SIZE
#define CREDENTIALS_MAX	 1024 /* of the header's value */
#define CREDENTIALS_SIZE BASE64_DECODE_LENGTH(CREDENTIALS_MAX)

/* Results, the oldest is replaced first. */
struct memory {
	uint8_t (*keys)[KEY_SIZE];
	unsigned size, count, at;
};

struct check {
	struct job job; /* first: the job is the check */
	struct check *next;
	struct web_auth *auth;
	struct web_waiter *waiters;
	uint8_t key[KEY_SIZE];
	char password[WEB_PASSWORD_MAX + 1];
	char hash[WEB_HASH_SIZE];
	bool known, ran, right;
	struct crypt_data data;
};

struct web_auth {
	struct worker *worker;
	struct web_user users[WEB_USERS_MAX];
	unsigned user_count;
	char read_token[REPORTING_TOKEN_SIZE], ingest_token[REPORTING_TOKEN_SIZE];
	uint8_t secret[KEY_SIZE];
	struct check *checks;
	unsigned check_count;
	struct memory right, wrong;
	uint8_t right_keys[WEB_AUTH_RIGHT_MAX][KEY_SIZE], wrong_keys[WEB_AUTH_WRONG_MAX][KEY_SIZE];
};

int web_auth_create(struct web_auth **ret_auth)
{
	struct web_auth *auth = calloc(1, sizeof(*auth));

	if (!auth)
		return -ENOMEM;
	if (getrandom(auth->secret, sizeof(auth->secret), 0) != (ssize_t)sizeof(auth->secret)) {
		free(auth);
		return -EIO;
	}
	auth->right = (struct memory){auth->right_keys, WEB_AUTH_RIGHT_MAX, 0, 0};
	auth->wrong = (struct memory){auth->wrong_keys, WEB_AUTH_WRONG_MAX, 0, 0};
	*ret_auth = auth;
	return 0;
}

void web_auth_free(struct web_auth *auth)
{
	if (!auth)
		return;
	explicit_bzero(auth, sizeof(*auth));
	free(auth);
}

void web_auth_use(struct web_auth *auth, struct worker *worker)
{
	auth->worker = worker;
}

void web_auth_set_users(struct web_auth *auth, const struct web_user *users, unsigned count)
{
	auth->user_count = count < WEB_USERS_MAX ? count : WEB_USERS_MAX;
	memset(auth->users, 0, sizeof(auth->users));
	memcpy(auth->users, users, auth->user_count * sizeof(*users));
}

void web_auth_set_tokens(struct web_auth *auth, const char *read_token, const char *ingest_token)
{
	strncpy(auth->read_token, read_token, sizeof(auth->read_token) - 1);
	strncpy(auth->ingest_token, ingest_token, sizeof(auth->ingest_token) - 1);
}

static bool memory_has(const struct memory *memory, const uint8_t key[KEY_SIZE])
{
	bool found = false;
	unsigned i;

	for (i = 0; i < memory->count; i++)
		found |= memeql_sec(memory->keys[i], key, KEY_SIZE);
	return found;
}

static void memory_add(struct memory *memory, const uint8_t key[KEY_SIZE])
{
	memcpy(memory->keys[memory->at], key, KEY_SIZE);
	memory->at = (memory->at + 1) % memory->size;
	if (memory->count < memory->size)
		memory->count++;
}

/* What follows "SCHEME ", or NULL. */
static const char *after_scheme(const char *credentials, const char *scheme)
{
	size_t size = strlen(scheme);

	if (!credentials || strncasecmp(credentials, scheme, size) != 0 || credentials[size] != ' ')
		return NULL;
	credentials += size;
	while (*credentials == ' ')
		credentials++;
	return credentials;
}

/* Hashes make the two equally long, so that not even the length of the secret shows. */
static bool is_token(const struct web_auth *auth, const char *given, const char *wanted)
{
	uint8_t digests[2][KEY_SIZE];
	struct hmac_sha256_ctx hmac;

	hmac_sha256_set_key(&hmac, sizeof(auth->secret), auth->secret);
	hmac_sha256_update(&hmac, strlen(given), (const uint8_t *)given);
	hmac_sha256_digest(&hmac, KEY_SIZE, digests[0]);
	hmac_sha256_update(&hmac, strlen(wanted), (const uint8_t *)wanted);
	hmac_sha256_digest(&hmac, KEY_SIZE, digests[1]);
	return memeql_sec(digests[0], digests[1], KEY_SIZE) && *wanted;
}

/* "name:password" of a Basic header; false when it is none. */
static bool read_basic(const char *text, char out[CREDENTIALS_SIZE + 1], const char **ret_password)
{
	struct base64_decode_ctx base64;
	size_t size = CREDENTIALS_SIZE, length = strlen(text);
	char *colon;

	base64_decode_init(&base64);
	if (length > CREDENTIALS_MAX ||
	    !base64_decode_update(&base64, &size, (uint8_t *)out, length, text) ||
	    !base64_decode_final(&base64))
		return false;
	out[size] = '\0';
	colon = strchr(out, ':');
	if (strlen(out) != size || !colon || strlen(colon + 1) > WEB_PASSWORD_MAX)
		return false;
	*colon = '\0';
	*ret_password = colon + 1;
	return true;
}

static void make_key(const struct web_auth *auth, const struct check *check, const char *name,
		     uint8_t ret_key[KEY_SIZE])
{
	const char *parts[] = {name, check->password, check->hash, check->known ? "1" : "0"};
	struct hmac_sha256_ctx hmac;
	size_t i;

	hmac_sha256_set_key(&hmac, sizeof(auth->secret), auth->secret);
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		/* With its NUL: no two ways of cutting the same text. */
		hmac_sha256_update(&hmac, strlen(parts[i]) + 1, (const uint8_t *)parts[i]);
	hmac_sha256_digest(&hmac, KEY_SIZE, ret_key);
}

/* In the worker's thread. */
static void run(struct job *job)
{
	struct check *check = (struct check *)job;
	const char *hash = crypt_r(check->password, check->hash, &check->data);
	size_t size = strlen(check->hash);

	check->ran = true;
	check->right =
		hash && strlen(hash) == size && memeql_sec(hash, check->hash, size) && check->known;
}

static void tell(struct check *check)
{
	struct web_waiter *waiter;

	while ((waiter = check->waiters)) {
		web_auth_leave(waiter);
		waiter->verdict = !check->ran	 ? WEB_CROWDED
				  : check->right ? WEB_GRANTED
						 : WEB_BAD_PASSWORD;
		waiter->ready(waiter);
	}
}

/* Nothing of a password stays behind. */
static void check_free(struct check *check)
{
	explicit_bzero(check, sizeof(*check));
	free(check);
}

static void done(struct job *job)
{
	struct check *check = (struct check *)job, **link;
	struct web_auth *auth = check->auth;

	for (link = &auth->checks; *link != check; link = &(*link)->next)
		;
	*link = check->next;
	auth->check_count--;
	if (check->ran)
		memory_add(check->right ? &auth->right : &auth->wrong, check->key);
	tell(check);
	check_free(check);
}

static void wait_for(struct check *check, struct web_waiter *waiter)
{
	waiter->next = check->waiters;
	waiter->link = &check->waiters;
	if (waiter->next)
		waiter->next->link = &waiter->next;
	check->waiters = waiter;
}

void web_auth_leave(struct web_waiter *waiter)
{
	if (!waiter->link)
		return;
	*waiter->link = waiter->next;
	if (waiter->next)
		waiter->next->link = waiter->link;
	waiter->link = NULL;
}

/* The user's hash; for a name that nobody has, the first user's: it costs the same. */
static void find_hash(const struct web_auth *auth, const char *name, struct check *check)
{
	unsigned i, found = 0;

	for (i = 0; i < auth->user_count; i++)
		if (!strcmp(auth->users[i].name, name)) {
			found = i;
			check->known = true;
		}
	memcpy(check->hash, auth->users[found].hash, sizeof(check->hash));
}

/* Asks the worker, unless it is asked the same already. Takes the check over. */
static enum web_verdict ask(struct web_auth *auth, struct check *check, struct web_waiter *waiter)
{
	struct check *other;

	for (other = auth->checks; other; other = other->next)
		if (memeql_sec(other->key, check->key, KEY_SIZE)) {
			check_free(check);
			wait_for(other, waiter);
			return WEB_PENDING;
		}
	if (!auth->worker || auth->check_count == WEB_AUTH_PENDING_MAX ||
	    worker_submit(auth->worker, &check->job)) {
		check_free(check);
		return WEB_CROWDED;
	}
	check->next = auth->checks;
	auth->checks = check;
	auth->check_count++;
	wait_for(check, waiter);
	return WEB_PENDING;
}

static enum web_verdict check_basic(struct web_auth *auth, const char *text,
				    struct web_waiter *waiter)
{
	char decoded[CREDENTIALS_SIZE + 1];
	const char *password;
	bool sound = read_basic(text, decoded, &password);
	struct check *check = sound ? calloc(1, sizeof(*check)) : NULL;

	if (!check) {
		explicit_bzero(decoded, sizeof(decoded));
		return sound ? WEB_CROWDED : WEB_MALFORMED;
	}
	check->job.run = run;
	check->job.done = done;
	check->auth = auth;
	strcpy(check->password, password);
	find_hash(auth, decoded, check);
	make_key(auth, check, decoded, check->key);
	explicit_bzero(decoded, sizeof(decoded));
	if (memory_has(&auth->right, check->key)) {
		check_free(check);
		return WEB_GRANTED;
	}
	if (memory_has(&auth->wrong, check->key)) {
		check_free(check);
		return WEB_BAD_PASSWORD;
	}
	return ask(auth, check, waiter);
}

enum web_verdict web_auth_read(struct web_auth *auth, const char *credentials,
			       struct web_waiter *waiter)
{
	const char *token = after_scheme(credentials, "Bearer");
	const char *basic = after_scheme(credentials, "Basic");

	if (!auth->user_count && !*auth->read_token)
		return WEB_GRANTED;
	if (!credentials)
		return WEB_MISSING;
	if (token && *auth->read_token)
		return is_token(auth, token, auth->read_token) ? WEB_GRANTED : WEB_BAD_TOKEN;
	if (basic && auth->user_count)
		return check_basic(auth, basic, waiter);
	return WEB_MALFORMED;
}

enum web_verdict web_auth_ingest(const struct web_auth *auth, const char *credentials)
{
	const char *token = after_scheme(credentials, "Bearer");

	if (!*auth->ingest_token)
		return WEB_OFF;
	if (!credentials)
		return WEB_MISSING;
	if (!token)
		return WEB_MALFORMED;
	return is_token(auth, token, auth->ingest_token) ? WEB_GRANTED : WEB_BAD_TOKEN;
}

const char *web_auth_challenge(const struct web_auth *auth, bool ingest)
{
	if (ingest || !auth->user_count)
		return "Bearer realm=\"operaglass\"";
	return *auth->read_token ? "Basic realm=\"operaglass\", Bearer realm=\"operaglass\""
				 : "Basic realm=\"operaglass\"";
}
