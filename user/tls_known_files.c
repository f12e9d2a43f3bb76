// SPDX-License-Identifier: Apache-2.0
#include "tls_known_files.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount_views.h"
#include "tls_stacks.h"

#define LINKER_CACHE	 "/etc/ld.so.cache"
#define LINKER_CACHE_MAX (16 * 1024 * 1024)

typedef void taker(void *context, const char *path, int file);

/* Programs that bring a TLS of their own, which only a search may find; their first call would be over
 * by then. */
static const char *const programs[] = {"bun", "claude"};

/* Where they install themselves for root. Other homes may lie on other hosts: to look there may hang. */
static const char *const roots[] = {"/root/.bun/bin/bun", "/root/.local/bin/claude"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void offer_file(const char *path, taker *take, void *context)
{
	struct stat status;
	int file;

	if (!mount_views_lead_here(path) || stat(path, &status) || !S_ISREG(status.st_mode))
		return;
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file < 0)
		return;
	take(context, path, file);
	close(file);
}

static void offer(const char *path, taker *take, void *context)
{
	int stack = tls_stack_of_file(path);

	if (stack >= 0 && tls_stacks[stack].functions[0].symbol)
		offer_file(path, take, context);
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

static void offer_directory(const char *directory, taker *take, void *context)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < TLS_STACKS; i++)
		if (tls_stacks[i].file && !tls_stacks[i].file_is_prefix &&
		    snprintf(path, sizeof(path), "%s/%s", directory, tls_stacks[i].file) <
			    (int)sizeof(path))
			offer(path, take, context);
	for (i = 0; i < COUNT(programs); i++)
		if (snprintf(path, sizeof(path), "%s/%s", directory, programs[i]) <
		    (int)sizeof(path))
			offer_file(path, take, context);
}

static void offer_path(taker *take, void *context)
{
	const char *directories = getenv("PATH");
	char *copy = strdup(directories ? directories : ""), *next = copy, *directory;

	while ((directory = strsep(&next, ":")))
		if (*directory == '/')
			offer_directory(directory, take, context);
	free(copy);
}

void tls_known_files(taker *take, void *context)
{
	size_t i;

	offer_linker_cache(take, context);
	offer_path(take, context);
	offer_directory("/usr/bin", take, context);
	offer_directory("/usr/local/bin", take, context);
	for (i = 0; i < COUNT(roots); i++)
		offer_file(roots[i], take, context);
}
