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

/* The same arguments; send returns what it has taken. gnutls_record_send2() is not probed: the
 * other one calls it. */
#define GNUTLS_FUNCTIONS                                                       \
	{                                                                      \
		{"gnutls_record_send", "og_tls_write", "og_tls_leave"},        \
			{"gnutls_record_recv", "og_tls_read", "og_tls_leave"}, \
			{"gnutls_deinit", "og_tls_free", NULL},                \
	}

/* Methods of a TLS descriptor: PR_Write and its kin for TLS only. All take the descriptor; ssl_Recv
 * may only peek. */
#define NSS_FUNCTIONS                                                     \
	{                                                                 \
		{"ssl_Write", "og_tls_nss_write", "og_tls_leave"},        \
			{"ssl_Read", "og_tls_nss_read", "og_tls_leave"},  \
			{"ssl_Send", "og_tls_nss_write", "og_tls_leave"}, \
			{"ssl_Recv", "og_tls_nss_recv", "og_tls_leave"},  \
			{"ssl_Close", "og_tls_nss_close", NULL},          \
	}

/* clang-format off: one stack, one row */
const struct tls_stack tls_stacks[TLS_STACKS] = {
	[TLS_STACK_OPENSSL] =
		{
			.name = "openssl",
			.file = "libssl.so",
			.file_is_prefix = true,
			.library = &subject_openssl,
			.return_probes = true,
			.inside = true,
			.undecoded = UNDECODED_NO_SYMBOLS,
			.functions = OPENSSL_FUNCTIONS,
			.places =
				{
					{.used = 1, .offset = 0x160, .name = 0xa58}, /* 3.0 */
					{.used = 1, .offset = 0x188},		     /* 3.5, 3.6 */
					{.used = 1,
					 .pointer = 0xa8,
					 .offset = 0xb8,
					 .name = 0x640}, /* 1.1.1 */
				},
		},
	[TLS_STACK_NODE] =
		{
			.name = "node",
			.file = "node",
			.return_probes = true,
			.undecoded = UNDECODED_NO_SYMBOLS,
			.functions = OPENSSL_FUNCTIONS,
			.places =
				{
					{.used = 1,
					 .offset = 0x160,
					 .name = 0xa58}, /* 18, 20: OpenSSL 3.0 */
					{.used = 1, .offset = 0x188},
				},
		},
	[TLS_STACK_GNUTLS] =
		{
			.name = "gnutls",
			.file = "libgnutls.so",
			.file_is_prefix = true,
			.library = &subject_gnutls,
			.return_probes = true,
			.undecoded = UNDECODED_NO_SYMBOLS,
			.functions = GNUTLS_FUNCTIONS,
			.places = {{.used = 1, .offset = 0x50}}, /* 3.7 */
		},
	[TLS_STACK_DOTNET] = /* it finds libssl's functions by name, so they can be found there */
	{
		.name = "dotnet",
		.file = "libSystem.Security.Cryptography.Native.OpenSsl.so",
		.covered = true,
		.undecoded = UNDECODED_NO_SYMBOLS,
	},
	[TLS_STACK_STATIC] =
		{
			.name = "static",
			.return_probes = true,
			.undecoded = UNDECODED_NO_SYMBOLS,
			.functions = OPENSSL_FUNCTIONS,
			.places =
				{
					{.used = 1, .offset = 0x160, .name = 0xa58},
					{.used = 1, .offset = 0x188},
					{.used = 1, .pointer = 0xa8, .offset = 0xb8, .name = 0x640},
					{.used = 1,
					 .pointer = 0x30,
					 .offset = 0x30}, /* BoringSSL */
				},
		},
	[TLS_STACK_GO] =
		{
			.name = "go",
			.functions =
				{
					/* Not the functions: what tls_go.h says of them. */
					{"crypto/tls.(*Conn).Write", "og_tls_go_write", NULL},
					{"crypto/tls.(*Conn).Read", "og_tls_go_read", NULL},
				},
			.undecoded = UNDECODED_NO_SYMBOLS,
		},
	[TLS_STACK_BORINGSSL] =
		{
			.name = "boringssl",
			.return_probes = true,
			.undecoded = UNDECODED_NO_SYMBOLS,
			.functions = OPENSSL_FUNCTIONS,
			/* Bun 1.1 to 1.4 */
			.places = {{.used = 1, .pointer = 0x30, .offset = 0x30}},
		},
	[TLS_STACK_NSS] =
		{
			.name = "nss",
			.file = "libssl3.so",
			.return_probes = true,
			.methods = true,
			.undecoded = UNDECODED_NSS,
			.functions = NSS_FUNCTIONS,
			.places = /* in its socket, which the descriptor points to */
			{
				{.used = 1, .offset = 0x620}, /* 3.61 to 3.87 */
				{.used = 1, .offset = 0x628}, /* 3.110 */
				{.used = 1, .offset = 0x650}, /* 3.132 */
			},
		},
	[TLS_STACK_RUSTLS] =
		{
			.name = "rustls",
			.undecoded = UNDECODED_RUSTLS,
		},
	[TLS_STACK_JAVA] = /* what it runs is compiled while it runs */
	{
		.name = "java",
		.file = "libjvm.so",
		.undecoded = UNDECODED_JAVA,
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

		if (!stack->file)
			continue;
		if (stack->file_is_prefix
			    ? begins(name, stack->file)
			    : length == strlen(stack->file) && !strncmp(name, stack->file, length))
			return i;
	}
	return -ENOENT;
}
