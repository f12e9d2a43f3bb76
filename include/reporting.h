// SPDX-License-Identifier: Apache-2.0
/*
 * The settings of what applications report, as the observer hands them to the exporter.
 *
 * The observer parses the configuration and reads the files that it names (keys, tokens), because
 * the exporter has no right to; the exporter gets one flat value, in a sealed memfd
 * (HANDOVER_SETTINGS, name "reporting"), at start and after each reload. It holds no pointer. Texts
 * are NUL-terminated and zero-padded. Durations are nanoseconds, money is micro-dollars.
 */
#ifndef OPERAGLASS_REPORTING_H
#define OPERAGLASS_REPORTING_H

#include <stdbool.h>
#include <stdint.h>

/* Users or groups that may report; more than that is a group. */
#define REPORTING_IDS_MAX 64
/* The models of the large vendors are about 60; each with a dated alias. */
#define REPORTING_PRICES_MAX	256
#define REPORTING_MODEL_SIZE	64
#define REPORTING_CUSTOM_MAX	64
#define REPORTING_CUSTOM_LABELS 4
#define REPORTING_CUSTOM_BOUNDS 20
#define REPORTING_NAME_SIZE	64
#define REPORTING_HELP_SIZE	160
#define REPORTING_ZONE_SIZE	64
#define REPORTING_TOKEN_SIZE	256
#define REPORTING_KEY_SIZE	32

enum reporting_session_label {
	SESSION_LABEL_OFF = 0,
	SESSION_LABEL_PLAIN = 1,
	SESSION_LABEL_HASHED = 2, /* HMAC-SHA-256 with session_key, first 16 hex digits */
};

/* Per million tokens. */
struct reporting_price {
	/* Exact, or a prefix that ends in '*'; exact goes before prefix, longer before shorter. */
	char model[REPORTING_MODEL_SIZE];
	uint64_t input, output, cache_read, cache_write;
};

enum reporting_custom_type {
	CUSTOM_COUNTER = 0,
	CUSTOM_GAUGE = 1,
	CUSTOM_HISTOGRAM = 2,
};

struct reporting_custom {
	char name[REPORTING_NAME_SIZE];
	char help[REPORTING_HELP_SIZE];
	char labels[REPORTING_CUSTOM_LABELS][REPORTING_NAME_SIZE]; /* "" ends the list */
	double bounds[REPORTING_CUSTOM_BOUNDS];			   /* ascending; histograms */
	uint32_t bound_count;
	uint32_t type; /* enum reporting_custom_type */
};

struct reporting_settings {
	uint32_t uid_count, gid_count;
	/* Who may use the sockets: any of these; root is always among them. */
	uint32_t uids[REPORTING_IDS_MAX], gids[REPORTING_IDS_MAX];
	uint32_t sender_rate, sender_burst; /* events a second, and at once, per sender */
	uint32_t total_rate, total_burst;   /* of all senders together */
	uint64_t id_window_ns;		    /* an id is remembered that long */
	uint64_t approval_timeout_ns;	    /* where the request names none */
	uint64_t approval_grace_ns;
	uint32_t pending_max;	/* approvals that may wait at once */
	uint32_t session_label; /* enum reporting_session_label */
	uint8_t session_key[REPORTING_KEY_SIZE];
	bool plain_actors; /* store who decided as it was reported, not hashed */
	uint8_t reserved_actors[7];
	uint64_t retention_ns;		     /* events and audit rows older than that are removed */
	uint64_t retention_bytes;	     /* the journal's size on disk */
	char time_zone[REPORTING_ZONE_SIZE]; /* IANA name, "UTC" or "" for the host's */
	char prices_date[16];		     /* of the shipped table, "2026-11-01" */
	uint32_t price_count;
	uint32_t reserved_prices;
	struct reporting_price prices[REPORTING_PRICES_MAX];
	uint64_t monthly_budget; /* 0: none configured */
	uint32_t custom_count;
	uint32_t reserved_custom;
	struct reporting_custom custom[REPORTING_CUSTOM_MAX];
	/* Bearer tokens, "" where none is configured: web ingestion is then off, reading is free. */
	char ingest_token[REPORTING_TOKEN_SIZE], read_token[REPORTING_TOKEN_SIZE];
};

#endif
