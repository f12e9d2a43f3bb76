// SPDX-License-Identifier: Apache-2.0
/*
 * What the observer handed over: descriptors of maps, programs and iterators by name, and which
 * component is up. The messages are those of include/handover.h.
 */
#ifndef EXPORTER_HANDOVER_REGISTRY_H
#define EXPORTER_HANDOVER_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handover.h"

/* Maps, programs and iterators together: three times what the kernel half has. */
#define HANDOVER_ITEMS_MAX	256
#define HANDOVER_COMPONENTS_MAX 64

struct handover_item {
	enum handover_kind kind; /* HANDOVER_MAP, _PROGRAM, _ITERATOR or _SETTINGS */
	int fd;			 /* owned by the registry; -1: the message carried none */
	uint32_t value;		 /* of the message: programs: 1 attached, 0 not; settings: bytes */
	char name[HANDOVER_NAME_SIZE];
};

struct handover_component {
	char name[HANDOVER_NAME_SIZE];
	bool up;
};

/* Read it; only the functions below change it. */
struct handover {
	int socket;
	bool complete;	     /* everything of this generation is here and attached */
	uint32_t generation; /* rises with every REPLACED: descriptors taken before are closed */
	uint32_t settings;   /* rises with every SETTINGS: something may have changed */
	uint32_t restarts;   /* of the exporter, since the observer started */
	unsigned item_count, component_count;
	struct handover_item items[HANDOVER_ITEMS_MAX];
	struct handover_component components[HANDOVER_COMPONENTS_MAX];
};

/* Takes ownership of the socket and makes it non-blocking. 0 or -errno. */
int handover_open(struct handover *handover, int socket);
void handover_close(struct handover *handover);

/* Reads every message that waits. 0; -EPIPE when the observer is gone; or -errno. */
int handover_receive(struct handover *handover);

/* Tells the observer that the sockets accept. 0 or -errno. */
int handover_listening(struct handover *handover, uint16_t port);

/* The descriptor of an item, or -ENOENT. It stays the registry's. */
int handover_fd(const struct handover *handover, enum handover_kind kind, const char *name);

/*
 * The newest settings of that name (a struct of `size` bytes that both programs know). 0; -ENOENT: none
 * came; -EPROTO: not `size` bytes, or not sealed; or -errno. `out` is written on success only.
 */
int handover_settings(const struct handover *handover, const char *name, void *out, size_t size);

/* Items of one kind, in the order they came; start with NULL; NULL at the end. */
const struct handover_item *handover_next(const struct handover *handover, enum handover_kind kind,
					  const struct handover_item *previous);

#endif
