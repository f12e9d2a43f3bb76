// SPDX-License-Identifier: Apache-2.0
/* How the Bot API spells its methods; the server itself takes them in any case. */
#ifndef OPERAGLASS_TELEGRAM_METHODS_H
#define OPERAGLASS_TELEGRAM_METHODS_H

#include <stddef.h>

extern const char *const telegram_method_names[];
extern const size_t telegram_method_count;

/* Fills the map `telegram_methods` (include/tls.h). 0 or -errno. */
int telegram_methods_fill(int map);

#endif
