// SPDX-License-Identifier: Apache-2.0
#include "tls_known_files.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls_stacks.h"

#define LINKER_CACHE	 "/etc/ld.so.cache"
#define LINKER_CACHE_MAX (16 * 1024 * 1024)

typedef void taker(void *context, const char *path, int file);

static void offer(const char *path, taker *take, void *context)
{
	int file, stack = tls_stack_of_file(path);
	struct stat status;

	if (stack < 0 || !tls_stacks[stack].functions[0].symbol || stat(path, &status) ||
	    !S_ISREG(status.st_mode))
		return;
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0)
		return;
	take(context, path, file);
	close(file);
}

/* The cache holds the full path of every library the linker would find, NUL-terminated: its
 * tables need not be understood. */
static void offer_linker_cache(taker *take, void *context)
{
	FILE *cache = fopen(LINKER_CACHE, "re");
	char *text, *at, *end;
	size_t size;

	if (!cache)
		return;
	text = malloc(LINKER_CACHE_MAX);
	size = text ? fread(text, 1, LINKER_CACHE_MAX - 1, cache) : 0;
	fclose(cache);
	if (!text)
		return;
	text[size] = '\0';
	end = text + size;
	for (at = text; at < end; at += strlen(at) + 1)
		if (*at == '/')
			offer(at, take, context);
	free(text);
}

static void offer_path(taker *take, void *context)
{
	const char *directories = getenv("PATH");
	char *copy = strdup(directories ? directories : ""), *next = copy, *directory;
	char path[PATH_MAX];
	size_t stack;

	while ((directory = strsep(&next, ":")))
		for (stack = 0; stack < TLS_STACKS; stack++) {
			if (!tls_stacks[stack].file || tls_stacks[stack].file_is_prefix ||
			    *directory != '/')
				continue;
			if (snprintf(path, sizeof(path), "%s/%s", directory,
				     tls_stacks[stack].file) < (int)sizeof(path))
				offer(path, take, context);
		}
	free(copy);
}

void tls_known_files(taker *take, void *context)
{
	static const char *const usual[] = {"/usr/bin/", "/usr/local/bin/"};
	char path[64];
	size_t i, stack;

	offer_linker_cache(take, context);
	offer_path(take, context);
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		for (stack = 0; stack < TLS_STACKS; stack++) {
			if (!tls_stacks[stack].file || tls_stacks[stack].file_is_prefix)
				continue;
			snprintf(path, sizeof(path), "%s%s", usual[i], tls_stacks[stack].file);
			offer(path, take, context);
		}
}
