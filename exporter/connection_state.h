// SPDX-License-Identifier: Apache-2.0
/* What a connection is doing, judged from its row. Pure. */
#ifndef EXPORTER_CONNECTION_STATE_H
#define EXPORTER_CONNECTION_STATE_H

#include <stdint.h>

#include "connection.h"

enum connection_state { /* label `state` of upstream_connections */
	CONNECTION_ACTIVE,
	CONNECTION_IDLE,
	CONNECTION_CONNECTING,
	CONNECTION_STATES
};

struct connection_counts {
	uint64_t in[CONNECTION_STATES];
};

/* A response that is still arriving pauses no longer than this, as far as the state is concerned. */
#define CONNECTION_STREAMING_NS UINT64_C(250000000)

/* now_ns: CLOCK_BOOTTIME. */
enum connection_state connection_state(const struct connection *connection, uint64_t now_ns);

/* The upstream that the connection belongs to, or may belong to while its name is not known; 0: to
 * none. */
unsigned int connection_upstream(const struct connection *connection);

const char *connection_state_label(unsigned int state);

#endif
