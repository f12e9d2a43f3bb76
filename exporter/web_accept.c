// SPDX-License-Identifier: Apache-2.0
#include "web_accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* A piece of the header. */
struct span {
	const char *begin;
	size_t size;
};

/* One element of the list: text/plain;version=0.0.4;q=0.5 */
struct element {
	struct span name;    /* text/plain */
	struct span version; /* 0.0.4; empty when absent */
	int quality;	     /* thousandths; -1: malformed */
};

/* How well an element names a media type. */
enum match {
	MATCH_NONE,
	MATCH_ANY,
	MATCH_KIND,
	MATCH_EXACT
};

struct preference {
	enum match match;
	int quality;
};

static bool span_is(struct span span, const char *string)
{
	return span.size == strlen(string) && !strncasecmp(span.begin, string, span.size);
}

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

/* Reads up to one of the delimiters, without surrounding blanks; a quoted part hides delimiters. */
static struct span read_span(const char **at, const char *delimiters)
{
	const char *begin = skip_blanks(*at), *end = begin;
	bool quoted = false;

	for (; *end && (quoted || !strchr(delimiters, *end)); end++) {
		if (*end == '"')
			quoted = !quoted;
		else if (quoted && *end == '\\' && end[1])
			end++;
	}
	*at = end;
	while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct span){begin, (size_t)(end - begin)};
}

/* 0, 1, 0.5, 0.125, 1.000 as thousandths; -1 for anything else. */
static int read_quality(struct span span)
{
	int quality, weight = 100;
	size_t i;

	if (span.size < 1 || span.size > 5 || (span.begin[0] != '0' && span.begin[0] != '1') ||
	    (span.size > 1 && span.begin[1] != '.'))
		return -1;
	quality = (span.begin[0] - '0') * 1000;
	for (i = 2; i < span.size; i++, weight /= 10) {
		if (span.begin[i] < '0' || span.begin[i] > '9')
			return -1;
		quality += (span.begin[i] - '0') * weight;
	}
	return quality <= 1000 ? quality : -1;
}

static struct span unquote(struct span span)
{
	if (span.size >= 2 && span.begin[0] == '"' && span.begin[span.size - 1] == '"')
		return (struct span){span.begin + 1, span.size - 2};
	return span;
}

/* Takes the next element off the list; false at its end. */
static bool next_element(const char **at, struct element *ret_element)
{
	struct element element = {.quality = 1000};
	struct span name, value;

	while (**at == ',' || **at == ' ' || **at == '\t')
		(*at)++;
	if (!**at)
		return false;
	element.name = read_span(at, ";,");
	while (**at == ';') {
		(*at)++;
		name = read_span(at, "=;,");
		value = (struct span){*at, 0};
		if (**at == '=') {
			(*at)++;
			value = unquote(read_span(at, ";,"));
		}
		if (span_is(name, "q"))
			element.quality = read_quality(value);
		else if (span_is(name, "version"))
			element.version = value;
	}
	*ret_element = element;
	return true;
}

/* How an element names `kind`/… with the version; `type` is the whole name. */
static enum match match_type(const struct element *element, const char *type, const char *range,
			     const char *version)
{
	if (span_is(element->name, "*/*"))
		return MATCH_ANY;
	if (span_is(element->name, range))
		return MATCH_KIND;
	if (span_is(element->name, type) &&
	    (!element->version.size || span_is(element->version, version)))
		return MATCH_EXACT;
	return MATCH_NONE;
}

/* The most specific element decides; of equally specific ones the best. */
static void prefer(struct preference *preference, enum match match, int quality)
{
	if (match == MATCH_NONE || match < preference->match)
		return;
	if (match > preference->match || quality > preference->quality)
		preference->quality = quality;
	preference->match = match;
}

enum text_format web_accept_format(const char *accept)
{
	struct preference text = {MATCH_NONE, 0}, open = {MATCH_NONE, 0};
	struct element element;

	if (!accept)
		return TEXT_PROMETHEUS;
	while (next_element(&accept, &element)) {
		if (element.quality < 0)
			continue;
		prefer(&text, match_type(&element, "text/plain", "text/*", "0.0.4"),
		       element.quality);
		prefer(&open,
		       match_type(&element, "application/openmetrics-text", "application/*",
				  "1.0.0"),
		       element.quality);
	}
	if (open.quality > text.quality ||
	    (open.quality > 0 && open.quality == text.quality && open.match == MATCH_EXACT))
		return TEXT_OPENMETRICS;
	return TEXT_PROMETHEUS;
}

bool web_accept_gzip(const char *accept_encoding)
{
	struct preference gzip = {MATCH_NONE, 0}, identity = {MATCH_NONE, 0};
	struct element element;

	if (!accept_encoding)
		return false;
	while (next_element(&accept_encoding, &element)) {
		if (element.quality < 0)
			continue;
		if (span_is(element.name, "gzip") || span_is(element.name, "x-gzip"))
			prefer(&gzip, MATCH_EXACT, element.quality);
		else if (span_is(element.name, "*"))
			prefer(&gzip, MATCH_ANY, element.quality);
		else if (span_is(element.name, "identity"))
			prefer(&identity, MATCH_EXACT, element.quality);
	}
	return gzip.quality > 0 && gzip.quality >= identity.quality;
}
