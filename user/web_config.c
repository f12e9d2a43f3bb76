// SPDX-License-Identifier: Apache-2.0
#include "web_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_value.h"
#include "web_config_keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HASH_LENGTH 60 /* of every bcrypt hash */
/* Each step doubles the time: 15 takes two seconds, which one client may ask for again and again. */
#define COST_MAX     14
#define HASH_ALLOWED "a bcrypt hash with a cost of 4 to 14, as 'htpasswd -nBC 10 NAME' prints it"
/* An hour between two requests; a thousand a second for an hour at once. */
#define INTERVAL_MAX UINT64_C(3600000000000)
#define BURST_MAX    3600000

static int fail_name(struct config_reader *reader, const struct config_key *key, const char *text,
		     struct web_names names)
{
	char allowed[CONFIG_ERROR_SIZE / 2] = "";
	size_t i, used = 0;

	for (i = 0; i < names.count && used < sizeof(allowed); i++)
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
					 i ? ", " : "", names.list[i]);
	return config_reader_fail_value(reader, key, text, "not known", allowed);
}

int web_config_name(struct config_reader *reader, const struct config_key *key,
		    struct web_names names, uint32_t *ret_index)
{
	const char *text;
	uint32_t i;
	int err = config_reader_text(reader, key, "a name", &text);

	if (err)
		return err;
	for (i = 0; i < names.count; i++)
		if (!strcmp(text, names.list[i])) {
			*ret_index = i;
			return config_reader_next(reader);
		}
	return fail_name(reader, key, text, names);
}

/* A text of up to key->max bytes, into an array of one more. */
int web_config_text(struct config_reader *reader, const struct config_key *key, void *into)
{
	const char *text;
	char allowed[48];
	size_t size, i;
	int err;

	snprintf(allowed, sizeof(allowed), "a text of up to %llu bytes",
		 (unsigned long long)key->max);
	err = config_reader_text(reader, key, allowed, &text);
	if (err)
		return err;
	size = strlen(text);
	if (size > key->max)
		return config_reader_fail_value(reader, key, text, "too long", allowed);
	for (i = 0; i < size; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return config_reader_fail_value(reader, key, text, "a control character",
							allowed);
	memcpy((char *)into + key->offset, text, size);
	return config_reader_next(reader);
}

static int parse_header_of(struct config_reader *reader, const struct config_key *key, void *into,
			   struct web_names names)
{
	uint32_t index = 0;
	int err = web_config_name(reader, key, names, &index);

	if (!err)
		strcpy((char *)into + key->offset, names.list[index]);
	return err;
}

static int parse_frame_options(struct config_reader *reader, const struct config_key *key,
			       void *into)
{
	static const char *const allowed[] = {"", "deny", "sameorigin"};

	return parse_header_of(reader, key, into, (struct web_names){allowed, COUNT(allowed)});
}

static int parse_type_options(struct config_reader *reader, const struct config_key *key,
			      void *into)
{
	static const char *const allowed[] = {"", "nosniff"};

	return parse_header_of(reader, key, into, (struct web_names){allowed, COUNT(allowed)});
}

static const struct config_key header_keys[] = {
	{"Content-Security-Policy", web_config_text, WEB_SETTING(headers[WEB_HEADER_CSP]), 0,
	 WEB_HEADER_SIZE - 1},
	{"X-Frame-Options", parse_frame_options, WEB_SETTING(headers[WEB_HEADER_FRAME_OPTIONS]), 0,
	 0},
	{"X-Content-Type-Options", parse_type_options,
	 WEB_SETTING(headers[WEB_HEADER_CONTENT_TYPE_OPTIONS]), 0, 0},
	{"X-XSS-Protection", web_config_text, WEB_SETTING(headers[WEB_HEADER_XSS_PROTECTION]), 0,
	 WEB_HEADER_SIZE - 1},
	{"Strict-Transport-Security", web_config_text, WEB_SETTING(headers[WEB_HEADER_HSTS]), 0,
	 WEB_HEADER_SIZE - 1},
};

static int parse_headers(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct config_scope scope = {.noun = key->name};

	return config_reader_mapping(reader, header_keys, COUNT(header_keys), &scope, into);
}

/* It is spoken nowhere here, whatever the file says: clients agree on HTTP/1.1. */
static int parse_http2(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct config_key inner = {.name = key->name};
	bool wanted;

	(void)into;
	return config_parse_bool(reader, &inner, &wanted);
}

static const struct config_key http_keys[] = {
	{"http2", parse_http2, 0, 0, 0},
	{"headers", parse_headers, 0, 0, 0},
};

static int parse_http(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct config_scope scope = {.noun = key->name};

	return config_reader_mapping(reader, http_keys, COUNT(http_keys), &scope, into);
}

static bool is_bcrypt(const char *hash)
{
	static const char alphabet[] =
		"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	int cost;

	if (strlen(hash) != HASH_LENGTH || hash[0] != '$' || hash[1] != '2' ||
	    !strchr("aby", hash[2]) || hash[3] != '$' || hash[6] != '$' ||
	    strspn(hash + 4, "0123456789") != 2)
		return false;
	cost = (hash[4] - '0') * 10 + hash[5] - '0';
	return cost >= 4 && cost <= COST_MAX && strspn(hash + 7, alphabet) == HASH_LENGTH - 7;
}

static int parse_user(struct config_reader *reader, struct web_settings *settings)
{
	struct web_user *user = &settings->users[settings->user_count];
	struct config_key key = {.name = "a user's name", .max = WEB_USER_SIZE - 1};
	const struct config_mark mark = config_reader_mark(reader);
	const char *hash;
	uint32_t i;
	int err = web_config_text(reader, &key, user->name);

	if (err)
		return err;
	if (!*user->name || strchr(user->name, ':'))
		return config_fail(&reader->report, mark,
				   "bad name '%s' in basic_auth_users (allowed: not empty, no ':')",
				   config_quote(user->name).text);
	for (i = 0; i < settings->user_count; i++)
		if (!strcmp(settings->users[i].name, user->name))
			return config_fail(&reader->report, mark,
					   "duplicate user '%s' in basic_auth_users",
					   config_quote(user->name).text);
	key.name = "the user's password";
	err = config_reader_text(reader, &key, HASH_ALLOWED, &hash);
	if (err)
		return err;
	/* It is not quoted: it might be the password itself. */
	if (!is_bcrypt(hash))
		return config_fail(&reader->report, config_reader_mark(reader),
				   "the password of '%s' is not hashed as it must be (allowed: %s)",
				   config_quote(user->name).text, HASH_ALLOWED);
	memcpy(user->hash, hash, HASH_LENGTH);
	settings->user_count++;
	return config_reader_next(reader);
}

static int parse_users(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_settings *settings = &((struct web_config *)into)->settings;
	int err;

	if (reader->event.type != YAML_MAPPING_START_EVENT)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "wrong type for %s (allowed: a mapping of names to hashes)",
				   key->name);
	err = config_reader_next(reader);
	while (!err && reader->event.type != YAML_MAPPING_END_EVENT) {
		if (settings->user_count == WEB_USERS_MAX)
			return config_fail(&reader->report, config_reader_mark(reader),
					   "too many users in %s (allowed: %d)", key->name,
					   WEB_USERS_MAX);
		err = parse_user(reader, settings);
	}
	return err ? err : config_reader_next(reader);
}

static int parse_interval(struct config_reader *reader, const struct config_key *key, void *into)
{
	static const char *const allowed = "0s to 1h, in ms, s, m or h";
	struct web_config *config = into;
	const char *text, *why;
	uint64_t ns = 0;
	int err = config_reader_text(reader, key, allowed, &text);

	if (err)
		return err;
	if (strcmp(text, "0") != 0 && config_value_duration(text, &ns, &why))
		return config_reader_fail_value(reader, key, text, why, allowed);
	if (ns > INTERVAL_MAX)
		return config_reader_fail_value(reader, key, text, "out of range", allowed);
	config->settings.rate_interval_ns = ns;
	return config_reader_next(reader);
}

static int parse_burst(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct config_key inner = {.name = key->name, .min = 1, .max = BURST_MAX};
	struct web_config *config = into;
	uint32_t burst = 0;
	int err = config_parse_uint32(reader, &inner, &burst);

	config->settings.rate_burst = burst;
	return err;
}

static const struct config_key rate_keys[] = {
	{"interval", parse_interval, 0, 0, 0},
	{"burst", parse_burst, 0, 0, 0},
};

static int parse_rate(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct config_scope scope = {.noun = key->name};

	return config_reader_mapping(reader, rate_keys, COUNT(rate_keys), &scope, into);
}

static const struct config_key top_keys[] = {
	{"tls_server_config", web_config_tls, 0, 0, 0},
	{"http_server_config", parse_http, 0, 0, 0},
	{"basic_auth_users", parse_users, 0, 0, 0},
	{"rate_limit", parse_rate, 0, 0, 0},
};

static int read_document(struct config_reader *reader, struct web_config *config)
{
	static const struct config_scope scope = {.noun = "the web configuration"};
	int err = config_reader_open(reader);

	if (!err && reader->event.type != YAML_STREAM_END_EVENT)
		err = config_reader_mapping(reader, top_keys, COUNT(top_keys), &scope, config);
	if (!err)
		err = config_reader_end(reader);
	config_reader_close(reader);
	return err;
}

int web_config_parse(const char *text, size_t size, const char *file_name,
		     struct web_config *ret_config, struct config_error *ret_error)
{
	const struct config_report report = {.file_name = file_name, .error = ret_error};
	struct config_reader reader = {.report = report, .text = text, .size = size};
	struct web_config *config = calloc(1, sizeof(*config));
	int err;

	if (!config) {
		config_fail(&report, (struct config_mark){0, 0}, "out of memory");
		return -ENOMEM;
	}
	config->settings.min_version = WEB_TLS12;
	config->settings.max_version = WEB_TLS13;
	config->settings.server_order = 1;
	err = read_document(&reader, config);
	if (!err && config->settings.tls)
		err = web_config_check_tls(&report, config);
	if (!err && config->settings.rate_interval_ns && !config->settings.rate_burst)
		err = config_fail(&report, (struct config_mark){0, 0},
				  "rate_limit with an interval and without a burst");
	if (!err)
		*ret_config = *config;
	free(config);
	return err;
}
