// SPDX-License-Identifier: Apache-2.0
#include "tls_recognise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls_elf.h"
#include "tls_go.h"
#include "tls_nspr.h"
#include "tls_search.h"
#include "tls_signatures.h"
#include "tls_texts.h"

#define BY_ANCHORS "its errors of BoringSSL and the shape of its functions, which agree"

/* What is being looked into, and what came of it. */
struct look {
	const struct tls_image *image;
	const char *path;
	const char *const *signatures;
	struct tls_recognition *found;
	struct config_error misfit; /* struct tls_recognition */
};

static size_t names_of(uint32_t stack, const char *names[TLS_STACK_FUNCTIONS_MAX])
{
	const struct tls_function *functions = tls_stacks[stack].functions;
	size_t count = 0;

	while (functions[count].symbol) {
		names[count] = functions[count].symbol;
		count++;
	}
	return count;
}

/* The offsets of the stack's functions by their symbols; how many, or -errno. */
static int find_symbols(const struct look *look, uint32_t stack)
{
	const char *names[TLS_STACK_FUNCTIONS_MAX];
	size_t count = names_of(stack, names);

	return count ? tls_elf_functions(look->image->file, names, count, look->found->offsets,
					 look->found->sizes)
		     : 0;
}

/* A writing and a reading function: calls and their answers. */
static bool is_whole(const struct tls_recognition *found)
{
	const struct tls_function *functions = tls_stacks[found->stack].functions;
	bool sends = false, receives = false;
	size_t i;

	for (i = 0; i < TLS_STACK_FUNCTIONS_MAX && functions[i].symbol; i++) {
		if (!found->offsets[i])
			continue;
		sends |= strstr(functions[i].entry, "write") != NULL;
		receives |= strstr(functions[i].entry, "read") != NULL;
	}
	return sends && receives;
}

/* The same by its table of methods. */
static int find_methods(const struct look *look)
{
	struct tls_recognition *found = look->found;
	const char *names[TLS_STACK_FUNCTIONS_MAX];
	size_t count = names_of(found->stack, names);
	int err = tls_nspr_find(look->image, names, count, found->offsets, found->sizes);

	if (err)
		return err == -ENOENT ? 0 : err;
	found->by = "its name, and the table of methods that it fills";
	return (int)count;
}

static int by_name(struct look *look)
{
	struct tls_recognition *found = look->found;
	int stack = tls_stack_of_file(look->path), count;

	if (stack < 0)
		return -ENOENT;
	found->stack = (uint32_t)stack;
	found->by = "its name";
	if (tls_stacks[stack].covered) {
		snprintf(found->why, sizeof(found->why), "%s",
			 "its calls are read in the libssl that it calls");
		return 0;
	}
	count = find_symbols(look, found->stack);
	if (count == 0 && tls_stacks[stack].methods)
		count = find_methods(look);
	if (count > 0 && is_whole(found)) {
		found->found = (size_t)count;
		return 0;
	}
	snprintf(found->why, sizeof(found->why), "%s",
		 tls_stacks[stack].methods
			 ? "neither symbols nor a table of methods tell where its functions are"
		 : tls_stacks[stack].functions[0].symbol
			 ? "it has no symbols for its functions"
			 : "this stack cannot be read: its calls are timed at the socket");
	return count < 0 ? count : 0;
}

/* Go, stripped or not. */
static int by_function_table(struct look *look)
{
	struct tls_recognition *found = look->found;
	struct tls_go_sites sites;
	const char *why = "";
	int err = tls_go_find(look->image, &sites, &why);

	if (err && err != -ENOTSUP)
		return err;
	found->stack = TLS_STACK_GO;
	found->by = "its function table";
	if (err) {
		snprintf(found->why, sizeof(found->why), "%s", why);
		return 0;
	}
	found->found = 2;
	found->offsets[0] = sites.write;
	found->offsets[1] = sites.read;
	found->object_at = sites.object_at;
	return 0;
}

static int by_symbols(struct look *look)
{
	struct tls_recognition *found = look->found;
	int count;

	found->stack = TLS_STACK_STATIC;
	count = find_symbols(look, TLS_STACK_STATIC);
	if (count < 0)
		return count;
	if (!is_whole(found))
		return -ENOENT;
	found->found = (size_t)count;
	found->by = "symbols of OpenSSL's functions";
	return 0;
}

/* A stripped library, of a build that somebody has described. */
static int by_signature(struct look *look)
{
	struct tls_recognition *found = look->found;
	struct tls_signature signature;
	struct tls_anchors anchors;
	size_t i;
	int err = tls_signatures_find(look->signatures, look->image, look->path, &signature,
				      &look->misfit);

	if (err && err != -EINVAL)
		return err;
	found->stack = TLS_STACK_BORINGSSL;
	found->by = !err && signature.searched ? BY_ANCHORS : "a signature of its build-id";
	if (err) {
		found->refused = true;
		snprintf(found->why, sizeof(found->why), "%s", look->misfit.text);
		return 0;
	}
	snprintf(found->misfit, sizeof(found->misfit), "%s", look->misfit.text);
	memcpy(found->offsets, signature.offsets, sizeof(found->offsets));
	anchors = (struct tls_anchors){signature.offsets[0], signature.offsets[1], 0, 0};
	if (tls_anchors_fit(look->image, &anchors)) {
		found->sizes[0] = anchors.write_size;
		found->sizes[1] = anchors.read_size;
	}
	for (i = 0; i < TLS_STACK_FUNCTIONS_MAX; i++)
		found->found += found->offsets[i] != 0;
	return 0;
}

/* Nothing tells where its functions are, only that they are somewhere in it. */
static int by_texts(struct look *look)
{
	static const struct tls_text unknown = {.text = "a signature that names it",
						.stack = TLS_STACK_BORINGSSL};
	struct tls_recognition *found = look->found;
	const struct tls_text *text;
	int err = tls_texts_find(look->image, &text);
	bool misfit = look->misfit.text[0];

	if (err == -ENOENT && misfit)
		text = &unknown;
	else if (err)
		return err;
	found->stack = text->stack;
	found->by = text->text;
	found->may_be_searched = !err && text->stack == TLS_STACK_BORINGSSL;
	found->refused = misfit && !found->may_be_searched;
	snprintf(found->why, sizeof(found->why), "%s", misfit ? look->misfit.text : text->why);
	snprintf(found->misfit, sizeof(found->misfit), "%s", look->misfit.text);
	return 0;
}

bool tls_recognition_search(struct tls_recognition *recognition,
			    const struct tls_search_result *result)
{
	recognition->may_be_searched = false;
	if (result->err && recognition->misfit[0]) {
		recognition->refused = true;
		return false;
	}
	if (result->err) {
		snprintf(recognition->why, sizeof(recognition->why),
			 "its symbols are stripped, no signature fits its build-id, and %s",
			 result->why);
		return false;
	}
	recognition->by = BY_ANCHORS;
	recognition->why[0] = '\0';
	recognition->found = 2;
	recognition->offsets[0] = result->anchors.write;
	recognition->offsets[1] = result->anchors.read;
	recognition->sizes[0] = result->anchors.write_size;
	recognition->sizes[1] = result->anchors.read_size;
	return true;
}

/* The most certain first; each says -ENOENT when it is not that. */
static int (*const finders[])(struct look *) = {by_name, by_function_table, by_symbols,
						by_signature, by_texts};

int tls_recognise(int file, const char *path, const char *const *signatures,
		  struct tls_recognition *ret_recognition)
{
	struct tls_image *image = malloc(sizeof(*image));
	struct look look = {image, path, signatures, ret_recognition, {}};
	int err;
	size_t i;

	if (!image)
		return -ENOMEM;
	err = tls_image_read(file, image);
	for (i = 0; !err && i < sizeof(finders) / sizeof(finders[0]); i++) {
		memset(ret_recognition, 0, sizeof(*ret_recognition));
		memcpy(ret_recognition->build_id, image->build_id, sizeof(image->build_id));
		err = finders[i](&look);
		if (err != -ENOENT)
			break;
		err = i + 1 < sizeof(finders) / sizeof(finders[0]) ? 0 : -ENOENT;
	}
	free(image);
	return err;
}
