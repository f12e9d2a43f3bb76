// SPDX-License-Identifier: Apache-2.0
/*
 * A configuration in the making: the value, and where in the file each entry of its arrays stands
 * (mark i belongs to entry i), so that a rule that is checked at the end can still point at the
 * line. An entry that is a default has line 0.
 */
#ifndef OPERAGLASS_CONFIG_DRAFT_H
#define OPERAGLASS_CONFIG_DRAFT_H

#include "config.h"
#include "config_reader.h"

struct config_draft {
	struct config config;
	struct config_mark agent_marks[CONFIG_AGENTS_MAX];
	struct config_mark name_marks[CONFIG_NAMES_MAX];
	struct config_mark interpreter_marks[CONFIG_INTERPRETERS_MAX];
	struct config_mark upstream_marks[CONFIG_UPSTREAMS_MAX];
	struct config_mark host_marks[CONFIG_HOSTS_MAX];
	struct config_mark cidr_marks[CONFIG_CIDRS_MAX];
	struct config_mark port_marks[CONFIG_PORTS_MAX];
	bool defaults;	       /* merge the default agents and upstreams in */
	bool own_interpreters; /* the file has a list of its own */
};

/* What the schema says of a kind. */
struct config_kind_rule {
	const char *name;
	uint16_t default_port; /* 0: ports must be given */
	bool needs_address;    /* at least one host or CIDR */
};

/* Indexed by enum config_kind; rows without a name are no kind. */
extern const struct config_kind_rule config_kind_rules[];
extern const size_t config_kind_rule_count;

/* Reads a whole document into a zeroed draft that holds the scalars'
 * defaults. */
int config_schema_read(struct config_reader *reader, struct config_draft *draft);

/* Values of top-level keys; *into is the draft. */
config_parse_fn config_parse_agents, config_parse_interpreters, config_parse_upstreams;

/* The sections of what applications report; *into is the draft. */
config_parse_fn config_parse_events, config_parse_approvals, config_parse_web, config_parse_journal,
	config_parse_time_zone, config_parse_costs, config_parse_metrics;

/* What a type or the name of an upstream may look like, for errors. */
#define CONFIG_LABEL_ALLOWED "a-z, 0-9, '.', '_' and '-', at most 31, a letter or digit first"

/* Scalars and histograms; no agents, interpreters and upstreams. */
void config_default_scalars(struct config *config);

/* The settings of what applications report, without prices. */
void config_default_reporting(struct config_reporting *reporting);

/* By enum reporting_session_label and enum reporting_custom_type. */
extern const char *const config_session_labels[3], *const config_custom_types[3];

void config_dump_reporting(const struct config_reporting *reporting, FILE *out);

/* Prices of the file over the default ones, if `defaults`. */
int config_merge_prices(const struct config_report *report, bool defaults,
			const struct reporting_settings *user, struct reporting_settings *merged);

/* Writes what user says, completed by the defaults, into merged, which is zeroed. */
int config_merge(const struct config_report *report, const struct config_draft *user,
		 struct config_draft *merged);

/* The rules between entries: what is unique, what an entry of its kind needs. */
int config_check(const struct config_report *report, const struct config_draft *draft);

/*
 * The only ways to add an entry. They fail when the array is full, pointing at mark.
 */
int config_add_agent(const struct config_report *report, struct config_draft *draft,
		     const struct config_agent *agent, struct config_mark mark);
int config_add_name(const struct config_report *report, struct config_draft *draft,
		    const struct config_agent_name *name, struct config_mark mark);
int config_add_interpreter(const struct config_report *report, struct config_draft *draft,
			   const struct config_interpreter *interpreter, struct config_mark mark);
int config_add_upstream(const struct config_report *report, struct config_draft *draft,
			const struct config_upstream *upstream, struct config_mark mark);
int config_add_host(const struct config_report *report, struct config_draft *draft,
		    const struct config_host *host, struct config_mark mark);
int config_add_cidr(const struct config_report *report, struct config_draft *draft,
		    const struct config_cidr *cidr, struct config_mark mark);
int config_add_port(const struct config_report *report, struct config_draft *draft,
		    const struct config_port *port, struct config_mark mark);

#endif
