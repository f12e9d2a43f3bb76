// SPDX-License-Identifier: Apache-2.0
#include "mountinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define FIELDS_MAX 32 /* of a line: 11, and one for each kind of propagation */

enum field {
	FIELD_ID,
	FIELD_DEVICE = 2,
	FIELD_ROOT,
	FIELD_POINT,
	FIELD_OPTIONAL = 6
};

static size_t split(const char *line, const char *end, struct mount_text fields[FIELDS_MAX])
{
	size_t count = 0;
	const char *stop;

	for (; line <= end && count < FIELDS_MAX; line = stop + 1) {
		stop = memchr(line, ' ', (size_t)(end - line));
		if (!stop)
			stop = end;
		fields[count++] = (struct mount_text){line, (size_t)(stop - line)};
	}
	return count;
}

static bool parse(const char *line, const char *end, struct mount *ret_mount)
{
	struct mount_text fields[FIELDS_MAX];
	size_t count = split(line, end, fields), at = FIELD_OPTIONAL;
	unsigned long major;
	char *stop;

	while (at < count && !mount_text_is(fields[at], "-"))
		at++;
	if (at + 3 >= count || !fields[FIELD_POINT].length)
		return false;
	/* Not by sscanf, which looks for the end of the whole text each time. */
	major = strtoul(fields[FIELD_DEVICE].text, &stop, 10);
	if (*stop != ':')
		return false;
	*ret_mount = (struct mount){
		.id = (int)strtoul(fields[FIELD_ID].text, NULL, 10),
		.device = makedev(major, strtoul(stop + 1, NULL, 10)),
		.root = fields[FIELD_ROOT],
		.point = fields[FIELD_POINT],
		.type = fields[at + 1],
		.options = fields[at + 3],
	};
	return true;
}

bool mountinfo_next(const char **at, struct mount *ret_mount)
{
	const char *line, *end;

	while (*(line = *at)) {
		end = strchrnul(line, '\n');
		*at = *end ? end + 1 : end;
		if (parse(line, end, ret_mount))
			return true;
	}
	return false;
}

bool mount_text_is(struct mount_text part, const char *text)
{
	return part.length == strlen(text) && !memcmp(part.text, text, part.length);
}

/* The character at *at, which moves behind it. */
static char next_plain(struct mount_text part, size_t *at)
{
	const char *text = part.text + *at;

	if (*text != '\\' || part.length - *at <= 3) {
		++*at;
		return *text;
	}
	*at += 4;
	return (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
}

int mount_text_plain(struct mount_text part, char *ret_text, size_t size)
{
	size_t used = 0, at = 0;

	while (at < part.length) {
		if (used + 1 >= size)
			return -ENAMETOOLONG;
		ret_text[used++] = next_plain(part, &at);
	}
	ret_text[used] = '\0';
	return 0;
}

bool mount_is_above(const struct mount *mount, const char *path)
{
	size_t at = 0;

	if (mount_text_is(mount->point, "/"))
		return *path == '/';
	while (at < mount->point.length)
		if (next_plain(mount->point, &at) != *path++)
			return false;
	return !*path || *path == '/';
}
