// SPDX-License-Identifier: Apache-2.0
/* How the last approvals ended: 8 bytes each in a ring, found by hash. The oldest makes room. */
#ifndef EXPORTER_DECIDED_H
#define EXPORTER_DECIDED_H

#include <stdint.h>

struct decided;

/* 0 or -ENOMEM. */
int decided_create(uint32_t max, struct decided **ret_decided);
void decided_free(struct decided *decided);

/* Only the upper 61 bits of the hash count. The state is below 7. Without memory for it, it is
 * forgotten. */
void decided_add(struct decided *decided, uint64_t hash, unsigned state);
/* The state, or -1. */
int decided_find(const struct decided *decided, uint64_t hash);

#endif
