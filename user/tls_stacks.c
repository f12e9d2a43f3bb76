// SPDX-License-Identifier: Apache-2.0
#include "tls_stacks.h"

#include <errno.h>
#include <string.h>

/* All take (object, buffer, length); the *_ex also a pointer to the number of bytes moved, and
 * return 1 or 0 where the others return that number. SSL_free takes the object. */
#define OPENSSL_FUNCTIONS                                                    \
	{                                                                    \
		{"SSL_write", "og_tls_write", "og_tls_leave"},               \
			{"SSL_read", "og_tls_read", "og_tls_leave"},         \
			{"SSL_write_ex", "og_tls_write_ex", "og_tls_leave"}, \
			{"SSL_read_ex", "og_tls_read_ex", "og_tls_leave"},   \
			{"SSL_free", "og_tls_free", NULL},                   \
	}

/* clang-format off: one stack, one row */
const struct tls_stack tls_stacks[TLS_STACKS] = {
	[TLS_STACK_OPENSSL] =
		{
			.name = "openssl",
			.file = "libssl.so",
			.file_is_prefix = true,
			.return_probes = true,
			.functions = OPENSSL_FUNCTIONS,
			.places =
				{
					{.used = 1, .offset = 0x160},		      /* 3.0 */
					{.used = 1, .offset = 0x188},		      /* 3.5, 3.6 */
					{.used = 1, .pointer = 0xa8, .offset = 0xb8}, /* 1.1.1 */
				},
		},
	[TLS_STACK_NODE] =
		{
			.name = "node",
			.file = "node",
			.return_probes = true,
			.functions = OPENSSL_FUNCTIONS,
			.places =
				{
					{.used = 1, .offset = 0x160}, /* 18, 20: OpenSSL 3.0 */
					{.used = 1, .offset = 0x188},
				},
		},
};
/* clang-format on */

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "libssl.so", "libssl.so.3": a prefix ends the name or is followed by a dot. */
static bool begins(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return !strncmp(name, prefix, length) && (name[length] == '\0' || name[length] == '.');
}

/* What the kernel adds to the name of a file that was replaced. */
static size_t name_length(const char *name)
{
	static const char deleted[] = " (deleted)";
	size_t length = strlen(name), tail = sizeof(deleted) - 1;

	return length > tail && !strcmp(name + length - tail, deleted) ? length - tail : length;
}

int tls_stack_of_file(const char *path)
{
	const char *name = base_of(path);
	size_t length = name_length(name);
	int i;

	for (i = 0; i < TLS_STACKS; i++) {
		const struct tls_stack *stack = &tls_stacks[i];

		if (stack->file_is_prefix
			    ? begins(name, stack->file)
			    : length == strlen(stack->file) && !strncmp(name, stack->file, length))
			return i;
	}
	return -ENOENT;
}
