// SPDX-License-Identifier: Apache-2.0
/*
 * Follows the bytes of one client's requests and finds what two servers could read differently:
 * two lengths, a length and chunks, lines that end in a bare line feed, folded headers, control
 * bytes. libmicrohttpd before 1.0.10 lets such requests through, and whoever stands before it may
 * take the rest of one request for the next.
 *
 * Pure, no memory of its own, any split of the bytes gives the same result. What it accepts is
 * less than what RFC 9112 allows: no chunk extensions, no trailers, one transfer coding.
 */
#ifndef EXPORTER_WEB_GUARD_H
#define EXPORTER_WEB_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum web_fault {
	WEB_FAULT_NONE,
	WEB_FAULT_REQUEST_LINE,
	WEB_FAULT_LINE_END,  /* a line feed or a carriage return alone */
	WEB_FAULT_FIELD,     /* no name, a blank before the colon, a control byte, a folded line */
	WEB_FAULT_REPEATED,  /* two of what may be there once */
	WEB_FAULT_LENGTH,    /* not a number */
	WEB_FAULT_CODING,    /* not "chunked", or in HTTP/1.0 */
	WEB_FAULT_TWO_SIZES, /* Content-Length and Transfer-Encoding */
	WEB_FAULT_CHUNK,
	WEB_FAULTS
};

/* For the client; NULL for WEB_FAULT_NONE. */
extern const char *const web_fault_texts[WEB_FAULTS];

struct web_guard {
	uint64_t left;	      /* bytes of the body or chunk to come */
	uint64_t length;      /* of Content-Length, while the head is read */
	uint32_t requests;    /* whose first byte was seen */
	uint8_t state, fault; /* enum web_fault; the first one stays */
	uint8_t seen;	      /* bits of the fields that were there */
	uint8_t at;	      /* in what is being compared or counted */
	uint8_t candidates;   /* bits of the fields that the name may still become */
	uint8_t field;	      /* index + 1 of the field whose value is read; 0: any other */
	bool old;	      /* HTTP/1.0 */
	bool value_begun, value_ended;
};

/* Where the client is. */
enum web_guard_phase {
	WEB_GUARD_IDLE, /* between requests */
	WEB_GUARD_HEAD,
	WEB_GUARD_BODY
};

/* A zeroed guard is a new connection. Bytes after a fault are not looked at. */
void web_guard_feed(struct web_guard *guard, const void *bytes, size_t size);
enum web_guard_phase web_guard_phase(const struct web_guard *guard);

#endif
