// SPDX-License-Identifier: Apache-2.0
/* What identifies a series within its family: its label values, cleaned, one after the other. */
#ifndef EXPORTER_MODEL_KEY_H
#define EXPORTER_MODEL_KEY_H

#include "model.h"

struct model_key {
	uint32_t hash;
	uint32_t size;
	char text[FAMILY_LABELS_MAX * (MODEL_LABEL_MAX + 1)]; /* each with its NUL */
};

/*
 * Pure. At most FAMILY_LABELS_MAX labels; each becomes valid UTF-8 of at most MODEL_LABEL_MAX bytes.
 * The seed is an address, so that outsiders who choose labels cannot aim at the hash.
 */
void model_key_make(struct model_labels labels, uint64_t seed, struct model_key *ret_key);

#endif
