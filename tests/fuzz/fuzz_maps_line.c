// SPDX-License-Identifier: Apache-2.0
/* One line of /proc/PID/maps: processes choose the names of their files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls_mappings.h"
#include "tls_stacks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	struct tls_mapping mapping;

	if (!line)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (tls_mapping_parse(line, &mapping)) {
		if (!mapping.inode || mapping.path[0] != '/' ||
		    mapping.path + strlen(mapping.path) > line + size)
			abort();
		tls_stack_of_file(mapping.path);
	}
	free(line);
	return 0;
}
