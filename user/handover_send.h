// SPDX-License-Identifier: Apache-2.0
/* The observer's side of include/handover.h. */
#ifndef OPERAGLASS_HANDOVER_SEND_H
#define OPERAGLASS_HANDOVER_SEND_H

#include <stddef.h>
#include <stdint.h>

#include "bpf_set.h"
#include "handover.h"

/* A socket pair of the right kind; both ends close on exec. 0 or -errno. */
int handover_pair(int ret_sockets[2]);

/* Everything in the set, the status of every component, COMPLETE. 0 or -errno. */
int handover_send_set(int socket, const struct bpf_set *set);

/* One message that carries fd, or none if fd is -1. 0 or -errno. */
int handover_send(int socket, enum handover_kind kind, uint32_t value, const char *name, int fd);

/*
 * A copy of `size` bytes in a sealed memfd, as settings called `name` (a pointer-free struct that both
 * programs know). 0 or -errno.
 */
int handover_send_settings(int socket, const char *name, const void *settings, size_t size);

/* 1 and one message, 0 if none waits, -EPIPE at the end of file, or another -errno. */
int handover_receive_one(int socket, struct handover_message *ret_message);

#endif
