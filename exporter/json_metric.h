// SPDX-License-Identifier: Apache-2.0
/*
 * The declaration of a custom metric as JSON, with the rules of the configuration (user/config_metrics.c):
 * {"name","type":"counter|gauge|histogram","help","labels":[…],"buckets":[…]}. Pure.
 */
#ifndef EXPORTER_JSON_METRIC_H
#define EXPORTER_JSON_METRIC_H

#include <stdbool.h>
#include <stddef.h>

#include "event.h"
#include "reporting.h"
#include "text.h"

/* 0, or -EINVAL with the field that is wrong. */
int json_metric_parse(const char *json, size_t size, struct reporting_custom *ret_metric,
		      struct event_error *ret_error);

/* The same as one line, in a fixed order, without a line end; 0 or -ENOMEM. */
int json_metric_write(const struct reporting_custom *metric, struct text *out);

/* Whether a metric of this name would be one of Operaglass' own, or a part of one. */
bool json_metric_is_ours(const char *name);

#endif
