// SPDX-License-Identifier: Apache-2.0
/* What the observer and the exporter say to each other.
 *
 * A SOCK_SEQPACKET socket pair; each packet is one struct handover_message and carries at most one
 *file descriptor (SCM_RIGHTS). The observer passes its end's peer as --handover.fd and sends:
 *
 *	MAP, PROGRAM, ITERATOR …   one packet per item, with its descriptor
 *	STATUS …                   one per component, whenever it changes
 *	COMPLETE                   everything of this generation was sent and is attached: /-/ready
 *says 200 REPLACED                   this generation is over: the exporter closes every descriptor
 *of it and is not ready until the next COMPLETE
 *
 * The exporter sends LISTENING once, when its sockets accept and its privileges are gone. End of
 *file on either side means that the other process died; the exporter then exits.
 *
 * Numbers are never reused. A receiver ignores kinds it does not know (and closes their
 *descriptor).
 */
#ifndef OPERAGLASS_HANDOVER_H
#define OPERAGLASS_HANDOVER_H

#include <stdint.h>

#define HANDOVER_NAME_SIZE 64

enum handover_kind {
	HANDOVER_MAP = 1, /* fd: a map;                name: the map's name */
	HANDOVER_PROGRAM =
		2, /* fd: a program, none where the kernel counts no runs of it (tail calls);
		      name: the program's; value: 1 attached, 0 not */
	HANDOVER_ITERATOR = 3,	/* fd: an iterator's link;   name: the program's */
	HANDOVER_COMPLETE = 4,	/* no fd */
	HANDOVER_REPLACED = 5,	/* no fd */
	HANDOVER_LISTENING = 6, /* no fd; exporter to observer; value: port of the first address */
	HANDOVER_STATUS = 7,	/* no fd; name: component; value: 1 up, 0 down */
	HANDOVER_SETTINGS =
		10, /* fd: a sealed memfd; name: which struct ("reporting", "web"); value:
				   its size. First of all, and again whenever it changed; it
				   outlives REPLACED */
	HANDOVER_RESTARTS = 9, /* no fd; value: how often the exporter had to be started again */
	HANDOVER_READ_CAP =
		8, /* no fd; first of all: this kernel reads maps with CAP_BPF only, keep it */
};

struct handover_message {
	uint32_t kind;		       /* enum handover_kind */
	uint32_t value;		       /* see the kind; 0 where it means nothing */
	char name[HANDOVER_NAME_SIZE]; /* NUL-terminated */
};

_Static_assert(sizeof(struct handover_message) == 72, "two processes of one version agree on this");

#endif
