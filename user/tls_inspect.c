// SPDX-License-Identifier: Apache-2.0
#include "tls_inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "tls_search.h"

static const char *why_not(int err)
{
	static const struct {
		int err;
		const char *why;
	} rows[] = {
		{-ENOENT, "no TLS code is known in it"},
		{-ENOEXEC, "it is no 64-bit ELF file of this machine"},
		{-EBADMSG, "it contradicts itself: damaged, or made to mislead"},
		{-E2BIG, "its symbols are more than is read of one file"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].err == err)
			return rows[i].why;
	return strerror(-err);
}

static bool is_about_file(int err)
{
	return err == -ENOENT || err == -ENOEXEC || err == -EBADMSG || err == -E2BIG;
}

int tls_inspect(int file, const char *path, const char *const *signatures,
		struct tls_inspection *ret_inspection)
{
	struct tls_image *image = malloc(sizeof(*image));
	struct tls_search_result searched;
	int err;

	if (!image)
		return -ENOMEM;
	memset(ret_inspection, 0, sizeof(*ret_inspection));
	ret_inspection->path = path;
	ret_inspection->type = "no ELF of this machine";
	if (!tls_image_read(file, image)) {
		memcpy(ret_inspection->build_id, image->build_id, sizeof(image->build_id));
		ret_inspection->type =
			image->type == ET_EXEC ? "executable" : "position-independent object";
	}
	free(image);
	err = tls_recognise(file, path, signatures, &ret_inspection->found);
	if (err && !is_about_file(err))
		return err;
	if (!err && ret_inspection->found.may_be_searched) {
		tls_search_run(file, &searched);
		tls_recognition_search(&ret_inspection->found, &searched);
	}
	ret_inspection->err = err;
	ret_inspection->why = err ? why_not(err) : ret_inspection->found.why;
	return 0;
}

bool tls_inspect_readable(const struct tls_inspection *inspection)
{
	const struct tls_recognition *found = &inspection->found;

	return !inspection->err && (found->found || tls_stacks[found->stack].covered);
}

void tls_inspect_print_table(const struct tls_inspection *inspection, FILE *out)
{
	const struct tls_recognition *found = &inspection->found;
	const struct tls_function *functions;
	size_t i;

	fprintf(out, "file       %s\ntype       %s\nbuild-id   %s\n", inspection->path,
		inspection->type, inspection->build_id[0] ? inspection->build_id : "none");
	if (!inspection->err) {
		functions = tls_stacks[found->stack].functions;
		fprintf(out, "stack      %s, known by %s\n", tls_stacks[found->stack].name,
			found->by);
		for (i = 0; i < TLS_STACK_FUNCTIONS_MAX && functions[i].symbol; i++)
			if (found->offsets[i])
				fprintf(out, "function   %s at 0x%" PRIx64 "\n",
					functions[i].symbol, found->offsets[i]);
	}
	if (found->misfit[0])
		fprintf(out, "signature  %s\n", found->misfit);
	fprintf(out, "readable   %s%s%s\n", tls_inspect_readable(inspection) ? "yes" : "no",
		*inspection->why ? ": " : "", inspection->why);
}

static void print_text(const char *name, const char *text, FILE *out)
{
	char escaped[TLS_WHY_SIZE * 6];

	log_escape(text, escaped, sizeof(escaped));
	fprintf(out, "\"%s\":\"%s\",", name, escaped);
}

void tls_inspect_print_json(const struct tls_inspection *inspection, FILE *out)
{
	const struct tls_recognition *found = &inspection->found;
	const struct tls_function *functions = tls_stacks[found->stack].functions;
	const char *comma = "";
	size_t i;

	fputc('{', out);
	print_text("file", inspection->path, out);
	print_text("type", inspection->type, out);
	print_text("build_id", inspection->build_id, out);
	print_text("stack", inspection->err ? "" : tls_stacks[found->stack].name, out);
	print_text("by", inspection->err ? "" : found->by, out);
	fputs("\"functions\":{", out);
	for (i = 0; !inspection->err && i < TLS_STACK_FUNCTIONS_MAX && functions[i].symbol; i++) {
		if (!found->offsets[i])
			continue;
		fprintf(out, "%s\"%s\":\"0x%" PRIx64 "\"", comma, functions[i].symbol,
			found->offsets[i]);
		comma = ",";
	}
	fputs("},", out);
	print_text("why", inspection->why, out);
	print_text("misfit", found->misfit, out);
	fprintf(out, "\"readable\":%s}\n", tls_inspect_readable(inspection) ? "true" : "false");
}
