// SPDX-License-Identifier: Apache-2.0
/* Where the exporter listens: 127.0.0.1:9782, [::1]:9782, localhost:9782, :9782 (every address). */
#ifndef EXPORTER_WEB_ADDRESS_H
#define EXPORTER_WEB_ADDRESS_H

#include <stdint.h>

#define WEB_HOST_SIZE 256

struct web_address {
	char host[WEB_HOST_SIZE]; /* without brackets; empty: every address */
	uint16_t port;		  /* 0: the kernel chooses */
};

/* Pure. 0, or -EINVAL. */
int web_address_parse(const char *text, struct web_address *ret_address);

/*
 * Opens a listening socket (non-blocking, close-on-exec). A failure is logged with what to do
 * about it and returned as -errno.
 */
int web_address_listen(const char *text, int *ret_fd);

/* The port a listening socket is bound to; 0 when it is not. */
uint16_t web_address_port(int fd);

#endif
