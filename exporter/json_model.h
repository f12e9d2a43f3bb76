// SPDX-License-Identifier: Apache-2.0
/*
 * The model as JSON: {"families":[{"name","type","unit","help","series":[{"labels":{…},"value"}]}]};
 * a histogram has "count", "sum" and cumulative "buckets":[{"le","count"}] instead of "value". Pure.
 *
 * Families without series are listed too. Durations and timestamps are seconds. `le` is a text, as
 * in the Prometheus format, because of "+Inf".
 */
#ifndef EXPORTER_JSON_MODEL_H
#define EXPORTER_JSON_MODEL_H

#include "model.h"
#include "text.h"

/* Appends; 0 or -ENOMEM (then `out` holds a part of it). */
int json_model_render(const struct model *model, struct text *out);

#endif
