// SPDX-License-Identifier: Apache-2.0
#include "web_guard.h"

#include <string.h>

/* The longest method that is registered is UPDATEREDIRECTREF. */
#define METHOD_MAX	 24
#define LENGTH_DIGITS	 18 /* below 2^63 */
#define CHUNK_DIGITS_MAX 15

const char *const web_fault_texts[WEB_FAULTS] = {
	[WEB_FAULT_REQUEST_LINE] = "bad request: the first line is not METHOD TARGET HTTP/1.x",
	[WEB_FAULT_LINE_END] = "bad request: lines end in CR LF",
	[WEB_FAULT_FIELD] = "bad request: a malformed header line",
	[WEB_FAULT_REPEATED] = "bad request: a header that may be there once is there twice",
	[WEB_FAULT_LENGTH] = "bad request: Content-Length is not a number",
	[WEB_FAULT_CODING] = "bad request: Transfer-Encoding is not 'chunked' in HTTP/1.1",
	[WEB_FAULT_TWO_SIZES] = "bad request: Content-Length and Transfer-Encoding together",
	[WEB_FAULT_CHUNK] = "bad request: a malformed chunk",
};

enum state {
	STATE_START, /* before a request */
	STATE_START_LF,
	STATE_METHOD,
	STATE_TARGET,
	STATE_VERSION,
	STATE_FIRST_LF,
	STATE_LINE, /* at the first byte of a header line, or of the empty one */
	STATE_NAME,
	STATE_VALUE,
	STATE_VALUE_LF,
	STATE_HEAD_LF,
	STATE_BODY,
	STATE_CHUNK_FIRST, /* at the first digit of a chunk's size */
	STATE_CHUNK_SIZE,
	STATE_CHUNK_SIZE_LF,
	STATE_CHUNK_DATA,
	STATE_CHUNK_CR,
	STATE_CHUNK_LF,
	STATE_LAST_CR, /* after the chunk of size 0 */
	STATE_LAST_LF,
	STATES
};

/* What may be there once; also what is read. */
enum field {
	FIELD_LENGTH,
	FIELD_CODING,
	FIELD_HOST,
	FIELD_AUTHORIZATION,
	FIELDS
};

static const char *const field_names[FIELDS] = {
	[FIELD_LENGTH] = "content-length",
	[FIELD_CODING] = "transfer-encoding",
	[FIELD_HOST] = "host",
	[FIELD_AUTHORIZATION] = "authorization",
};

#define ALL_FIELDS ((1U << FIELDS) - 1)

static const char version_text[] = "HTTP/1.";
static const char coding_text[] = "chunked";

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

/* RFC 9110, 5.6.2 */
static bool is_token(uint8_t byte)
{
	return is_digit(byte) || (lower(byte) >= 'a' && lower(byte) <= 'z') ||
	       (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

static void fail(struct web_guard *guard, enum web_fault fault)
{
	guard->fault = (uint8_t)fault;
}

static void enter(struct web_guard *guard, enum state state)
{
	guard->state = (uint8_t)state;
	guard->at = 0;
}

static void enter_on(struct web_guard *guard, uint8_t byte, uint8_t wanted, enum state state,
		     enum web_fault fault)
{
	if (byte == wanted)
		enter(guard, state);
	else
		fail(guard, fault);
}

/* In any line: CR ends it, LF alone does not. */
static bool ends_line(struct web_guard *guard, uint8_t byte, enum state next)
{
	if (byte == '\n')
		fail(guard, WEB_FAULT_LINE_END);
	else if (byte == '\r')
		enter(guard, next);
	return byte == '\n' || byte == '\r';
}

static void begin_request(struct web_guard *guard)
{
	const struct web_guard fresh = {.requests = guard->requests + 1};

	*guard = fresh;
	enter(guard, STATE_METHOD);
}

static void on_method(struct web_guard *guard, uint8_t byte)
{
	if (byte == ' ' && guard->at)
		enter(guard, STATE_TARGET);
	else if (byte == '\n')
		fail(guard, WEB_FAULT_LINE_END);
	else if (!is_token(byte) || ++guard->at > METHOD_MAX)
		fail(guard, WEB_FAULT_REQUEST_LINE);
}

static void on_start(struct web_guard *guard, uint8_t byte)
{
	/* Empty lines before a request are to be ignored (RFC 9112, 2.2). */
	if (ends_line(guard, byte, STATE_START_LF))
		return;
	begin_request(guard);
	on_method(guard, byte);
}

static void on_target(struct web_guard *guard, uint8_t byte)
{
	if (byte == ' ' && guard->at)
		enter(guard, STATE_VERSION);
	else if (byte == '\n')
		fail(guard, WEB_FAULT_LINE_END);
	else if (byte <= ' ' || byte >= 0x7f)
		fail(guard, WEB_FAULT_REQUEST_LINE);
	else
		guard->at = 1;
}

static void on_version(struct web_guard *guard, uint8_t byte)
{
	const size_t digit = sizeof(version_text) - 1;

	if (guard->at == digit + 1) {
		if (!ends_line(guard, byte, STATE_FIRST_LF))
			fail(guard, WEB_FAULT_REQUEST_LINE);
		return;
	}
	if (guard->at == digit ? byte != '0' && byte != '1'
			       : byte != (uint8_t)version_text[guard->at])
		fail(guard, WEB_FAULT_REQUEST_LINE);
	else if (guard->at == digit)
		guard->old = byte == '0';
	guard->at++;
}

static void narrow(struct web_guard *guard, uint8_t byte)
{
	int i;

	for (i = 0; i < FIELDS; i++)
		if ((guard->candidates & 1U << i) && field_names[i][guard->at] != (char)lower(byte))
			guard->candidates &= (uint8_t) ~(1U << i);
	/* Past every name there are no candidates: `at` stays inside. */
	if (guard->candidates)
		guard->at++;
}

static void on_colon(struct web_guard *guard)
{
	uint8_t at = guard->at, bit;
	int i;

	enter(guard, STATE_VALUE);
	guard->field = 0;
	guard->value_begun = false;
	guard->value_ended = false;
	for (i = 0; i < FIELDS; i++) {
		bit = (uint8_t)(1U << i);
		if (!(guard->candidates & bit) || field_names[i][at])
			continue;
		if (guard->seen & bit)
			fail(guard, WEB_FAULT_REPEATED);
		guard->seen |= bit;
		guard->field = (uint8_t)(i + 1);
	}
}

static void on_name(struct web_guard *guard, uint8_t byte)
{
	if (byte == ':')
		on_colon(guard);
	else if (byte == '\n')
		fail(guard, WEB_FAULT_LINE_END);
	else if (!is_token(byte))
		fail(guard, WEB_FAULT_FIELD);
	else
		narrow(guard, byte);
}

static void on_line(struct web_guard *guard, uint8_t byte)
{
	if (ends_line(guard, byte, STATE_HEAD_LF))
		return;
	enter(guard, STATE_NAME);
	guard->candidates = ALL_FIELDS;
	if (byte == ':')
		fail(guard, WEB_FAULT_FIELD);
	else
		on_name(guard, byte);
}

static void on_length(struct web_guard *guard, uint8_t byte)
{
	if (!is_digit(byte) || guard->at == LENGTH_DIGITS) {
		fail(guard, WEB_FAULT_LENGTH);
		return;
	}
	guard->length = guard->length * 10 + (uint64_t)(byte - '0');
	guard->at++;
}

static void on_coding(struct web_guard *guard, uint8_t byte)
{
	if (guard->at == sizeof(coding_text) - 1 || coding_text[guard->at] != (char)lower(byte))
		fail(guard, WEB_FAULT_CODING);
	else
		guard->at++;
}

static void end_value(struct web_guard *guard)
{
	if (guard->field == FIELD_LENGTH + 1 && !guard->at)
		fail(guard, WEB_FAULT_LENGTH);
	if (guard->field == FIELD_CODING + 1 && guard->at != sizeof(coding_text) - 1)
		fail(guard, WEB_FAULT_CODING);
}

static void on_value(struct web_guard *guard, uint8_t byte)
{
	if (byte == '\r')
		end_value(guard);
	if (ends_line(guard, byte, STATE_VALUE_LF))
		return;
	if (byte == ' ' || byte == '\t') {
		guard->value_ended = guard->value_begun;
		return;
	}
	if (byte < ' ' || byte == 0x7f) {
		fail(guard, WEB_FAULT_FIELD);
		return;
	}
	guard->value_begun = true;
	if (guard->field == FIELD_LENGTH + 1) {
		if (guard->value_ended)
			fail(guard, WEB_FAULT_LENGTH);
		else
			on_length(guard, byte);
	} else if (guard->field == FIELD_CODING + 1) {
		if (guard->value_ended)
			fail(guard, WEB_FAULT_CODING);
		else
			on_coding(guard, byte);
	}
}

static void end_head(struct web_guard *guard, uint8_t byte)
{
	const bool sized = guard->seen & 1U << FIELD_LENGTH,
		   chunked = guard->seen & 1U << FIELD_CODING;

	if (byte != '\n')
		fail(guard, WEB_FAULT_LINE_END);
	else if (sized && chunked)
		fail(guard, WEB_FAULT_TWO_SIZES);
	else if (chunked && guard->old)
		fail(guard, WEB_FAULT_CODING);
	else if (chunked)
		enter(guard, STATE_CHUNK_FIRST);
	else if (sized && guard->length)
		enter(guard, STATE_BODY);
	else
		enter(guard, STATE_START);
	guard->left = guard->length;
}

static int hex_value(uint8_t byte)
{
	if (is_digit(byte))
		return byte - '0';
	byte = lower(byte);
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static void on_chunk_size(struct web_guard *guard, uint8_t byte)
{
	int value = hex_value(byte);

	if (guard->state == STATE_CHUNK_FIRST) {
		guard->left = 0;
		enter(guard, STATE_CHUNK_SIZE);
	}
	if (byte == '\n') {
		fail(guard, WEB_FAULT_LINE_END);
	} else if (byte == '\r' && guard->at) {
		enter(guard, STATE_CHUNK_SIZE_LF);
	} else if (value < 0 || guard->at == CHUNK_DIGITS_MAX) {
		fail(guard, WEB_FAULT_CHUNK);
	} else {
		guard->left = guard->left << 4 | (uint64_t)value;
		guard->at++;
	}
}

static void on_chunk_size_lf(struct web_guard *guard, uint8_t byte)
{
	enter_on(guard, byte, '\n', guard->left ? STATE_CHUNK_DATA : STATE_LAST_CR,
		 WEB_FAULT_LINE_END);
}

/* What a byte does in each state: a function, or the one byte that leads on. Data is passed over. */
static const struct {
	void (*on)(struct web_guard *guard, uint8_t byte);
	uint8_t wanted, next; /* enum state */
	uint8_t fault;
} rows[STATES] = {
	[STATE_START] = {.on = on_start},
	[STATE_START_LF] = {NULL, '\n', STATE_START, WEB_FAULT_LINE_END},
	[STATE_METHOD] = {.on = on_method},
	[STATE_TARGET] = {.on = on_target},
	[STATE_VERSION] = {.on = on_version},
	[STATE_FIRST_LF] = {NULL, '\n', STATE_LINE, WEB_FAULT_LINE_END},
	[STATE_LINE] = {.on = on_line},
	[STATE_NAME] = {.on = on_name},
	[STATE_VALUE] = {.on = on_value},
	[STATE_VALUE_LF] = {NULL, '\n', STATE_LINE, WEB_FAULT_LINE_END},
	[STATE_HEAD_LF] = {.on = end_head},
	[STATE_CHUNK_FIRST] = {.on = on_chunk_size},
	[STATE_CHUNK_SIZE] = {.on = on_chunk_size},
	[STATE_CHUNK_SIZE_LF] = {.on = on_chunk_size_lf},
	[STATE_CHUNK_CR] = {NULL, '\r', STATE_CHUNK_LF, WEB_FAULT_CHUNK},
	[STATE_CHUNK_LF] = {NULL, '\n', STATE_CHUNK_FIRST, WEB_FAULT_LINE_END},
	[STATE_LAST_CR] = {NULL, '\r', STATE_LAST_LF, WEB_FAULT_CHUNK},
	[STATE_LAST_LF] = {NULL, '\n', STATE_START, WEB_FAULT_LINE_END},
};

static void on_byte(struct web_guard *guard, uint8_t byte)
{
	const uint8_t state = guard->state;

	if (rows[state].on)
		rows[state].on(guard, byte);
	else
		enter_on(guard, byte, rows[state].wanted, rows[state].next, rows[state].fault);
}

/* Passes over the bytes of a body; returns how many. */
static size_t skip_data(struct web_guard *guard, size_t size)
{
	size_t taken = size < guard->left ? size : (size_t)guard->left;

	guard->left -= taken;
	if (!guard->left)
		enter(guard, guard->state == STATE_BODY ? STATE_START : STATE_CHUNK_CR);
	return taken;
}

void web_guard_feed(struct web_guard *guard, const void *bytes, size_t size)
{
	const uint8_t *at = bytes, *end = at + size;

	while (at < end && !guard->fault) {
		if (guard->state == STATE_BODY || guard->state == STATE_CHUNK_DATA)
			at += skip_data(guard, (size_t)(end - at));
		else
			on_byte(guard, *at++);
	}
}

enum web_guard_phase web_guard_phase(const struct web_guard *guard)
{
	if (guard->state <= STATE_START_LF)
		return WEB_GUARD_IDLE;
	return guard->state < STATE_BODY ? WEB_GUARD_HEAD : WEB_GUARD_BODY;
}
