// SPDX-License-Identifier: Apache-2.0
#include "connection_state.h"

static const char *const labels[CONNECTION_STATES] = {
	[CONNECTION_ACTIVE] = "active",
	[CONNECTION_IDLE] = "idle",
	[CONNECTION_CONNECTING] = "connecting",
};

enum connection_state connection_state(const struct connection *connection, uint64_t now_ns)
{
	if (!connection->established_ns)
		return CONNECTION_CONNECTING;
	if (connection->first_call != connection->next_call)
		return CONNECTION_ACTIVE;
	if (!connection->call_begin_ns || connection->decoded)
		return CONNECTION_IDLE;
	if (connection->response_sequence != connection->call_sequence)
		return CONNECTION_ACTIVE;
	/* Bytes of a plain response mostly come at once; an encrypted stream may go on. */
	if (connection->protocol != PROTOCOL_TLS)
		return CONNECTION_IDLE;
	return now_ns < connection->last_received_ns + CONNECTION_STREAMING_NS ? CONNECTION_ACTIVE
									       : CONNECTION_IDLE;
}

unsigned int connection_upstream(const struct connection *connection)
{
	if (connection->upstream)
		return connection->upstream;
	return connection->candidate ? connection->candidate : connection->fallback;
}

const char *connection_state_label(unsigned int state)
{
	return state < CONNECTION_STATES ? labels[state] : "unknown";
}
