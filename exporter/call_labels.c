// SPDX-License-Identifier: Apache-2.0
#include "call_labels.h"

#include <stddef.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const methods[] = {
	[METHOD_UNKNOWN] = "unknown", [METHOD_GET] = "GET",	    [METHOD_POST] = "POST",
	[METHOD_PUT] = "PUT",	      [METHOD_DELETE] = "DELETE",   [METHOD_HEAD] = "HEAD",
	[METHOD_PATCH] = "PATCH",     [METHOD_OPTIONS] = "OPTIONS", [METHOD_OTHER] = "other",
};

static const char *const call_failures[FAILURES] = {
	[FAILURE_NONE] = "none",
	[FAILURE_DNS] = "dns",
	[FAILURE_CONNECT_REFUSED] = "connect_refused",
	[FAILURE_CONNECT_TIMEOUT] = "connect_timeout",
	[FAILURE_UNREACHABLE] = "unreachable",
	[FAILURE_TLS_HANDSHAKE] = "tls_handshake",
	[FAILURE_RESET] = "reset",
	[FAILURE_CLOSED] = "closed",
	[FAILURE_TIMEOUT] = "timeout",
	[FAILURE_RATE_LIMITED] = "rate_limited",
	[FAILURE_UNAUTHORIZED] = "unauthorized",
	[FAILURE_CONFLICT] = "conflict",
	[FAILURE_CLIENT_ERROR] = "client_error",
	[FAILURE_SERVER_ERROR] = "server_error",
};

static const char *const visibilities[VISIBILITIES] = {
	[VISIBILITY_UNDECIDED] = "undecided",
	[VISIBILITY_DECODED] = "decoded",
	[VISIBILITY_ENCRYPTED] = "encrypted",
	[VISIBILITY_PLAIN] = "plain",
};

static const char *const undecoded[UNDECODED_REASONS] = {
	[UNDECODED_UNSUPPORTED_STACK] = "unsupported_stack",
	[UNDECODED_NO_SYMBOLS] = "no_symbols",
	[UNDECODED_HTTP2] = "http2",
	[UNDECODED_ATTACHED_LATE] = "attached_late",
	[UNDECODED_PROBE_REFUSED] = "probe_refused",
	[UNDECODED_MALFORMED] = "malformed",
	[UNDECODED_NO_REQUEST] = "no_request",
	[UNDECODED_RUSTLS] = "rustls",
	[UNDECODED_JAVA] = "java",
	[UNDECODED_NSS] = "nss",
	[UNDECODED_WRITE_ONLY] = "write_only",
};

static const char *label(const char *const *labels, size_t count, unsigned int index)
{
	return index < count && labels[index] ? labels[index] : "unknown";
}

const char *call_method_label(unsigned int method)
{
	return label(methods, COUNT(methods), method);
}

const char *call_failure_label(unsigned int failure)
{
	return label(call_failures, COUNT(call_failures), failure);
}

bool call_failure_is_status(unsigned int failure)
{
	return failure >= FAILURE_RATE_LIMITED && failure < FAILURES;
}

const char *visibility_label(unsigned int visibility)
{
	return label(visibilities, COUNT(visibilities), visibility);
}

const char *undecoded_label(unsigned int reason)
{
	return label(undecoded, COUNT(undecoded), reason);
}

const char *call_status_label(unsigned int status, char out[STATUS_LABEL_SIZE])
{
	if (!status)
		return "unknown";
	snprintf(out, STATUS_LABEL_SIZE, "%u", status % 10000);
	return out;
}
