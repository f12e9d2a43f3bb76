// SPDX-License-Identifier: Apache-2.0
/*
 * Custom metrics: families that the configuration or an application declares while running.
 *
 * Invariants: a declared family never changes and never goes away while the process lives, so what
 * points to it stays good; the i-th is family FAMILY_COUNT + i of the tallies. A declaration is
 * tentative until custom_metrics_commit().
 *
 * Numbers are in millionths: an observation is put into its bucket to a millionth; sums are doubles.
 */
#ifndef EXPORTER_CUSTOM_METRICS_H
#define EXPORTER_CUSTOM_METRICS_H

#include "account_store.h"
#include "event.h"
#include "reporting.h"
#include "tally.h"

struct custom_metrics;

int custom_metrics_create(struct tallies *tallies, struct custom_metrics **ret_metrics);
void custom_metrics_free(struct custom_metrics *metrics);

/*
 * Whether this is a good declaration: 0, or -EINVAL and why. Pure.
 * Names: [a-z_][a-z0-9_]*; counters and nothing else end in _total; no _bucket, _sum, _count, _info,
 * _created at the end; no name of, or prefix kept for, Operaglass' own families; help without
 * backslash, quote or control character; labels like names, without le, quantile and a leading __.
 */
int custom_metric_check(const struct reporting_custom *custom, struct event_error *ret_error);

/* Reads {"name","type","help","labels":[…],"buckets":[…]}. 0, or -EINVAL and why. Pure. */
int custom_metric_parse(const char *json, struct reporting_custom *ret_custom,
			struct event_error *ret_error);

/* Declares it, checked. The same once more is fine. 0; -EINVAL (also when REPORTING_CUSTOM_MAX are
 * declared, or one of this name is another) and why. `kept`: stored, so that it survives a restart;
 * the configuration's need not be. */
int custom_metrics_declare(struct custom_metrics *metrics, const struct reporting_custom *custom,
			   bool kept, struct event_error *ret_error);

/* An EVENT_METRIC. 0; -EINVAL and why; -ENOMEM. */
int custom_metrics_apply(struct custom_metrics *metrics, const struct event *event,
			 struct event_error *ret_error);

int custom_metrics_save(const struct custom_metrics *metrics, const struct account_store *store);
/* Whether some are declared and not committed yet. */
bool custom_metrics_open(const struct custom_metrics *metrics);
void custom_metrics_commit(struct custom_metrics *metrics);
void custom_metrics_rollback(struct custom_metrics *metrics);
/* 0; -ENOENT: not a value of this; -EINVAL. */
int custom_metrics_load(struct custom_metrics *metrics, const char *name, const char *value);

/* Declares the committed ones in the model; fills what tallies_add() wants. */
void custom_metrics_model(const struct custom_metrics *metrics, struct model *model,
			  enum family ret_declared[FAMILY_DECLARED_MAX]);

#endif
