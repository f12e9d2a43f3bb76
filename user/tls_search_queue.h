// SPDX-License-Identifier: Apache-2.0
/* Files that wait to be searched for their TLS functions, one after the other (tls_search.h). */
#ifndef OPERAGLASS_TLS_SEARCH_QUEUE_H
#define OPERAGLASS_TLS_SEARCH_QUEUE_H

#include "tls_recognise.h"

#define TLS_SEARCH_QUEUE 16 /* different programs; a host has one or two */

struct tls_search_queue;

struct tls_search_job {
	int file;
	char path[256]; /* for messages */
	struct tls_recognition found;
};

/* epoll_fd: gets a descriptor that is readable when tls_search_queue_step has something to do; must
 * outlive the queue; -1: none, it is called now and then. NULL without memory. */
struct tls_search_queue *tls_search_queue_new(int epoll_fd);
void tls_search_queue_free(struct tls_search_queue *queue); /* NULL is allowed */

/* Has the file searched, if the recognition says that it may be; its descriptor is duplicated. */
void tls_search_queue_ask(struct tls_search_queue *queue, int file, const char *path,
			  const struct tls_recognition *found);

/* Never waits: gives what a search has found to `take`, keeps it as a signature of this directory, and
 * begins the next search. When nothing was found the log says why, and it is given only if
 * a signature for it was refused. */
void tls_search_queue_step(struct tls_search_queue *queue, const char *directory,
			   void (*take)(void *context, const struct tls_search_job *job),
			   void *context);

#endif
