/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_SIZES_H
#define OPERAGLASS_SIZES_H

/*
 * Sizes that both halves agree on. Everything here bounds something that outsiders fill.
 *
 * Ids: the observer gives each agent type and each upstream a small number and never gives the same
 * number to another name while the maps live, because counters are keyed by it. Id 0 means "none".
 */

enum {
	MAX_AGENT_TYPES = 64, /* ids 1..63; three times the default rules */
	MAX_UPSTREAMS = 32,   /* ids 1..31; a bit more than twice the default ones */
	TYPE_NAME_SIZE = 32,  /* label `type`, with its NUL */
	UPSTREAM_NAME_SIZE = 32,
	IMAGE_NAME_SIZE =
		32,	     /* basename (or last two path components) of an executable or script */
	TOOL_NAME_SIZE = 16, /* as the kernel's comm: a longer basename is cut */
	ENDPOINT_SIZE = 48,  /* longest Bot API method is 30 letters; two path segments of 22 */
	HOST_NAME_SIZE = 256, /* RFC 1035: 253 characters, NUL, rounded up */
	HISTOGRAM_BOUNDS = 20,
	HISTOGRAM_BUCKETS = HISTOGRAM_BOUNDS + 1, /* the last one is +Inf */
	MAX_CALLS_IN_FLIGHT = 16, /* pipelined requests of one connection that are followed */
};

#endif
