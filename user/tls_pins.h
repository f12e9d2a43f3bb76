// SPDX-License-Identifier: Apache-2.0
/*
 * Names of pinned TLS probes: uprobe_<device>_<inode>_<slot>_<stack>_<probes>_<n>, all hexadecimal.
 * `probes` is how many of one file there are: fewer were left by a run that ended in the middle.
 */
#ifndef OPERAGLASS_TLS_PINS_H
#define OPERAGLASS_TLS_PINS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TLS_PIN_NAME_SIZE 96

struct tls_pin {
	dev_t device;
	ino_t inode;
	uint32_t slot;	 /* in map tls_slots */
	uint32_t stack;	 /* enum tls_stack_id */
	uint32_t probes; /* of this file */
	uint32_t number; /* of this one, from 0 */
};

/* Pure. */
void tls_pin_name(const struct tls_pin *pin, char name[TLS_PIN_NAME_SIZE]);
bool tls_pin_parse(const char *name, struct tls_pin *ret_pin);

/* 0 or -errno. The directory is created when it is not there. */
int tls_pin_save(const char *directory, const struct tls_pin *pin, int probe);
int tls_pin_remove(const char *directory, const struct tls_pin *pin);

/* Gives every pin in the directory to `take`. 0, also when there is no directory; or -errno. */
int tls_pin_list(const char *directory, void (*take)(void *context, const struct tls_pin *pin),
		 void *context);

#endif
