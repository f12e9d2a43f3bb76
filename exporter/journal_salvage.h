// SPDX-License-Identifier: Apache-2.0
#ifndef EXPORTER_JOURNAL_SALVAGE_H
#define EXPORTER_JOURNAL_SALVAGE_H

#include <stddef.h>

struct journal;

/*
 * Copies the tables that the state is rebuilt from out of the damaged file at `path`. What cannot be
 * read is named in ret_lost: ", tallies, costs", or "".
 */
void journal_salvage(struct journal *journal, const char *path, char *ret_lost, size_t size);

#endif
