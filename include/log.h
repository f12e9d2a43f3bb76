// SPDX-License-Identifier: Apache-2.0
/* Structured log lines on stderr, the same for both processes.
 *
 *	time=2026-01-31T12:00:00.123Z level=error component=observer msg="cannot attach 'x': …"
 *	{"time":"2026-01-31T12:00:00.123Z","level":"error","component":"observer","msg":"…"}
 *
 * Every function returns the code it is given, so that a failure is logged and returned in one
 *statement: `return log_error(-errno, "cannot open %s: %s", path, strerror(errno));` One line is
 *one write(2) of at most LOG_LINE_SIZE bytes. Whatever the message holds, the line is valid UTF-8
 * without control characters. A message says: what failed, on what, why, what to do. Pure code does
 *not log.
 *
 * Header only: the definitions are weak, the linker keeps one copy per program.
 */
#ifndef OPERAGLASS_LOG_H
#define OPERAGLASS_LOG_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"

#define LOG_LINE_SIZE	 2048
#define LOG_MESSAGE_SIZE 1024 /* longer messages are cut */

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR,
	LOG_LEVELS
};
enum log_format {
	LOG_FORMAT_LOGFMT,
	LOG_FORMAT_JSON,
	LOG_FORMATS
};

struct log_settings {
	const char *component; /* observer, exporter; must outlive the process's last line */
	enum log_level level;  /* lines below are dropped */
	enum log_format format;
};

extern struct log_settings log_settings;
__attribute__((weak)) struct log_settings log_settings = {"operaglass", LOG_LEVEL_INFO,
							  LOG_FORMAT_LOGFMT};

static const char *const log_level_names[LOG_LEVELS] = {"debug", "info", "warning", "error"};
static const char *const log_format_names[LOG_FORMATS] = {"logfmt", "json"};

/* Index of `name` in one of the two tables above, or -EINVAL. */
static inline int log_name_index(const char *const *names, int count, const char *name)
{
	int i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return i;
	return -EINVAL;
}

static inline int log_parse_level(const char *name, enum log_level *ret_level)
{
	int index = log_name_index(log_level_names, LOG_LEVELS, name);

	if (index >= 0)
		*ret_level = (enum log_level)index;
	return index < 0 ? index : 0;
}

static inline int log_parse_format(const char *name, enum log_format *ret_format)
{
	int index = log_name_index(log_format_names, LOG_FORMATS, name);

	if (index >= 0)
		*ret_format = (enum log_format)index;
	return index < 0 ? index : 0;
}

/* Writes `text` as the inside of a quoted string (logfmt and JSON escape alike) into `out`,
 * NUL-terminated and cut at a whole character; returns the length. Pure. */
size_t log_escape(const char *text, char *out, size_t out_size);
__attribute__((weak)) size_t log_escape(const char *text, char *out, size_t out_size)
{
	const unsigned char *in = (const unsigned char *)text;
	size_t left = strlen(text), used = 0, taken, length;
	char escape[8];
	const char *piece;

	while (left > 0) {
		taken = utf8_length(in, left);
		piece = (const char *)in;
		length = taken;
		if (taken == 0) {
			piece = UTF8_REPLACEMENT;
			length = 3;
			taken = 1;
		} else if (*in == '"' || *in == '\\') {
			length = (size_t)snprintf(escape, sizeof(escape), "\\%c", *in);
			piece = escape;
		} else if (*in < 0x20 || *in == 0x7f) {
			length = (size_t)snprintf(escape, sizeof(escape), "\\u%04x", *in);
			piece = escape;
		} else if (*in == 0xc2 && in[1] < 0xa0) { /* U+0080 to U+009F control, too */
			length = (size_t)snprintf(escape, sizeof(escape), "\\u%04x", in[1]);
			piece = escape;
		}
		if (used + length >= out_size)
			break;
		memcpy(out + used, piece, length);
		used += length;
		in += taken;
		left -= taken;
	}
	if (out_size > 0)
		out[used] = '\0';
	return used;
}

void log_write(enum log_level level, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));
__attribute__((weak)) void log_write(enum log_level level, const char *format, va_list arguments)
{
	static const char *const shapes[LOG_FORMATS] = {
		"time=%s.%03ldZ level=%s component=%s msg=\"%s\"\n",
		"{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"component\":\"%s\",\"msg\":\"%s\"}\n",
	};
	char message[LOG_MESSAGE_SIZE], escaped[LOG_LINE_SIZE - 128], line[LOG_LINE_SIZE], date[32];
	int saved = errno, length;
	struct timespec now;
	struct tm utc;

	if (level < log_settings.level)
		return;
	vsnprintf(message, sizeof(message), format, arguments);
	log_escape(message, escaped, sizeof(escaped));
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	length = snprintf(line, sizeof(line), shapes[log_settings.format], date,
			  now.tv_nsec / 1000000, log_level_names[level], log_settings.component,
			  escaped);
#pragma GCC diagnostic pop
	if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) {
		/* Nobody is left to be told. */
	}
	errno = saved;
}

int log_error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
int log_warning(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
int log_info(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
int log_debug(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define LOG_DEFINE(name, level)                                           \
	__attribute__((weak)) int name(int code, const char *format, ...) \
	{                                                                 \
		va_list arguments;                                        \
                                                                          \
		va_start(arguments, format);                              \
		log_write(level, format, arguments);                      \
		va_end(arguments);                                        \
		return code;                                              \
	}

LOG_DEFINE(log_error, LOG_LEVEL_ERROR)
LOG_DEFINE(log_warning, LOG_LEVEL_WARNING)
LOG_DEFINE(log_info, LOG_LEVEL_INFO)
LOG_DEFINE(log_debug, LOG_LEVEL_DEBUG)
#undef LOG_DEFINE

#endif
