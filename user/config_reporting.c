// SPDX-License-Identifier: Apache-2.0
/* The schema of what applications report: who may, how much, for how long it is kept. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "config_draft.h"
#include "config_value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define S   UINT64_C(1000000000)
#define DAY (24 * 3600 * S)

#define REPORTING(member) offsetof(struct config_draft, config.reporting.member)
#define SETTING(member)	  REPORTING(settings.member)

/* Above it an id is not one: (uid_t)-1 means "nobody in particular". */
#define ID_MAX	     4294967294
#define PATH_ALLOWED "an absolute path, at most 511 characters"
#define SIZE_ALLOWED "1MiB to 1024GiB, in KiB, MiB, GiB or bytes"
#define ZONE_ALLOWED "a name such as Europe/Berlin or UTC"

const char *const config_session_labels[3] = {
	[SESSION_LABEL_OFF] = "off",
	[SESSION_LABEL_PLAIN] = "plain",
	[SESSION_LABEL_HASHED] = "hashed",
};

void config_default_reporting(struct config_reporting *reporting)
{
	struct reporting_settings *settings = &reporting->settings;

	/* Root, who may do anything anyway. */
	settings->uid_count = 1;
	settings->sender_rate = 10000;
	settings->sender_burst = 20000;
	settings->total_rate = 50000;
	settings->total_burst = 100000;
	settings->id_window_ns = 7 * DAY;
	settings->approval_timeout_ns = 30 * 60 * S;
	settings->approval_grace_ns = 30 * S;
	settings->pending_max = 100000;
	settings->session_label = SESSION_LABEL_OFF;
	settings->retention_ns = 365 * DAY;
	settings->retention_bytes = UINT64_C(4) << 30;
}

/* The one place that adds to `uids` or `gids`: key->offset says which; the count is beside it. */
static int add_id(struct config_reader *reader, const struct config_key *key, uint32_t id,
		  struct config_draft *draft)
{
	struct reporting_settings *settings = &draft->config.reporting.settings;
	bool user = key->offset == SETTING(uids);
	uint32_t *ids = user ? settings->uids : settings->gids;
	uint32_t *count = user ? &settings->uid_count : &settings->gid_count;

	for (uint32_t i = 0; i < *count; i++)
		if (ids[i] == id)
			return config_reader_next(reader);
	if (*count == REPORTING_IDS_MAX)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "too many ids in %s (allowed: %d, names included)", key->name,
				   REPORTING_IDS_MAX);
	ids[(*count)++] = id;
	return config_reader_next(reader);
}

static int parse_id(struct config_reader *reader, const struct config_key *key, void *into)
{
	const char *text, *why, *allowed = "a whole number, 0 to 4294967294";
	uint64_t id;
	int err = config_reader_plain(reader, key, allowed, &text);

	if (err)
		return err;
	if (config_value_whole(text, &id, &why))
		return config_reader_fail_value(reader, key, text, why, allowed);
	if (id > ID_MAX)
		return config_reader_fail_value(reader, key, text, "out of range", allowed);
	return add_id(reader, key, (uint32_t)id, into);
}

static int parse_user(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct passwd *entry;
	const char *text;
	int err = config_reader_text(reader, key, "a user's name", &text);

	if (err)
		return err;
	entry = getpwnam(text);
	if (!entry)
		return config_reader_fail_value(reader, key, text, "no such user",
						"users of this host");
	return add_id(reader, key, entry->pw_uid, into);
}

static int parse_group(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct group *entry;
	const char *text;
	int err = config_reader_text(reader, key, "a group's name", &text);

	if (err)
		return err;
	entry = getgrnam(text);
	if (!entry)
		return config_reader_fail_value(reader, key, text, "no such group",
						"groups of this host");
	return add_id(reader, key, entry->gr_gid, into);
}

static int parse_ids(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_id, into);
}

static int parse_users(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_user, into);
}

static int parse_groups(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_group, into);
}

static int parse_file(struct config_reader *reader, const struct config_key *key, void *into)
{
	char *path = (char *)into + key->offset;
	const char *text;
	int err = config_reader_text(reader, key, PATH_ALLOWED, &text);

	if (err)
		return err;
	if (text[0] != '/')
		return config_reader_fail_value(reader, key, text, "not absolute", PATH_ALLOWED);
	if (strlen(text) >= CONFIG_PATH_SIZE)
		return config_reader_fail_value(reader, key, text, "too long", PATH_ALLOWED);
	if (strpbrk(text, "\n\r\t"))
		return config_reader_fail_value(reader, key, text, "a control character",
						PATH_ALLOWED);
	memset(path, 0, CONFIG_PATH_SIZE);
	memcpy(path, text, strlen(text));
	return config_reader_next(reader);
}

#define NUMBER(name_, member_, low, high)                                                  \
	{                                                                                  \
		.name = (name_), .parse = config_parse_uint32, .offset = SETTING(member_), \
		.min = (low), .max = (high)                                                \
	}
#define DURATION(name_, member_, low, high)                                                  \
	{                                                                                    \
		.name = (name_), .parse = config_parse_duration, .offset = SETTING(member_), \
		.min = (low), .max = (high)                                                  \
	}
#define PATH(name_, member_)                                                       \
	{                                                                          \
		.name = (name_), .parse = parse_file, .offset = REPORTING(member_) \
	}

/* Ten million a second is no limit at all. */
#define RATE_MAX 10000000

static const struct config_key sender_rate_keys[] = {
	NUMBER("per_second", sender_rate, 1, RATE_MAX),
	NUMBER("burst", sender_burst, 1, RATE_MAX),
};

static const struct config_key total_rate_keys[] = {
	NUMBER("per_second", total_rate, 1, RATE_MAX),
	NUMBER("burst", total_burst, 1, RATE_MAX),
};

static int parse_sender_rate(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_scope scope = {.noun = key->name};

	return config_reader_mapping(reader, sender_rate_keys, COUNT(sender_rate_keys), &scope,
				     into);
}

static int parse_total_rate(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_scope scope = {.noun = key->name};

	return config_reader_mapping(reader, total_rate_keys, COUNT(total_rate_keys), &scope, into);
}

static const struct config_key event_keys[] = {
	{.name = "allow_uids", .parse = parse_ids, .offset = SETTING(uids)},
	{.name = "allow_users", .parse = parse_users, .offset = SETTING(uids)},
	{.name = "allow_gids", .parse = parse_ids, .offset = SETTING(gids)},
	{.name = "allow_groups", .parse = parse_groups, .offset = SETTING(gids)},
	PATH("token_file", token_file),
	{.name = "sender_rate", .parse = parse_sender_rate},
	{.name = "total_rate", .parse = parse_total_rate},
	DURATION("id_window", id_window_ns, 60 * S, 365 * DAY),
};

static int parse_session_label(struct config_reader *reader, const struct config_key *key,
			       void *into)
{
	struct config_draft *draft = into;
	const char *text;
	int err = config_reader_text(reader, key, "off, plain, hashed", &text);

	if (err)
		return err;
	for (uint32_t i = 0; i < COUNT(config_session_labels); i++) {
		if (strcmp(text, config_session_labels[i]) != 0)
			continue;
		draft->config.reporting.settings.session_label = i;
		return config_reader_next(reader);
	}
	return config_reader_fail_value(reader, key, text, "no such label", "off, plain, hashed");
}

static const struct config_key approval_keys[] = {
	DURATION("timeout", approval_timeout_ns, 1 * S, 30 * DAY),
	DURATION("grace", approval_grace_ns, 0, DAY),
	NUMBER("pending_max", pending_max, 1, 1000000),
	{.name = "session_label", .parse = parse_session_label},
	PATH("session_key_file", session_key_file),
	{.name = "plain_actors", .parse = config_parse_bool, .offset = SETTING(plain_actors)},
};

static const struct config_key web_keys[] = {
	PATH("read_token_file", read_token_file),
};

static int parse_size(struct config_reader *reader, const struct config_key *key, void *into)
{
	uint64_t *bytes = (uint64_t *)((char *)into + key->offset), value;
	const char *text, *why;
	int err = config_reader_plain(reader, key, SIZE_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_size(text, &value, &why))
		return config_reader_fail_value(reader, key, text, why, SIZE_ALLOWED);
	if (value < key->min || value > key->max)
		return config_reader_fail_value(reader, key, text, "out of range", SIZE_ALLOWED);
	*bytes = value;
	return config_reader_next(reader);
}

static const struct config_key journal_keys[] = {
	DURATION("retention", retention_ns, 3600 * S, 3650 * DAY),
	{.name = "max_size",
	 .parse = parse_size,
	 .offset = SETTING(retention_bytes),
	 .min = UINT64_C(1) << 20,
	 .max = UINT64_C(1) << 40},
};

#define SECTION(function, keys)                                                              \
	int function(struct config_reader *reader, const struct config_key *key, void *into) \
	{                                                                                    \
		struct config_scope scope = {.noun = key->name};                             \
                                                                                             \
		return config_reader_mapping(reader, keys, COUNT(keys), &scope, into);       \
	}

SECTION(config_parse_events, event_keys)
SECTION(config_parse_approvals, approval_keys)
SECTION(config_parse_web, web_keys)
SECTION(config_parse_journal, journal_keys)

int config_parse_time_zone(struct config_reader *reader, const struct config_key *key, void *into)
{
	char *zone = (char *)into + SETTING(time_zone);
	const char *text;
	size_t length;
	int err = config_reader_text(reader, key, ZONE_ALLOWED, &text);

	if (err)
		return err;
	length = strlen(text);
	if (length == 0 || length >= REPORTING_ZONE_SIZE)
		return config_reader_fail_value(reader, key, text, "empty or too long",
						ZONE_ALLOWED);
	/* It becomes a path below the zone directory. */
	for (size_t i = 0; i < length; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/",
			    text[i]))
			return config_reader_fail_value(
				reader, key, text, "a character that is not allowed", ZONE_ALLOWED);
	if (text[0] == '/')
		return config_reader_fail_value(reader, key, text, "a path", ZONE_ALLOWED);
	memset(zone, 0, REPORTING_ZONE_SIZE);
	memcpy(zone, text, length);
	return config_reader_next(reader);
}
