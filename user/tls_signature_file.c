// SPDX-License-Identifier: Apache-2.0
#include "tls_signature_file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_reader.h"
#include "state_file.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FILE_MAX     (16 * 1024)
#define ANCHORS	     "anchors"

static const struct config_mark nowhere = {0, 0};

static int parse_build_id(struct config_reader *reader, const struct config_key *key, void *into)
{
	static const char allowed[] = "16 to 64 hexadecimal digits in lower case, an even number";
	struct tls_signature *signature = into;
	const char *text;
	size_t length;
	int err = config_reader_text(reader, key, allowed, &text);

	if (err)
		return err;
	length = strlen(text);
	if (length < 16 || length >= sizeof(signature->build_id) || length % 2 ||
	    strspn(text, "0123456789abcdef") != length)
		return config_reader_fail_value(reader, key, text, "not a build-id", allowed);
	memcpy(signature->build_id, text, length + 1);
	return config_reader_next(reader);
}

static int parse_file(struct config_reader *reader, const struct config_key *key, void *into)
{
	static const char allowed[] = "a name, or a pattern of names or of paths";
	struct tls_signature *signature = into;
	const char *text;
	int err = config_reader_text(reader, key, allowed, &text);

	if (err)
		return err;
	if (!*text || strlen(text) >= sizeof(signature->file))
		return config_reader_fail_value(reader, key, text, "no name of a file", allowed);
	snprintf(signature->file, sizeof(signature->file), "%s", text);
	return config_reader_next(reader);
}

static int parse_offset(struct config_reader *reader, const struct config_key *key, void *into)
{
	static const char allowed[] = "0x and up to 12 hexadecimal digits";
	uint64_t *offset = (uint64_t *)((char *)into + key->offset);
	const char *text;
	int err = config_reader_plain(reader, key, allowed, &text);

	if (err)
		return err;
	if (strncmp(text, "0x", 2) != 0 || !text[2] || strlen(text) > 14 ||
	    text[2 + strspn(text + 2, "0123456789abcdefABCDEF")])
		return config_reader_fail_value(reader, key, text, "not an offset", allowed);
	*offset = strtoull(text, NULL, 16);
	if (!*offset)
		return config_reader_fail_value(reader, key, text, "no function lies there",
						allowed);
	return config_reader_next(reader);
}

#define FUNCTION(number) (offsetof(struct tls_signature, offsets) + (number) * sizeof(uint64_t))

/* In the order of the stack's functions. */
static const struct config_key function_keys[] = {
	{"SSL_write", parse_offset, FUNCTION(0), 0, 0},
	{"SSL_read", parse_offset, FUNCTION(1), 0, 0},
	{"SSL_write_ex", parse_offset, FUNCTION(2), 0, 0},
	{"SSL_read_ex", parse_offset, FUNCTION(3), 0, 0},
	{"SSL_free", parse_offset, FUNCTION(4), 0, 0},
};

static int parse_functions(struct config_reader *reader, const struct config_key *key, void *into)
{
	const struct config_scope scope = {.noun = key->name};

	return config_reader_mapping(reader, function_keys, COUNT(function_keys), &scope, into);
}

static int parse_found_by(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct tls_signature *signature = into;
	const char *text;
	int err = config_reader_text(reader, key, ANCHORS, &text);

	if (err)
		return err;
	if (strcmp(text, ANCHORS) != 0)
		return config_reader_fail_value(reader, key, text, "not a way to find them",
						ANCHORS);
	signature->searched = true;
	return config_reader_next(reader);
}

static const struct config_key top_keys[] = {
	{"build_id", parse_build_id, 0, 0, 0},
	{"file", parse_file, 0, 0, 0},
	{"functions", parse_functions, 0, 0, 0},
	{"found_by", parse_found_by, 0, 0, 0},
};

/* Whether the name of its own file is another build-id. */
static bool is_misnamed(const char *file_name, const char *build_id)
{
	const char *slash = strrchr(file_name, '/'), *base = slash ? slash + 1 : file_name;
	size_t length = strspn(base, "0123456789abcdef");

	return length >= 16 && !strcmp(base + length, ".yaml") &&
	       (strlen(build_id) != length || strncmp(base, build_id, length) != 0);
}

static int check(const struct config_report *report, const struct tls_signature *signature)
{
	size_t i, other;

	if (!signature->build_id[0])
		return config_fail(report, nowhere, "has no build_id");
	if (is_misnamed(report->file_name, signature->build_id))
		return config_fail(report, nowhere,
				   "is refused: its name is another build than its build_id %s",
				   signature->build_id);
	if (!(signature->offsets[0] || signature->offsets[2]) ||
	    !(signature->offsets[1] || signature->offsets[3]))
		return config_fail(report, nowhere,
				   "needs a writing and a reading function (SSL_write or "
				   "SSL_write_ex, SSL_read or SSL_read_ex)");
	for (i = 0; i < COUNT(function_keys); i++)
		for (other = i + 1; other < COUNT(function_keys); other++)
			if (signature->offsets[i] &&
			    signature->offsets[i] == signature->offsets[other])
				return config_fail(
					report, nowhere, "%s and %s are at the same offset",
					function_keys[i].name, function_keys[other].name);
	return 0;
}

int tls_signature_parse(const char *text, size_t size, const char *file_name,
			struct tls_signature *ret_signature, struct config_error *ret_error)
{
	static const struct config_scope scope = {.noun = "the signature"};
	const struct config_report report = {.file_name = file_name, .error = ret_error};
	struct config_reader reader = {.report = report, .text = text, .size = size};
	struct tls_signature signature = {};
	int err = config_reader_open(&reader);

	if (!err && reader.event.type != YAML_STREAM_END_EVENT)
		err = config_reader_mapping(&reader, top_keys, COUNT(top_keys), &scope, &signature);
	if (!err)
		err = config_reader_end(&reader);
	config_reader_close(&reader);
	if (!err)
		err = check(&report, &signature);
	if (!err)
		*ret_signature = signature;
	return err;
}

bool tls_signature_is_roots(int file, mode_t type)
{
	struct stat status;

	return !fstat(file, &status) && (status.st_mode & S_IFMT) == type && !status.st_uid &&
	       !(status.st_mode & (S_IWGRP | S_IWOTH));
}

int tls_signature_read(int file, const char *path, struct tls_signature *ret_signature,
		       struct config_error *ret_error)
{
	const struct config_report report = {.file_name = path, .error = ret_error};
	char text[FILE_MAX + 1];
	ssize_t size;

	if (!tls_signature_is_roots(file, S_IFREG))
		return config_fail(&report, nowhere,
				   "is refused: not a file of root that nobody else may write");
	size = read(file, text, sizeof(text));
	if (size < 0)
		return config_fail(&report, nowhere, "cannot be read: %s", strerror(errno));
	if (size > FILE_MAX)
		return config_fail(&report, nowhere, "is larger than %d bytes", FILE_MAX);
	return tls_signature_parse(text, (size_t)size, path, ret_signature, ret_error);
}

int tls_signature_save(const char *directory, const struct tls_signature *signature)
{
	char path[PATH_MAX], text[512];

	if (!signature->build_id[0])
		return -EINVAL;
	if (mkdir(directory, 0755) && errno != EEXIST)
		return -errno;
	snprintf(text, sizeof(text),
		 "build_id: %s\nfunctions:\n  SSL_write: 0x%llx\n  SSL_read: 0x%llx\n"
		 "found_by: " ANCHORS "\n",
		 signature->build_id, (unsigned long long)signature->offsets[0],
		 (unsigned long long)signature->offsets[1]);
	if (snprintf(path, sizeof(path), "%s/%s.yaml", directory, signature->build_id) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	return state_file_write(path, text, false);
}
