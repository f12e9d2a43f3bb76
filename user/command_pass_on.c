// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "supervise.h"

/* More words than an event has fields; the kernel's own limit is far above. */
#define WORDS_MAX 256

int command_pass_on(char **words)
{
	char name[] = "operaglass-exporter", path[PATH_MAX];
	char *list[WORDS_MAX + 2] = {name};
	size_t count = 0;

	while (words[count] && count < WORDS_MAX) {
		list[count + 1] = words[count];
		count++;
	}
	if (words[count]) {
		fprintf(stderr, "operaglass: %s takes at most %d words\n", words[0], WORDS_MAX);
		return EXIT_USAGE;
	}
	supervise_find_program(path);
	execv(path, list);
	fprintf(stderr, "operaglass: cannot run '%s': %s\n", path, strerror(errno));
	return EXIT_FAILED;
}
