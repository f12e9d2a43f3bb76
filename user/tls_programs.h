// SPDX-License-Identifier: Apache-2.0
/* What the entry programs of bpf/tls.bpf.c read at the place where they run. */
#ifndef OPERAGLASS_TLS_PROGRAMS_H
#define OPERAGLASS_TLS_PROGRAMS_H

#include <stdbool.h>

#include "probe_subject.h"

struct tls_program {
	const char *name;
	unsigned arguments;	/* integer arguments, from the first on */
	enum subject_kind kind; /* what a function is that has it at its entry */
	bool pointed;		/* the result is where the fourth argument points */
	const char *moved; /* the program for a place where that is in the fifth one's register */
	const char *write_only; /* the program that sees what is written alone; NULL: none does */
	const char *inside; /* the program for a place where all of a call is seen; NULL: none */
};

/* NULL: a program that says for itself where it must be placed. */
const struct tls_program *tls_program_find(const char *name);

#endif
