// SPDX-License-Identifier: Apache-2.0
/*
 * What a TLS stack is: how its file is recognised, which of its functions are probed by which
 * program of bpf/tls.bpf.c (a program knows where its arguments and its result are), what is unsafe
 * in it, and where its objects keep the client random.
 *
 * To add a stack: its name in include/tls.h, one row here.
 */
#ifndef OPERAGLASS_TLS_STACKS_H
#define OPERAGLASS_TLS_STACKS_H

#include <stdbool.h>
#include <stddef.h>

#include "connection.h"
#include "subject_library.h"
#include "tls.h"

#define TLS_STACK_FUNCTIONS_MAX 8

struct tls_function {
	const char *symbol; /* NULL ends the list */
	const char *entry;  /* program */
	const char *leave;  /* program of the return probe; NULL: none */
};

struct tls_stack {
	const char *name;
	const char *file;    /* basename; NULL: known by what is in the file (tls_recognise.h) */
	bool file_is_prefix; /* `file` only begins it */
	bool return_probes;  /* false: none, its threads move their stacks */
	bool methods;	     /* its functions have no symbols: tls_nspr.h finds them */
	bool inside;	     /* its reads may be seen at one place (tls_inside.h) */
	bool covered;	     /* its calls go through another stack's file, which is read there */
	enum undecoded_reason undecoded; /* said of its connections when it cannot be read */
	const struct subject_library
		*library; /* how it is called in a proof; NULL: it cannot be loaded */
	struct tls_function functions[TLS_STACK_FUNCTIONS_MAX]; /* none: it cannot be read */
	struct tls_random_place places[TLS_RANDOM_PLACES];	/* ends with an unused one */
};

extern const struct tls_stack tls_stacks[TLS_STACKS];

/* The row whose file this is, by its basename; -ENOENT if none. */
int tls_stack_of_file(const char *path);

#endif
