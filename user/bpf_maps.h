// SPDX-License-Identifier: Apache-2.0
/* The maps of an object before it is loaded: their sizes, and which of them are shared.
 *
 * Maps that a source file marks as pinned by name are shared: whichever object comes first creates
 * them, and every other one uses the same ones. The rest is the object's own.
 */
#ifndef OPERAGLASS_BPF_MAPS_H
#define OPERAGLASS_BPF_MAPS_H

#include "bpf_set.h"
#include "config.h"

/*
 * Sizes the maps of an opened object as the configuration asks, creates its shared ones unless the
 * set has them, and makes the object use them. 0 or -errno; -EINVAL, said, when two objects differ
 * in a map. Not for two objects at the same moment, unless the set has all maps of both.
 */
int bpf_maps_prepare(struct bpf_object *object, const struct config *config, struct bpf_set *set);

#endif
