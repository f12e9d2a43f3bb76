// SPDX-License-Identifier: Apache-2.0
#include "tls_programs.h"

#include <stddef.h>
#include <string.h>

static const struct tls_program programs[] = {
	{"og_tls_write", 3, SUBJECT_WRITE, false, NULL, "og_tls_write_only", NULL},
	{"og_tls_read", 3, SUBJECT_READ, false, NULL, NULL, "og_tls_inside"},
	{"og_tls_write_ex", 4, SUBJECT_WRITE, true, "og_tls_write_ex_moved", "og_tls_write_only",
	 NULL},
	{"og_tls_read_ex", 4, SUBJECT_READ, true, NULL, NULL, "og_tls_inside"},
	{"og_tls_free", 1, SUBJECT_FREE, false, NULL, NULL, NULL},
	{"og_tls_nss_write", 3, SUBJECT_WRITE, false, NULL, NULL, NULL},
	{"og_tls_nss_read", 3, SUBJECT_READ, false, NULL, NULL, NULL},
	{"og_tls_nss_recv", 4, SUBJECT_READ, false, NULL, NULL, NULL},
	{"og_tls_nss_close", 1, SUBJECT_FREE, false, NULL, NULL, NULL},
};

const struct tls_program *tls_program_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strcmp(programs[i].name, name))
			return &programs[i];
	return NULL;
}
