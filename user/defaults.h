// SPDX-License-Identifier: Apache-2.0
/*
 * What is watched when nobody configured anything. Static tables, NULL-terminated lists inside;
 * config_merge.c turns them into a struct config and test_config.c holds them to the same rules
 * as a user's file.
 */
#ifndef OPERAGLASS_DEFAULTS_H
#define OPERAGLASS_DEFAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

#define DEFAULT_NAMES_MAX 6
#define DEFAULT_HOSTS_MAX 4

struct default_agent {
	const char *type;
	bool relaunches;
	const char *names[DEFAULT_NAMES_MAX];
};

struct default_upstream {
	const char *name;
	enum config_kind kind;
	uint16_t port;
	const char *hosts[DEFAULT_HOSTS_MAX];
};

extern const struct default_agent default_agents[];
extern const size_t default_agent_count;
extern const struct default_upstream default_upstreams[];
extern const size_t default_upstream_count;
extern const char *const default_interpreters[];
extern const size_t default_interpreter_count;

extern const struct config_limits default_limits;
extern const struct config_histograms default_histograms;

#define DEFAULT_QUIET_NS	 (2 * UINT64_C(1000000000))
#define DEFAULT_HEALTH_WINDOW_NS (300 * UINT64_C(1000000000))
#define DEFAULT_IDLE_AFTER_NS	 (60 * UINT64_C(1000000000))

#endif
