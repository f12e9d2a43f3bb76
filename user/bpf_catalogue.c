// SPDX-License-Identifier: Apache-2.0
#include "bpf_catalogue.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct bpf_object_row bpf_objects[] = {
	{"none", NULL, NULL},
};
const size_t bpf_object_count = 0;

const struct bpf_program_row bpf_programs[] = {
	{"none", "none", BPF_ATTACH_PROBE, 0, ""},
};
const size_t bpf_program_count = 0;

int bpf_catalogue_find(const char *program)
{
	size_t i;

	for (i = 0; i < bpf_program_count; i++)
		if (!strcmp(bpf_programs[i].name, program))
			return (int)i;
	return -ENOENT;
}
