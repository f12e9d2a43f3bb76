// SPDX-License-Identifier: Apache-2.0
#include "config_report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

struct config_text config_quote(const char *text)
{
	struct config_text quoted;
	size_t used = 0;

	/* 4 for an escape, 4 for "..." and NUL */
	for (; *text && used + 8 <= sizeof(quoted.text); text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= ' ' && c != 0x7f && c < 0x80)
			quoted.text[used++] = (char)c;
		else
			used += (size_t)snprintf(quoted.text + used, 5, "\\x%02x", c);
	}
	snprintf(quoted.text + used, sizeof(quoted.text) - used, "%s", *text ? "..." : "");
	return quoted;
}

struct config_text config_scope_text(const struct config_scope *scope)
{
	struct config_text text;

	if (scope->name && *scope->name)
		snprintf(text.text, sizeof(text.text), "%.60s '%.31s'", scope->noun, scope->name);
	else if (scope->number)
		snprintf(text.text, sizeof(text.text), "%.60s %u", scope->noun, scope->number);
	else
		snprintf(text.text, sizeof(text.text), "%.60s", scope->noun);
	return text;
}

int config_fail(const struct config_report *report, struct config_mark mark, const char *format,
		...)
{
	struct config_error *error = report->error;
	va_list args;
	int used;

	error->line = mark.line;
	error->column = mark.column;
	if (mark.line)
		used = snprintf(error->text, sizeof(error->text), "%s:%u:%u: ", report->file_name,
				mark.line, mark.column);
	else
		used = snprintf(error->text, sizeof(error->text), "%s: ", report->file_name);
	if (used < 0 || (size_t)used >= sizeof(error->text))
		return -EINVAL;
	va_start(args, format);
	vsnprintf(error->text + used, sizeof(error->text) - (size_t)used, format, args);
	va_end(args);
	return -EINVAL;
}
