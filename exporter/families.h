// SPDX-License-Identifier: Apache-2.0
/* Every metric family that Operaglass exposes: one row of one table each.
 *
 * Invariants (tests/unit/test_families.c):
 *  - the order of `enum family` is the order of the output;
 *  - a counter's name ends in _total, no other name does; a unit is the end of the name;
 *  - HELP texts need no escaping in any format.
 * To add a metric: one enumerator here, one row in families.c, and whoever measures it calls
 * model_add().
 */
#ifndef EXPORTER_FAMILIES_H
#define EXPORTER_FAMILIES_H

#include <stdbool.h>

enum family {
	/* Telegram */
	FAMILY_TELEGRAM_REQUESTS,	/* endpoint, method */
	FAMILY_TELEGRAM_FAILURES,	/* endpoint, error_type */
	FAMILY_TELEGRAM_RETRY_ATTEMPTS, /* endpoint */
	FAMILY_TELEGRAM_DURATION,	/* endpoint, status_code */
	FAMILY_TELEGRAM_LONG_POLL,	/* status_code */
	FAMILY_TELEGRAM_RETRY_AFTER,	/* endpoint */
	FAMILY_TELEGRAM_LAST_SUCCESS,	/* endpoint; nanoseconds since 1970 */
	FAMILY_TELEGRAM_HEALTH,		/* none */

	/* Every upstream, Telegram included (the first three without Telegram) */
	FAMILY_UPSTREAM_REQUESTS,	  /* upstream, endpoint, method */
	FAMILY_UPSTREAM_FAILURES,	  /* upstream, endpoint, error_type */
	FAMILY_UPSTREAM_DURATION,	  /* upstream, endpoint, status_code */
	FAMILY_UPSTREAM_FIRST_BYTE,	  /* upstream */
	FAMILY_UPSTREAM_DNS,		  /* upstream */
	FAMILY_UPSTREAM_CONNECT,	  /* upstream */
	FAMILY_UPSTREAM_TLS_HANDSHAKE,	  /* upstream */
	FAMILY_UPSTREAM_CONNECTIONS,	  /* upstream, state */
	FAMILY_UPSTREAM_CONNECTIONS_SEEN, /* upstream, visibility; the counter */
	FAMILY_UPSTREAM_UNDECODED,	  /* upstream, reason */
	FAMILY_UPSTREAM_SENT,		  /* upstream */
	FAMILY_UPSTREAM_RECEIVED,	  /* upstream */
	FAMILY_UPSTREAM_RETRANSMITS,	  /* upstream */
	FAMILY_UPSTREAM_ROUND_TRIP,	  /* upstream */
	FAMILY_DATABASE_POOL_ACTIVE,	  /* upstream */
	FAMILY_DATABASE_POOL_IDLE,	  /* upstream */

	/* Agents and their tools */
	FAMILY_AGENTS,		       /* type, state */
	FAMILY_AGENT_STARTS,	       /* type */
	FAMILY_AGENT_EXITS,	       /* type, reason, code */
	FAMILY_AGENT_EXECUTION,	       /* type, reason */
	FAMILY_AGENT_CPU,	       /* type, mode */
	FAMILY_AGENT_RESIDENT,	       /* type */
	FAMILY_AGENT_THREADS,	       /* type */
	FAMILY_AGENT_OPEN_FDS,	       /* type */
	FAMILY_AGENT_PROCESSES,	       /* type */
	FAMILY_AGENT_PEAK_MEMORY,      /* type */
	FAMILY_AGENT_IO,	       /* type, direction */
	FAMILY_AGENT_CONTEXT_SWITCHES, /* type, kind */
	FAMILY_AGENT_PAGE_FAULTS,      /* type, kind */
	FAMILY_TOOL_EXECUTIONS,	       /* type, tool, reason */
	FAMILY_TOOL_EXECUTION,	       /* type, tool */
	FAMILY_TOOL_CPU,	       /* type, tool */

	/* Approvals, escalations and services, as applications report them */
	FAMILY_APPROVAL_QUEUE_SIZE,	  /* none */
	FAMILY_APPROVAL_OLDEST,		  /* none */
	FAMILY_APPROVAL_ENQUEUE,	  /* none */
	FAMILY_APPROVAL_DEQUEUE,	  /* none */
	FAMILY_APPROVAL_DEPTH,		  /* none */
	FAMILY_APPROVAL_ACCEPTED,	  /* session_id */
	FAMILY_APPROVAL_REJECTED,	  /* session_id, reason */
	FAMILY_APPROVAL_TIMEOUT,	  /* session_id */
	FAMILY_APPROVAL_IGNORED,	  /* kind */
	FAMILY_APPROVAL_MESSAGES,	  /* outcome */
	FAMILY_APPROVAL_RESPONSE,	  /* result */
	FAMILY_AGENT_BLOCKED,		  /* type */
	FAMILY_APPROVAL_HEALTH,		  /* none */
	FAMILY_CIRCUIT_STATE,		  /* service, state */
	FAMILY_CIRCUIT_TRANSITIONS,	  /* service, to */
	FAMILY_SERVICE_HEALTH,		  /* service */
	FAMILY_TELEGRAM_REPORTED_RETRIES, /* endpoint */

	/* Business */
	FAMILY_TOKENS,		/* model, direction */
	FAMILY_COST,		/* model, agent_type */
	FAMILY_UNPRICED_TOKENS, /* model */
	FAMILY_BUDGET,		/* none */
	FAMILY_BUDGET_USED,	/* none */
	FAMILY_MONTH_COST,	/* none */
	FAMILY_QUEUE_DEPTH,	/* queue */
	FAMILY_TASKS,		/* outcome */
	FAMILY_TASK_DURATION,	/* none */
	FAMILY_SMS,		/* direction, outcome */
	FAMILY_AI_RESPONSES,	/* outcome */
	FAMILY_AI_DURATION,	/* none */
	FAMILY_PAYMENT_PLANS,	/* outcome */
	FAMILY_ESCALATIONS,	/* type, severity */
	FAMILY_WORKFLOW_STEP,	/* step, outcome */
	FAMILY_PULL_REQUEST,	/* none */
	FAMILY_CODE_REVIEW,	/* none */
	FAMILY_DEPLOYMENTS,	/* environment, outcome */
	FAMILY_RECOVERY,	/* none */
	FAMILY_STORIES,		/* outcome */

	/* Operaglass about itself */
	FAMILY_BUILD_INFO,		/* version, compiler, arch */
	FAMILY_UP,			/* component */
	FAMILY_PROGRAM_ATTACHED,	/* program */
	FAMILY_PROGRAM_RUN_SECONDS,	/* program */
	FAMILY_PROGRAM_RUNS,		/* program */
	FAMILY_MAP_ENTRIES,		/* map */
	FAMILY_MAP_CAPACITY,		/* map */
	FAMILY_LOST,			/* where, cause */
	FAMILY_TLS_TARGETS,		/* stack, state */
	FAMILY_TLS_TRUST,		/* stack, trust */
	FAMILY_SCRAPE_DURATION,		/* none */
	FAMILY_SERIES,			/* family */
	FAMILY_EXPORTER_RESTARTS,	/* none */
	FAMILY_SELF_RESIDENT,		/* process = observer, exporter */
	FAMILY_SELF_CPU,		/* process = observer, exporter */
	FAMILY_WEB_REFUSED,		/* reason */
	FAMILY_JOURNAL_EVENTS,		/* none */
	FAMILY_JOURNAL_SIZE,		/* none */
	FAMILY_JOURNAL_COMMITS,		/* none */
	FAMILY_JOURNAL_COMMIT_DURATION, /* none */
	FAMILY_JOURNAL_FAILURES,	/* cause */
	FAMILY_JOURNAL_QUEUE,		/* none */
	FAMILY_JOURNAL_REMOVED,		/* none */
	FAMILY_EVENTS_RECEIVED,		/* type */
	FAMILY_EVENTS_REFUSED,		/* reason */
	FAMILY_EVENT_INGEST,		/* none */
	FAMILY_PROCESS_CPU, /* none; the exporter's own, as every client library names them */
	FAMILY_PROCESS_RESIDENT,
	FAMILY_PROCESS_VIRTUAL,
	FAMILY_PROCESS_OPEN_FDS,
	FAMILY_PROCESS_MAX_FDS,
	FAMILY_PROCESS_START_TIME,
	FAMILY_COUNT
};

enum family_type {
	TYPE_COUNTER,
	TYPE_GAUGE,
	TYPE_HISTOGRAM,
	TYPE_INFO
};

/* What the integers handed to the model mean; the renderers convert. */
enum family_unit {
	UNIT_NONE,    /* a number */
	UNIT_SECONDS, /* integers are nanoseconds, rendered exactly as seconds */
	UNIT_BYTES,   /* integers are bytes */
	UNIT_MICRO, /* integers are millionths, rendered exactly; of no named unit (money, custom) */
	UNITS
};

#define FAMILY_LABELS_MAX 4

/* Families that are declared while running (custom metrics) have numbers from FAMILY_COUNT up to
 * FAMILY_ALL; model.h says how. */
#define FAMILY_DECLARED_MAX 64
#define FAMILY_ALL	    (FAMILY_COUNT + FAMILY_DECLARED_MAX)

struct family_row {
	const char
		*name; /* the whole name of a sample (histograms: without _bucket, _sum, _count) */
	const char *help;
	const char *labels[FAMILY_LABELS_MAX + 1]; /* in the order of the values; ends with NULL */
	enum family_type type;
	enum family_unit unit;
	/* A counter whose name without _total is another family's name, which OpenMetrics forbids:
	 * there it keeps its whole name and is declared unknown. */
	bool shadowed;
};

extern const struct family_row families[FAMILY_COUNT];

/* How many labels samples of this family carry. */
unsigned family_label_count(enum family family);
unsigned family_row_labels(const struct family_row *row);

/* How many decimals the family's integers have: 9 for nanoseconds, 6 for millionths, else 0; and
 * the power of ten itself. */
unsigned family_unit_decimals(enum family_unit unit);
double family_unit_scale(enum family_unit unit);

#endif
