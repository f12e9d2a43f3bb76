// SPDX-License-Identifier: Apache-2.0
/* The commands of `operaglass` that work on what the exporter keeps, and that this program runs. */
#ifndef EXPORTER_TOOLS_H
#define EXPORTER_TOOLS_H

#include <stdbool.h>

/* argv[0] is the command's word. False when it is none of them; else it was run, and ret_code is
 * what to exit with. */
bool tools_run(int argc, char **argv, int *ret_code);

#endif
