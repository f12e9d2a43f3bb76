// SPDX-License-Identifier: Apache-2.0
/* One file that is probed, or that was looked at and is not. */
#ifndef OPERAGLASS_TLS_TARGET_H
#define OPERAGLASS_TLS_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf_set.h"
#include "tls_layers.h"
#include "probe_trust.h"
#include "tls_stacks.h"
#include "tls_targets.h"

#define TLS_TARGET_PROBES_MAX (2 * TLS_STACK_FUNCTIONS_MAX)

enum tls_target_fate {
	TLS_FATE_ATTACHED,
	TLS_FATE_REFUSED,
	TLS_FATE_EMPTY,	    /* no file of this stack, whatever its name says */
	TLS_FATE_UNDECODED, /* has none of the functions */
	TLS_FATE_COVERED,   /* read in another file */
	TLS_FATE_MISLED,    /* an operator's signature for it is wrong */
	TLS_FATE_MALFORMED, /* it contradicts itself, or is too large to be looked into */
};

struct tls_recognition;

struct tls_target {
	dev_t device;
	ino_t inode;
	uint32_t stack; /* enum tls_stack_id */
	uint32_t slot;	/* of map tls_slots; 0: none */
	enum tls_target_fate fate;
	bool stale;
	enum tls_trust trust;
	enum tls_reach reach; /* of an attached one */
	bool inside;	      /* it is read inside of its functions (tls_inside.h) */
	bool seen;	      /* somebody maps it; by the last scan */
	struct tls_layer layer;
	dev_t shared_device; /* shared_inode not 0: the row that has the probes of both */
	ino_t shared_inode;
	int watch;	    /* for writes to the file (tls_changes.h); 0: none */
	bool kept;	    /* one of the host's well-known files: stays without being mapped */
	uint32_t pins;	    /* of it; 0: the probes below are all there is */
	uint32_t pin_total; /* that there should be */
	int probes[TLS_TARGET_PROBES_MAX];
	uint32_t probe_count;
};

struct tls_target_tools {
	const struct bpf_set *set;
	const char *pin_directory; /* NULL: pin nothing */
	struct tls_abilities abilities;
	unsigned cheap_classes;	   /* enum probe_class */
	bool returns;		   /* configured: return probes are allowed */
	bool stepped;		   /* configured: single-stepped probes before none */
	bool outside;		   /* never inside of functions: that was wrong of this file */
	struct probe_trust *trust; /* NULL: nothing is proven */
	int slots_fd;
	struct tls_slot *slots; /* the same, mapped: members of the observer are written here */
};

/*
 * Places all probes of its stack, or none, where the functions were found. path is for messages. Sets
 * fate, probes and pins of the target, whose identity, stack and slot the caller has set.
 */
void tls_target_attach(struct tls_target *target, const struct tls_target_tools *tools, int file,
		       const char *path, const struct tls_recognition *found);

/* What has become known of an attached one: trust and, if it is used, where the client random lies. */
void tls_target_know(struct tls_target *target, const struct tls_target_tools *tools,
		     enum tls_trust trust, const struct tls_random_place *place);

/* Takes every probe away. */
void tls_target_detach(struct tls_target *target, const struct tls_target_tools *tools);

/* Closes descriptors; pinned probes stay. */
void tls_target_close(struct tls_target *target);

#endif
