// SPDX-License-Identifier: Apache-2.0
/*
 * Who may use the unix sockets: the users and groups of the settings, and nobody else. Root is in
 * the default list and has no other privilege here.
 *
 * For a stream the kernel tells all groups of the process that connected; for a datagram it tells
 * the user and the group that the process had when it sent, without supplementary groups.
 */
#ifndef EXPORTER_SENDERS_H
#define EXPORTER_SENDERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "reporting.h"

/* Groups beyond this are not looked at; the kernel allows 65536, hardly anybody has more than 32. */
#define SENDER_GROUPS_MAX 128

struct sender {
	uint32_t uid;
	uint32_t pid; /* 0: of a pid namespace that cannot be seen from here */
	unsigned group_count;
	gid_t groups[SENDER_GROUPS_MAX]; /* the primary one is the first */
};

/* Pure. */
bool sender_may_report(const struct reporting_settings *settings, const struct sender *sender);

/* The process that connected to a unix stream socket; `fd` is the accepted one. 0 or -errno. */
int sender_of_stream(int fd, struct sender *ret_sender);

#endif
