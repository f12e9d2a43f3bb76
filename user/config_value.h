// SPDX-License-Identifier: Apache-2.0
/*
 * The texts that stand for single values, and back. Parsers return 0, or -EINVAL with *ret_why
 * set to a few static words that go after "bad value 'x' for key: ".
 */
#ifndef OPERAGLASS_CONFIG_VALUE_H
#define OPERAGLASS_CONFIG_VALUE_H

#include <stdint.h>

#include "config.h"

/* "18446744073709ms" and NUL is 17. */
#define CONFIG_DURATION_SIZE 24
/* Ten digits of seconds, a point, nine digits, NUL. */
#define CONFIG_SECONDS_SIZE 24
/* An IPv6 address (46 with NUL) and "/128". */
#define CONFIG_CIDR_SIZE 52

/* 30 days: no call, and hardly an agent, lasts longer. */
#define CONFIG_SECONDS_MAX (30 * 24 * 3600)

/* A thousand million: more than any budget, and far from overflow. */
#define CONFIG_DOLLARS_MAX UINT64_C(1000000000)

/* Decimal digits only; INT64_MAX stands for all that is larger. */
int config_value_whole(const char *text, uint64_t *ret_value, const char **ret_why);
/* "250ms", "5s", "2m", "1h"; up to about 290 years. */
int config_value_duration(const char *text, uint64_t *ret_ns, const char **ret_why);
/* "0.0005", "30": above 0, at most nine decimals and CONFIG_SECONDS_MAX; exact. */
int config_value_seconds(const char *text, uint64_t *ret_ns, const char **ret_why);
/* [a-z0-9][a-z0-9._-]*, at most 31. */
int config_value_label(const char *text, char ret_label[CONFIG_LABEL_SIZE], const char **ret_why);
/* A file name, or "directory/file" where path is allowed; at most 31 bytes. */
int config_value_name(const char *text, bool path, char ret_name[CONFIG_NAME_SIZE],
		      const char **ret_why);
/* Sets text and wildcard. */
int config_value_host(const char *text, struct config_host *ret_host, const char **ret_why);
/* Sets address and prefix. */
int config_value_cidr(const char *text, struct config_cidr *ret_cidr, const char **ret_why);

/* "1073741824", "512MiB", "4GiB". */
int config_value_size(const char *text, uint64_t *ret_bytes, const char **ret_why);
/* "12.50": dollars to micro-dollars; at most six decimals and CONFIG_DOLLARS_MAX; exact. */
int config_value_dollars(const char *text, uint64_t *ret_micro, const char **ret_why);
/* "0.5", "-3", "1e6": finite. */
int config_value_number(const char *text, double *ret_number, const char **ret_why);
/* [a-zA-Z_][a-zA-Z0-9_]*, with ':' too where colon is allowed; at most REPORTING_NAME_SIZE - 1. */
int config_value_metric(const char *text, bool colon, char ret_name[REPORTING_NAME_SIZE],
			const char **ret_why);

void config_format_size(uint64_t bytes, char ret_text[CONFIG_SECONDS_SIZE]);
void config_format_dollars(uint64_t micro, char ret_text[CONFIG_SECONDS_SIZE]);
/* The shortest that reads back as the same number. */
void config_format_number(double number, char ret_text[CONFIG_SECONDS_SIZE + 8]);
/* In double quotes, as YAML reads it back. */
void config_put_quoted(FILE *out, const char *text);
void config_format_duration(uint64_t ns, char ret_text[CONFIG_DURATION_SIZE]);
void config_format_seconds(uint64_t ns, char ret_text[CONFIG_SECONDS_SIZE]);
void config_format_cidr(const struct config_cidr *cidr, char ret_text[CONFIG_CIDR_SIZE]);

#endif
