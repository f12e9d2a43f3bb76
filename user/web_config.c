// SPDX-License-Identifier: Apache-2.0
#include "web_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_value.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define SETTING(name) offsetof(struct web_config, settings.name)

#define HASH_LENGTH 60 /* of every bcrypt hash */
/* Each step doubles the time: 15 takes two seconds, which one client may ask for again and again. */
#define COST_MAX     14
#define HASH_ALLOWED "a bcrypt hash with a cost of 4 to 14, as 'htpasswd -nBC 10 NAME' prints it"
/* An hour between two requests; a thousand a second for an hour at once. */
#define INTERVAL_MAX UINT64_C(3600000000000)
#define BURST_MAX    3600000

static const char *const auth_names[WEB_CLIENT_AUTHS] = {
	[WEB_CLIENT_NONE] = "NoClientCert",
	[WEB_CLIENT_REQUEST] = "RequestClientCert",
	[WEB_CLIENT_REQUIRE] = "RequireAnyClientCert",
	[WEB_CLIENT_VERIFY] = "VerifyClientCertIfGiven",
	[WEB_CLIENT_REQUIRE_AND_VERIFY] = "RequireAndVerifyClientCert",
};
static const char *const version_names[WEB_TLS_VERSIONS] = {"TLS10", "TLS11", "TLS12", "TLS13"};
static const char *const curve_names[WEB_CURVES] = {"CurveP256", "CurveP384", "CurveP521",
						    "X25519"};
/* After the suites, those of TLS 1.3: they may be named and are always on. */
static const char *const cipher_names[WEB_CIPHERS + 3] = {
	[WEB_RSA_AES_128_CBC_SHA] = "TLS_RSA_WITH_AES_128_CBC_SHA",
	[WEB_RSA_AES_256_CBC_SHA] = "TLS_RSA_WITH_AES_256_CBC_SHA",
	[WEB_RSA_AES_128_GCM_SHA256] = "TLS_RSA_WITH_AES_128_GCM_SHA256",
	[WEB_RSA_AES_256_GCM_SHA384] = "TLS_RSA_WITH_AES_256_GCM_SHA384",
	[WEB_ECDHE_ECDSA_AES_128_CBC_SHA] = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
	[WEB_ECDHE_ECDSA_AES_256_CBC_SHA] = "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
	[WEB_ECDHE_RSA_AES_128_CBC_SHA] = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
	[WEB_ECDHE_RSA_AES_256_CBC_SHA] = "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
	[WEB_ECDHE_ECDSA_AES_128_GCM_SHA256] = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
	[WEB_ECDHE_ECDSA_AES_256_GCM_SHA384] = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
	[WEB_ECDHE_RSA_AES_128_GCM_SHA256] = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
	[WEB_ECDHE_RSA_AES_256_GCM_SHA384] = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
	[WEB_ECDHE_RSA_CHACHA20_POLY1305] = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	[WEB_ECDHE_ECDSA_CHACHA20_POLY1305] = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	"TLS_AES_128_GCM_SHA256",
	"TLS_AES_256_GCM_SHA384",
	"TLS_CHACHA20_POLY1305_SHA256",
};

/* What a value may be: an index into a table of names. */
struct names {
	const char *const *list;
	size_t count;
};

static int fail_name(struct config_reader *reader, const struct config_key *key, const char *text,
		     struct names names)
{
	char allowed[CONFIG_ERROR_SIZE / 2] = "";
	size_t i, used = 0;

	for (i = 0; i < names.count && used < sizeof(allowed); i++)
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
					 i ? ", " : "", names.list[i]);
	return config_reader_fail_value(reader, key, text, "not known", allowed);
}

static int read_name(struct config_reader *reader, const struct config_key *key, struct names names,
		     uint32_t *ret_index)
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
static int parse_text(struct config_reader *reader, const struct config_key *key, void *into)
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

static char *pem_of(struct web_settings *settings, enum web_pem pem, uint32_t **ret_size)
{
	uint32_t *const sizes[WEB_PEMS] = {&settings->cert_size, &settings->key_size,
					   &settings->ca_size};
	char *const blocks[WEB_PEMS] = {settings->cert, settings->key, settings->ca};

	*ret_size = sizes[pem];
	return blocks[pem];
}

/* key->min is the enum web_pem. */
static int parse_pem(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_config *config = into;
	uint32_t *size;
	char *block = pem_of(&config->settings, (enum web_pem)key->min, &size);
	const char *text;
	int err = config_reader_text(reader, key, "PEM text", &text);

	if (err)
		return err;
	if (*text && (strlen(text) > WEB_PEM_SIZE || !strstr(text, "-----BEGIN ")))
		return config_fail(&reader->report, config_reader_mark(reader),
				   "%s is no PEM text (allowed: up to 64 KiB with '-----BEGIN')",
				   key->name);
	*size = (uint32_t)strlen(text);
	memcpy(block, text, *size);
	return config_reader_next(reader);
}

static int parse_path(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_config *config = into;

	config->marks[key->min] = config_reader_mark(reader);
	return parse_text(reader, key, into);
}

static int parse_auth(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_config *config = into;

	config->auth_mark = config_reader_mark(reader);
	return read_name(reader, key, (struct names){auth_names, WEB_CLIENT_AUTHS},
			 &config->settings.client_auth);
}

static int parse_version(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_config *config = into;

	config->max_mark = config_reader_mark(reader);
	return read_name(reader, key, (struct names){version_names, WEB_TLS_VERSIONS},
			 (uint32_t *)((char *)into + key->offset));
}

static int parse_order(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct config_key inner = {.name = key->name};
	struct web_config *config = into;
	bool order = true;
	int err = config_parse_bool(reader, &inner, &order);

	config->settings.server_order = order;
	return err;
}

/* Adds an index to a list once; one that is there already, or above `last`, changes nothing. */
static void add_once(uint8_t *list, uint32_t *count, uint32_t index, uint32_t last)
{
	if (index <= last && !memchr(list, (int)index, *count))
		list[(*count)++] = (uint8_t)index;
}

static int parse_cipher(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_settings *settings = &((struct web_config *)into)->settings;
	uint32_t index = 0;
	int err = read_name(reader, key, (struct names){cipher_names, COUNT(cipher_names)}, &index);

	if (!err)
		add_once(settings->ciphers, &settings->cipher_count, index, WEB_CIPHERS - 1);
	return err;
}

static int parse_curve(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_settings *settings = &((struct web_config *)into)->settings;
	uint32_t index = 0;
	int err = read_name(reader, key, (struct names){curve_names, WEB_CURVES}, &index);

	if (!err)
		add_once(settings->curves, &settings->curve_count, index, WEB_CURVES - 1);
	return err;
}

static int parse_san(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_settings *settings = &((struct web_config *)into)->settings;
	const struct config_key inner = {
		.name = key->name,
		.offset = offsetof(struct web_settings, sans) +
			  settings->san_count * sizeof(settings->sans[0]),
		.max = WEB_SAN_SIZE - 1,
	};

	if (settings->san_count == WEB_SANS_MAX)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "too many names in %s (allowed: %d)", key->name, WEB_SANS_MAX);
	settings->san_count++;
	return parse_text(reader, &inner, settings);
}

static int parse_ciphers(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_cipher, into);
}

static int parse_curves(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_curve, into);
}

static int parse_sans(struct config_reader *reader, const struct config_key *key, void *into)
{
	((struct web_config *)into)->sans_mark = config_reader_mark(reader);
	return config_reader_list(reader, key, parse_san, into);
}

static const struct config_key tls_keys[] = {
	{"cert", parse_pem, 0, WEB_PEM_CERT, 0},
	{"key", parse_pem, 0, WEB_PEM_KEY, 0},
	{"client_ca", parse_pem, 0, WEB_PEM_CA, 0},
	{"cert_file", parse_path, offsetof(struct web_config, paths[WEB_PEM_CERT]), WEB_PEM_CERT,
	 PATH_MAX - 1},
	{"key_file", parse_path, offsetof(struct web_config, paths[WEB_PEM_KEY]), WEB_PEM_KEY,
	 PATH_MAX - 1},
	{"client_ca_file", parse_path, offsetof(struct web_config, paths[WEB_PEM_CA]), WEB_PEM_CA,
	 PATH_MAX - 1},
	{"client_auth_type", parse_auth, 0, 0, 0},
	{"client_allowed_sans", parse_sans, 0, 0, 0},
	{"min_version", parse_version, SETTING(min_version), 0, 0},
	{"max_version", parse_version, SETTING(max_version), 0, 0},
	{"cipher_suites", parse_ciphers, 0, 0, 0},
	{"prefer_server_cipher_suites", parse_order, 0, 0, 0},
	{"curve_preferences", parse_curves, 0, 0, 0},
};

static int parse_tls(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct config_scope scope = {.noun = key->name};
	struct web_config *config = into;

	config->settings.tls = 1;
	config->tls_mark = config_reader_mark(reader);
	return config_reader_mapping(reader, tls_keys, COUNT(tls_keys), &scope, into);
}

static int parse_header_of(struct config_reader *reader, const struct config_key *key, void *into,
			   struct names names)
{
	uint32_t index = 0;
	int err = read_name(reader, key, names, &index);

	if (!err)
		strcpy((char *)into + key->offset, names.list[index]);
	return err;
}

static int parse_frame_options(struct config_reader *reader, const struct config_key *key,
			       void *into)
{
	static const char *const allowed[] = {"", "deny", "sameorigin"};

	return parse_header_of(reader, key, into, (struct names){allowed, COUNT(allowed)});
}

static int parse_type_options(struct config_reader *reader, const struct config_key *key,
			      void *into)
{
	static const char *const allowed[] = {"", "nosniff"};

	return parse_header_of(reader, key, into, (struct names){allowed, COUNT(allowed)});
}

static const struct config_key header_keys[] = {
	{"Content-Security-Policy", parse_text, SETTING(headers[WEB_HEADER_CSP]), 0,
	 WEB_HEADER_SIZE - 1},
	{"X-Frame-Options", parse_frame_options, SETTING(headers[WEB_HEADER_FRAME_OPTIONS]), 0, 0},
	{"X-Content-Type-Options", parse_type_options,
	 SETTING(headers[WEB_HEADER_CONTENT_TYPE_OPTIONS]), 0, 0},
	{"X-XSS-Protection", parse_text, SETTING(headers[WEB_HEADER_XSS_PROTECTION]), 0,
	 WEB_HEADER_SIZE - 1},
	{"Strict-Transport-Security", parse_text, SETTING(headers[WEB_HEADER_HSTS]), 0,
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
	int err = parse_text(reader, &key, user->name);

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
	{"tls_server_config", parse_tls, 0, 0, 0},
	{"http_server_config", parse_http, 0, 0, 0},
	{"basic_auth_users", parse_users, 0, 0, 0},
	{"rate_limit", parse_rate, 0, 0, 0},
};

/* The rules between keys. */
static int check_tls(const struct config_report *report, const struct web_config *config)
{
	static const char *const names[WEB_PEMS] = {"cert", "key", "client_ca"};
	const struct web_settings *settings = &config->settings;
	const uint32_t sizes[WEB_PEMS] = {settings->cert_size, settings->key_size,
					  settings->ca_size};
	bool has[WEB_PEMS], verifies;
	int i;

	for (i = 0; i < WEB_PEMS; i++) {
		has[i] = sizes[i] || *config->paths[i];
		if (sizes[i] && *config->paths[i])
			return config_fail(report, config->marks[i],
					   "%s and %s_file together (allowed: one of them)",
					   names[i], names[i]);
		if (!has[i] && i != WEB_PEM_CA)
			return config_fail(report, config->tls_mark,
					   "no %s_file in tls_server_config", names[i]);
	}
	verifies = settings->client_auth == WEB_CLIENT_VERIFY ||
		   settings->client_auth == WEB_CLIENT_REQUIRE_AND_VERIFY;
	if (has[WEB_PEM_CA] && settings->client_auth == WEB_CLIENT_NONE)
		return config_fail(report, config->tls_mark,
				   "client_ca_file without a client_auth_type that asks for "
				   "certificates");
	if (verifies && !has[WEB_PEM_CA])
		return config_fail(report, config->auth_mark,
				   "client_auth_type %s needs a client_ca_file",
				   auth_names[settings->client_auth]);
	if (settings->san_count && settings->client_auth != WEB_CLIENT_REQUIRE &&
	    settings->client_auth != WEB_CLIENT_REQUIRE_AND_VERIFY)
		return config_fail(report, config->sans_mark,
				   "client_allowed_sans needs client_auth_type "
				   "RequireAnyClientCert or RequireAndVerifyClientCert");
	if (settings->min_version > settings->max_version)
		return config_fail(
			report, config->max_mark, "min_version %s is above max_version %s",
			version_names[settings->min_version], version_names[settings->max_version]);
	return 0;
}

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
		err = check_tls(&report, config);
	if (!err && config->settings.rate_interval_ns && !config->settings.rate_burst)
		err = config_fail(&report, (struct config_mark){0, 0},
				  "rate_limit with an interval and without a burst");
	if (!err)
		*ret_config = *config;
	free(config);
	return err;
}
