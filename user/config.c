// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_draft.h"
#include "config_reader.h"
#include "connection.h"
#include "sizes.h"

/* What the configuration lets through must fit the contract with the kernel half. */
_Static_assert(CONFIG_AGENTS_MAX == MAX_AGENT_TYPES - 1, "id 0 is no agent type");
_Static_assert(CONFIG_UPSTREAMS_MAX == MAX_UPSTREAMS - 1, "id 0 is no upstream");
_Static_assert(CONFIG_LABEL_SIZE == (int)TYPE_NAME_SIZE, "types are map members");
_Static_assert(CONFIG_LABEL_SIZE == (int)UPSTREAM_NAME_SIZE, "names are map members");
_Static_assert(CONFIG_NAME_SIZE == (int)IMAGE_NAME_SIZE, "names are map keys");
_Static_assert(CONFIG_HOST_SIZE + 1 <= (int)HOST_NAME_SIZE, "with the dot of a wildcard");
_Static_assert(CONFIG_BOUNDS_MAX == (int)HISTOGRAM_BOUNDS, "bounds are map members");
_Static_assert((int)CONFIG_KIND_TELEGRAM == (int)UPSTREAM_TELEGRAM, "kinds are map members");
_Static_assert((int)CONFIG_KIND_HTTPS == (int)UPSTREAM_HTTPS, "kinds are map members");
_Static_assert((int)CONFIG_KIND_DATABASE == (int)UPSTREAM_DATABASE, "kinds are map members");
_Static_assert((int)CONFIG_KIND_TCP == (int)UPSTREAM_TCP, "kinds are map members");

/* Drafts are some 100 KiB: too much for a stack of unknown size. */
struct drafts {
	struct config_draft user;
	struct config_draft merged;
};

static int read_user(const char *text, size_t size, const struct config_report *report,
		     struct config_draft *user)
{
	struct config_reader reader = {.report = *report, .text = text, .size = size};
	int err = config_reader_open(&reader);

	if (!err)
		err = config_schema_read(&reader, user);
	config_reader_close(&reader);
	return err;
}

int config_parse(const char *text, size_t size, const char *file_name, struct config *ret_config,
		 struct config_error *ret_error)
{
	struct config_report report = {.file_name = file_name, .error = ret_error};
	struct drafts *drafts = calloc(1, sizeof(*drafts));
	int err;

	if (!drafts) {
		config_fail(&report, (struct config_mark){0, 0}, "out of memory");
		return -ENOMEM;
	}
	err = read_user(text, size, &report, &drafts->user);
	if (!err)
		err = config_merge(&report, &drafts->user, &drafts->merged);
	if (!err)
		err = config_check(&report, &drafts->merged);
	if (!err)
		*ret_config = drafts->merged.config;
	free(drafts);
	return err;
}

static int fail_file(const struct config_report *report, int err, const char *what,
		     const char *remedy)
{
	config_fail(report, (struct config_mark){0, 0}, "%s: %s (%s)", what, strerror(-err),
		    remedy);
	return err;
}

/* Reads up to size bytes; returns how many, or -errno. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, buffer + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

int config_load(const char *path, struct config *ret_config, struct config_error *ret_error)
{
	struct config_report report = {.file_name = path, .error = ret_error};
	ssize_t size;
	char *text;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_file(&report, -errno, "cannot open the configuration",
				 "give a readable file, or none to run with the defaults");
	text = malloc(CONFIG_FILE_MAX + 1);
	if (!text) {
		err = fail_file(&report, -ENOMEM, "cannot read the configuration", "free memory");
		goto out_close;
	}
	size = read_all(fd, text, CONFIG_FILE_MAX + 1);
	if (size < 0)
		err = fail_file(&report, (int)size, "cannot read the configuration",
				"give a regular file");
	else if (size > CONFIG_FILE_MAX)
		err = fail_file(&report, -EFBIG, "the configuration is too large",
				"allowed: 1 MiB");
	else
		err = config_parse(text, (size_t)size, path, ret_config, ret_error);
	free(text);
out_close:
	close(fd);
	return err;
}

void config_defaults(struct config *ret_config)
{
	struct config_error error;

	/* The tables obey their own rules (test_config.c), so only memory can be wanting. */
	if (config_parse("", 0, "defaults", ret_config, &error))
		abort();
}

/* Member by member: there is padding between count and bound. */
static bool same_bounds(const struct config_bounds *a, const struct config_bounds *b)
{
	return a->count == b->count && memcmp(a->bound, b->bound, sizeof(a->bound)) == 0;
}

bool config_needs_reload_of_programs(const struct config *old_config,
				     const struct config *new_config)
{
	const struct config_limits *a = &old_config->limits, *b = &new_config->limits;
	const struct config_histograms *c = &old_config->histograms, *d = &new_config->histograms;

	return a->processes != b->processes || a->connections != b->connections ||
	       a->endpoints != b->endpoints || a->tools != b->tools ||
	       !same_bounds(&c->call, &d->call) || !same_bounds(&c->connect, &d->connect) ||
	       !same_bounds(&c->execution, &d->execution) || !same_bounds(&c->memory, &d->memory);
}
