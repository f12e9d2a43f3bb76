// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "commands.h"

int command_version(const struct options *options)
{
	(void)options;
	puts("operaglass " OPERAGLASS_VERSION);
	return EXIT_OK;
}
