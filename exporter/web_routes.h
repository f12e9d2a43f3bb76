// SPDX-License-Identifier: Apache-2.0
/* What is where: one table. A new path is a row. */
#ifndef EXPORTER_WEB_ROUTES_H
#define EXPORTER_WEB_ROUTES_H

#include "web_request.h"

/* Who may: web_admit() decides by it. */
enum web_access {
	ACCESS_OPEN,   /* anybody: says only that it lives */
	ACCESS_READ,   /* whoever may see the metrics */
	ACCESS_INGEST, /* whoever may report */
};

struct web_route {
	const char *path; /* NULL: the telemetry path */
	enum web_method method;
	enum web_access access;
	size_t body_max; /* bytes of a body it wants; 0: none */
	web_answer *answer;
};

/* The route of this path, whatever the method; NULL: none. */
const struct web_route *web_route_find(const char *path, const char *telemetry_path);

/* The value of an Allow header. */
const char *web_route_allow(const struct web_route *route);

#endif
