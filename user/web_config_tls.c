// SPDX-License-Identifier: Apache-2.0
/* tls_server_config of the web configuration. */
#include <errno.h>
#include <string.h>

#include "web_config_keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
	return web_config_text(reader, key, into);
}

static int parse_auth(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_config *config = into;

	config->auth_mark = config_reader_mark(reader);
	return web_config_name(reader, key, (struct web_names){auth_names, WEB_CLIENT_AUTHS},
			       &config->settings.client_auth);
}

static int parse_version(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_config *config = into;

	config->max_mark = config_reader_mark(reader);
	return web_config_name(reader, key, (struct web_names){version_names, WEB_TLS_VERSIONS},
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
	int err = web_config_name(reader, key,
				  (struct web_names){cipher_names, COUNT(cipher_names)}, &index);

	if (!err)
		add_once(settings->ciphers, &settings->cipher_count, index, WEB_CIPHERS - 1);
	return err;
}

static int parse_curve(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct web_settings *settings = &((struct web_config *)into)->settings;
	uint32_t index = 0;
	int err = web_config_name(reader, key, (struct web_names){curve_names, WEB_CURVES}, &index);

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
	return web_config_text(reader, &inner, settings);
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
	{"min_version", parse_version, WEB_SETTING(min_version), 0, 0},
	{"max_version", parse_version, WEB_SETTING(max_version), 0, 0},
	{"cipher_suites", parse_ciphers, 0, 0, 0},
	{"prefer_server_cipher_suites", parse_order, 0, 0, 0},
	{"curve_preferences", parse_curves, 0, 0, 0},
};

int web_config_tls(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct config_scope scope = {.noun = key->name};
	struct web_config *config = into;

	config->settings.tls = 1;
	config->tls_mark = config_reader_mark(reader);
	return config_reader_mapping(reader, tls_keys, COUNT(tls_keys), &scope, into);
}

int web_config_check_tls(const struct config_report *report, const struct web_config *config)
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
