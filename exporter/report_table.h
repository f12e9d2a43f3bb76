// SPDX-License-Identifier: Apache-2.0
/* A report's JSON as a table for people. */
#ifndef EXPORTER_REPORT_TABLE_H
#define EXPORTER_REPORT_TABLE_H

#include <stdio.h>

#include "text.h"

/* 0; -EINVAL when `json` is no such report; or -ENOMEM. */
int report_table_cost(const struct text *json, FILE *out);
int report_table_analytics(const struct text *json, FILE *out);

#endif
