// SPDX-License-Identifier: Apache-2.0
/*
 * Searching a file for its TLS functions (tls_anchors.h) in a process of its own: what anybody may have
 * written is decoded there as nobody, without capabilities, files, network or children, and takes no
 * time from the observer.
 */
#ifndef OPERAGLASS_TLS_SEARCH_H
#define OPERAGLASS_TLS_SEARCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tls_anchors.h"

#define TLS_SEARCH_WHY_SIZE 128

struct tls_search {
	pid_t pid;
	int pipe; /* readable when it has ended */
};

struct tls_search_result {
	int32_t err; /* of tls_anchors_find; -ECANCELED: the search itself did not come to its end */
	uint32_t reserved;
	struct tls_anchors anchors;
	char why[TLS_SEARCH_WHY_SIZE]; /* when there is an error */
};

/* 0 or -errno. tls_search_end or tls_search_wait reaps it. */
int tls_search_begin(int file, struct tls_search *ret_search);

/* Never waits. 0; -EAGAIN: not yet, it takes some seconds at most. The result is checked against the
 * file (tls_anchors_fit) before it is believed. */
int tls_search_end(struct tls_search *search, int file, struct tls_search_result *ret_result);

/* All of it, in up to TLS_SEARCH_SECONDS. */
void tls_search_run(int file, struct tls_search_result *ret_result);

#define TLS_SEARCH_SECONDS 10 /* of a processor: some 0.3 are usual */

#endif
