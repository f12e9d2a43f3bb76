// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <crypt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <nettle/base64.h>

#include "web_auth.h"
#include "web_limits.h"
#include "worker.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, begin, end, NULL \
	}

#define READ_TOKEN   "read-token-0123456789"
#define INGEST_TOKEN "ingest-token-0123456789"

static struct web_auth *auth;
static struct worker *worker;
static struct web_user users[2];
static unsigned ready_count;

static void ready(struct web_waiter *waiter)
{
	(void)waiter;
	ready_count++;
}

static int begin(void **state)
{
	static const char *const passwords[] = {"secret", "other"};
	static const char *const names[] = {"alice", "bob"};
	struct crypt_data data = {0};
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_non_null(crypt_gensalt_rn("$2b$", 4, NULL, 0, salt, sizeof(salt)));
		strcpy(users[i].name, names[i]);
		strcpy(users[i].hash, crypt_r(passwords[i], salt, &data));
		assert_int_equal(strlen(users[i].hash), 60);
	}
	ready_count = 0;
	assert_int_equal(web_auth_create(&auth), 0);
	assert_int_equal(worker_create(&worker), 0);
	web_auth_use(auth, worker);
	return 0;
}

static int end(void **state)
{
	(void)state;
	worker_free(worker);
	web_auth_free(auth);
	return 0;
}

static const char *basic(const char *user_and_password)
{
	static char header[1024];
	size_t size = strlen(user_and_password);

	strcpy(header, "Basic ");
	base64_encode_raw(header + 6, size, (const uint8_t *)user_and_password);
	header[6 + BASE64_ENCODE_RAW_LENGTH(size)] = '\0';
	return header;
}

static void finish(unsigned count)
{
	struct pollfd wait = {.fd = worker_fd(worker), .events = POLLIN};

	while (ready_count < count) {
		assert_int_equal(poll(&wait, 1, 5000), 1);
		worker_run(worker);
	}
}

/* The answer after the worker, and whether it was needed. */
static enum web_verdict ask(const char *user_and_password, bool *ret_asked)
{
	struct web_waiter waiter = {.ready = ready};
	enum web_verdict verdict = web_auth_read(auth, basic(user_and_password), &waiter);

	*ret_asked = verdict == WEB_PENDING;
	if (*ret_asked) {
		finish(ready_count + 1);
		verdict = waiter.verdict;
	}
	return verdict;
}

static void test_unconfigured(void **state)
{
	struct web_waiter waiter = {.ready = ready};

	(void)state;
	assert_int_equal(web_auth_read(auth, NULL, &waiter), WEB_GRANTED);
	assert_int_equal(web_auth_read(auth, "Basic !", &waiter), WEB_GRANTED);
	assert_int_equal(web_auth_ingest(auth, NULL), WEB_OFF);
	assert_int_equal(web_auth_ingest(auth, "Bearer "), WEB_OFF);
}

static void test_tokens(void **state)
{
	struct web_waiter waiter = {.ready = ready};

	(void)state;
	web_auth_set_tokens(auth, READ_TOKEN, INGEST_TOKEN);
	assert_int_equal(web_auth_read(auth, NULL, &waiter), WEB_MISSING);
	assert_int_equal(web_auth_read(auth, "Bearer " READ_TOKEN, &waiter), WEB_GRANTED);
	assert_int_equal(web_auth_read(auth, "bEARER   " READ_TOKEN, &waiter), WEB_GRANTED);
	assert_int_equal(web_auth_read(auth, "Bearer" READ_TOKEN, &waiter), WEB_MALFORMED);
	assert_int_equal(web_auth_read(auth, "Bearer " READ_TOKEN "x", &waiter), WEB_BAD_TOKEN);
	assert_int_equal(web_auth_read(auth, "Bearer read-token-012345678", &waiter),
			 WEB_BAD_TOKEN);
	assert_int_equal(web_auth_read(auth, "Bearer ", &waiter), WEB_BAD_TOKEN);
	assert_int_equal(web_auth_read(auth, "Bearer " INGEST_TOKEN, &waiter), WEB_BAD_TOKEN);
	assert_int_equal(web_auth_read(auth, basic("alice:secret"), &waiter), WEB_MALFORMED);
	assert_int_equal(web_auth_ingest(auth, NULL), WEB_MISSING);
	assert_int_equal(web_auth_ingest(auth, "Bearer " INGEST_TOKEN), WEB_GRANTED);
	assert_int_equal(web_auth_ingest(auth, "Bearer " READ_TOKEN), WEB_BAD_TOKEN);
	assert_int_equal(web_auth_ingest(auth, basic("alice:secret")), WEB_MALFORMED);
	assert_string_equal(web_auth_challenge(auth, false), "Bearer realm=\"operaglass\"");
	web_auth_set_tokens(auth, "", "");
	assert_int_equal(web_auth_read(auth, NULL, &waiter), WEB_GRANTED);
	assert_int_equal(web_auth_ingest(auth, "Bearer " INGEST_TOKEN), WEB_OFF);
}

static void test_passwords(void **state)
{
	bool asked;

	(void)state;
	web_auth_set_users(auth, users, 2);
	assert_int_equal(ask("alice:secret", &asked), WEB_GRANTED);
	assert_true(asked);
	assert_int_equal(ask("alice:secret", &asked), WEB_GRANTED);
	assert_false(asked);
	assert_int_equal(ask("bob:other", &asked), WEB_GRANTED);
	assert_true(asked);
	assert_int_equal(ask("alice:other", &asked), WEB_BAD_PASSWORD);
	assert_true(asked);
	assert_int_equal(ask("alice:other", &asked), WEB_BAD_PASSWORD);
	assert_false(asked);
	assert_int_equal(ask("bob:secret", &asked), WEB_BAD_PASSWORD);
	/* The first user's password under a name that nobody has: the same work, and no. */
	assert_int_equal(ask("carol:secret", &asked), WEB_BAD_PASSWORD);
	assert_true(asked);
	assert_int_equal(ask(":secret", &asked), WEB_BAD_PASSWORD);
	assert_int_equal(ask("alice:", &asked), WEB_BAD_PASSWORD);
	/* A new hash is a new password. */
	web_auth_set_users(auth, &users[1], 1);
	assert_int_equal(ask("alice:secret", &asked), WEB_BAD_PASSWORD);
	assert_true(asked);
	assert_int_equal(ask("bob:other", &asked), WEB_GRANTED);
	assert_false(asked);
}

static void test_malformed(void **state)
{
	static const char *const headers[] = {
		"Basic",      "Basic ",		"Basic !",  "Basic YWxpY2U=",
		"Basic YWxp", "Basic YQBiOmM=", "Digest x",
	};
	struct web_waiter waiter = {.ready = ready};
	char password[128] = "alice:";
	size_t i;

	(void)state;
	web_auth_set_users(auth, users, 2);
	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_int_equal(web_auth_read(auth, headers[i], &waiter), WEB_MALFORMED);
	memset(password + 6, 'x', WEB_PASSWORD_MAX + 1);
	assert_int_equal(web_auth_read(auth, basic(password), &waiter), WEB_MALFORMED);
	assert_int_equal(ready_count, 0);
}

static void test_bounds(void **state)
{
	struct web_waiter waiters[WEB_AUTH_PENDING_MAX + 2];
	char text[32];
	unsigned i;

	(void)state;
	web_auth_set_users(auth, users, 2);
	for (i = 0; i < WEB_AUTH_PENDING_MAX; i++) {
		waiters[i] = (struct web_waiter){.ready = ready};
		snprintf(text, sizeof(text), "alice:%u", i);
		assert_int_equal(web_auth_read(auth, basic(text), &waiters[i]), WEB_PENDING);
	}
	waiters[i] = waiters[i + 1] = (struct web_waiter){.ready = ready};
	assert_int_equal(web_auth_read(auth, basic("alice:x"), &waiters[i]), WEB_CROWDED);
	/* One more who asks the same costs nothing; one who leaves is not told. */
	assert_int_equal(web_auth_read(auth, basic("alice:0"), &waiters[i + 1]), WEB_PENDING);
	web_auth_leave(&waiters[1]);
	finish(WEB_AUTH_PENDING_MAX);
	assert_int_equal(waiters[0].verdict, WEB_BAD_PASSWORD);
	assert_int_equal(waiters[i + 1].verdict, WEB_BAD_PASSWORD);
	assert_int_equal(ready_count, WEB_AUTH_PENDING_MAX);
}

static void test_wrong_keep_right(void **state)
{
	char text[32];
	bool asked;
	int i;

	(void)state;
	web_auth_set_users(auth, users, 2);
	assert_int_equal(ask("alice:secret", &asked), WEB_GRANTED);
	for (i = 0; i < WEB_AUTH_RIGHT_MAX + WEB_AUTH_WRONG_MAX; i++) {
		snprintf(text, sizeof(text), "alice:%d", i);
		assert_int_equal(ask(text, &asked), WEB_BAD_PASSWORD);
		assert_true(asked);
	}
	assert_int_equal(ask("alice:secret", &asked), WEB_GRANTED);
	assert_false(asked);
	assert_int_equal(ask("alice:0", &asked), WEB_BAD_PASSWORD);
	assert_true(asked);
}

static void test_without_worker(void **state)
{
	struct web_waiter waiter = {.ready = ready};

	(void)state;
	web_auth_set_users(auth, users, 2);
	web_auth_use(auth, NULL);
	assert_int_equal(web_auth_read(auth, basic("alice:secret"), &waiter), WEB_CROWDED);
}

static void test_bucket(void **state)
{
	struct web_bucket bucket = {.interval_ns = 1000000000, .burst = 3}, none = {0};
	const uint64_t second = 1000000000, start = 100 * second;
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_true(web_bucket_take(&bucket, start));
	assert_false(web_bucket_take(&bucket, start));
	assert_int_equal(web_bucket_wait(&bucket, start), 1);
	assert_false(web_bucket_take(&bucket, start + second - 1));
	assert_true(web_bucket_take(&bucket, start + second));
	assert_false(web_bucket_take(&bucket, start + second));
	/* Never more than the burst. */
	for (i = 0; i < 3; i++)
		assert_true(web_bucket_take(&bucket, start + 1000 * second));
	assert_false(web_bucket_take(&bucket, start + 1000 * second));
	bucket = (struct web_bucket){.interval_ns = 90 * second, .burst = 1};
	assert_true(web_bucket_take(&bucket, start));
	assert_int_equal(web_bucket_wait(&bucket, start + 1), 90);
	for (i = 0; i < 1000; i++)
		assert_true(web_bucket_take(&none, start));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("without configuration reading is free and reporting is off",
		     test_unconfigured),
		TEST("each token opens its own door, the whole token only", test_tokens),
		TEST("passwords are checked by the worker once, and nobody else's counts",
		     test_passwords),
		TEST("what is no name and password is refused without a hash", test_malformed),
		TEST("hashes that wait are bounded, and the same question is asked once",
		     test_bounds),
		TEST("wrong passwords do not push out a right one", test_wrong_keep_right),
		TEST("without a worker passwords are refused as busy", test_without_worker),
		TEST("a bucket gives its burst, and then one an interval", test_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
