// SPDX-License-Identifier: Apache-2.0
#include "families.h"

#include <stddef.h>
#include <stdint.h>

#define ROW_MEMBERS(type_, name_, unit_, help_, ...) \
	.name = name_, .help = help_, .labels = {__VA_ARGS__}, .type = type_, .unit = unit_
#define ROW(...)                         \
	{                                \
		ROW_MEMBERS(__VA_ARGS__) \
	}
#define COUNTER(...) ROW(TYPE_COUNTER, __VA_ARGS__)
#define SHADOWED_COUNTER(...)                                            \
	{                                                                \
		ROW_MEMBERS(TYPE_COUNTER, __VA_ARGS__), .shadowed = true \
	}
#define GAUGE(...)     ROW(TYPE_GAUGE, __VA_ARGS__)
#define HISTOGRAM(...) ROW(TYPE_HISTOGRAM, __VA_ARGS__)
#define INFO(...)      ROW(TYPE_INFO, __VA_ARGS__)

/* clang-format off */
/* A row reads: kind(name, unit, help, labels in order). */
const struct family_row families[FAMILY_COUNT] = {
	[FAMILY_TELEGRAM_REQUESTS] = COUNTER("telegram_api_requests_total", UNIT_NONE,
		"Bot API calls that began, also those that failed before a request could be sent, by "
		"endpoint and HTTP method; endpoint is unknown "
		"where the traffic was only seen encrypted.",
		"endpoint", "method"),
	[FAMILY_TELEGRAM_FAILURES] = COUNTER("telegram_api_failures_total", UNIT_NONE,
		"Bot API calls that failed, by the stage or status they failed with.",
		"endpoint", "error_type"),
	[FAMILY_TELEGRAM_RETRY_ATTEMPTS] = COUNTER("telegram_api_retry_attempts_total", UNIT_NONE,
		"Bot API calls that repeated a call of the same process to the same endpoint "
		"after a retryable failure.",
		"endpoint"),
	[FAMILY_TELEGRAM_DURATION] = HISTOGRAM("telegram_api_duration_seconds", UNIT_SECONDS,
		"Time from the first byte of a Bot API request to the last byte of its "
		"response, without long polls.",
		"endpoint", "status_code"),
	[FAMILY_TELEGRAM_LONG_POLL] = HISTOGRAM("telegram_api_long_poll_duration_seconds", UNIT_SECONDS,
		"Time from the first byte of a getUpdates request to the last byte of its "
		"response.",
		"status_code"),
	[FAMILY_TELEGRAM_RETRY_AFTER] = HISTOGRAM("telegram_api_retry_after_seconds", UNIT_SECONDS,
		"Waiting time that a 429 response of the Bot API asked for.",
		"endpoint"),
	[FAMILY_TELEGRAM_LAST_SUCCESS] = GAUGE("telegram_api_last_success_timestamp_seconds", UNIT_SECONDS,
		"Unix time of the end of the last successful Bot API call.",
		"endpoint"),
	[FAMILY_TELEGRAM_HEALTH] = GAUGE("telegram_service_health", UNIT_NONE,
		"Whether Telegram answers, judged by the last calls: 1 connected, 0 not."),

	[FAMILY_UPSTREAM_REQUESTS] = COUNTER("upstream_requests_total", UNIT_NONE,
		"Calls to an upstream other than Telegram that began, also those that failed before "
		"a request could be sent, by endpoint and HTTP method.",
		"upstream", "endpoint", "method"),
	[FAMILY_UPSTREAM_FAILURES] = COUNTER("upstream_failures_total", UNIT_NONE,
		"Calls to an upstream other than Telegram that failed, by the stage or status "
		"they failed with.",
		"upstream", "endpoint", "error_type"),
	[FAMILY_UPSTREAM_DURATION] = HISTOGRAM("upstream_request_duration_seconds", UNIT_SECONDS,
		"Time from the first byte of a request to the last byte of its response, for "
		"upstreams other than Telegram.",
		"upstream", "endpoint", "status_code"),
	[FAMILY_UPSTREAM_FIRST_BYTE] = HISTOGRAM("upstream_time_to_first_byte_seconds", UNIT_SECONDS,
		"Time from the first byte of a request to the first byte of its response.",
		"upstream"),
	[FAMILY_UPSTREAM_DNS] = HISTOGRAM("upstream_dns_duration_seconds", UNIT_SECONDS,
		"Time from a DNS query for a watched name to its answer.",
		"upstream"),
	[FAMILY_UPSTREAM_CONNECT] = HISTOGRAM("upstream_connect_duration_seconds", UNIT_SECONDS,
		"Time from connect to the established TCP connection.",
		"upstream"),
	[FAMILY_UPSTREAM_TLS_HANDSHAKE] = HISTOGRAM("upstream_tls_handshake_duration_seconds", UNIT_SECONDS,
		"Time from the ClientHello to the end of the TLS handshake.",
		"upstream"),
	[FAMILY_UPSTREAM_CONNECTIONS] = GAUGE("upstream_connections", UNIT_NONE,
		"Open TCP connections: active with a call in flight, idle, or connecting.",
		"upstream", "state"),
	[FAMILY_UPSTREAM_CONNECTIONS_SEEN] = SHADOWED_COUNTER("upstream_connections_total", UNIT_NONE,
		"TCP connections opened, by what could be seen inside: decoded, encrypted or "
		"plain.",
		"upstream", "visibility"),
	[FAMILY_UPSTREAM_UNDECODED] = COUNTER("upstream_undecoded_connections_total", UNIT_NONE,
		"Encrypted TCP connections whose calls were only timed at the socket, by the "
		"reason.",
		"upstream", "reason"),
	[FAMILY_UPSTREAM_SENT] = COUNTER("upstream_sent_bytes_total", UNIT_BYTES,
		"TCP payload bytes sent.",
		"upstream"),
	[FAMILY_UPSTREAM_RECEIVED] = COUNTER("upstream_received_bytes_total", UNIT_BYTES,
		"TCP payload bytes received.",
		"upstream"),
	[FAMILY_UPSTREAM_RETRANSMITS] = COUNTER("upstream_retransmits_total", UNIT_NONE,
		"TCP segments sent again.",
		"upstream"),
	[FAMILY_UPSTREAM_ROUND_TRIP] = HISTOGRAM("upstream_round_trip_seconds", UNIT_SECONDS,
		"Smoothed TCP round-trip time when a connection closed.",
		"upstream"),
	[FAMILY_DATABASE_POOL_ACTIVE] = GAUGE("database_connection_pool_active", UNIT_NONE,
		"Open connections to a database with a call in flight.",
		"upstream"),
	[FAMILY_DATABASE_POOL_IDLE] = GAUGE("database_connection_pool_idle", UNIT_NONE,
		"Open connections to a database without a call in flight.",
		"upstream"),

	[FAMILY_AGENTS] = GAUGE("orchestrate_agents", UNIT_NONE,
		"Living agents by what they do: running, waiting for a human, idle, zombie, or "
		"orphaned by their spawner.",
		"type", "state"),
	[FAMILY_AGENT_STARTS] = COUNTER("orchestrate_agent_starts_total", UNIT_NONE,
		"Agents that started while the programs were attached.",
		"type"),
	[FAMILY_AGENT_EXITS] = COUNTER("orchestrate_agent_exits_total", UNIT_NONE,
		"Agents that ended, by the reason and by the exit code or the name of the "
		"signal.",
		"type", "reason", "code"),
	[FAMILY_AGENT_EXECUTION] = HISTOGRAM("orchestrate_agent_execution_seconds", UNIT_SECONDS,
		"Life of an agent from its start to the end of its last thread.",
		"type", "reason"),
	[FAMILY_AGENT_CPU] = COUNTER("orchestrate_agent_cpu_seconds_total", UNIT_SECONDS,
		"CPU time of agents and of everything they spawned, living and dead, in user "
		"or system mode.",
		"type", "mode"),
	[FAMILY_AGENT_RESIDENT] = GAUGE("orchestrate_agent_resident_memory_bytes", UNIT_BYTES,
		"Resident memory of living agents and of everything they spawned.",
		"type"),
	[FAMILY_AGENT_THREADS] = GAUGE("orchestrate_agent_threads", UNIT_NONE,
		"Threads of living agents and of everything they spawned.",
		"type"),
	[FAMILY_AGENT_OPEN_FDS] = GAUGE("orchestrate_agent_open_fds", UNIT_NONE,
		"Open file descriptors of living agents and of everything they spawned.",
		"type"),
	[FAMILY_AGENT_PROCESSES] = GAUGE("orchestrate_agent_processes", UNIT_NONE,
		"Living processes of agent trees, the agents included.",
		"type"),
	[FAMILY_AGENT_PEAK_MEMORY] = HISTOGRAM("orchestrate_agent_peak_memory_bytes", UNIT_BYTES,
		"Largest resident memory of each process of an agent tree, taken at its end.",
		"type"),
	[FAMILY_AGENT_IO] = COUNTER("orchestrate_agent_io_bytes_total", UNIT_BYTES,
		"Bytes that agents and everything they spawned read from or wrote to files, "
		"pipes and sockets.",
		"type", "direction"),
	[FAMILY_AGENT_CONTEXT_SWITCHES] = COUNTER("orchestrate_agent_context_switches_total", UNIT_NONE,
		"Context switches of agents and of everything they spawned.",
		"type", "kind"),
	[FAMILY_AGENT_PAGE_FAULTS] = COUNTER("orchestrate_agent_page_faults_total", UNIT_NONE,
		"Page faults of agents and of everything they spawned.",
		"type", "kind"),
	[FAMILY_TOOL_EXECUTIONS] = COUNTER("orchestrate_tool_executions_total", UNIT_NONE,
		"Tools that agents ran and that ended, by the reason they ended for.",
		"type", "tool", "reason"),
	[FAMILY_TOOL_EXECUTION] = HISTOGRAM("orchestrate_tool_execution_seconds", UNIT_SECONDS,
		"Life of a tool that an agent ran, from its start to the end of its last "
		"thread.",
		"type", "tool"),
	[FAMILY_TOOL_CPU] = COUNTER("orchestrate_tool_cpu_seconds_total", UNIT_SECONDS,
		"CPU time of tools that agents ran, living and dead, user and system mode "
		"together.",
		"type", "tool"),

	[FAMILY_APPROVAL_QUEUE_SIZE] = GAUGE("escalation_queue_size", UNIT_NONE,
		"Approvals that wait for a decision."),
	[FAMILY_APPROVAL_OLDEST] = GAUGE("escalation_oldest_pending_seconds", UNIT_SECONDS,
		"Age of the approval that has waited longest, while it waits; 0 when none waits."),
	[FAMILY_APPROVAL_ENQUEUE] = COUNTER("escalation_queue_enqueue_total", UNIT_NONE,
		"Approvals that were requested."),
	[FAMILY_APPROVAL_DEQUEUE] = COUNTER("escalation_queue_dequeue_total", UNIT_NONE,
		"Approvals that left the queue: decided, cancelled or timed out."),
	[FAMILY_APPROVAL_DEPTH] = HISTOGRAM("escalation_queue_depth", UNIT_NONE,
		"Approvals that waited after each change of the queue."),
	[FAMILY_APPROVAL_ACCEPTED] = COUNTER("escalation_approvals_accepted_total", UNIT_NONE,
		"Approvals that were accepted.",
		"session_id"),
	[FAMILY_APPROVAL_REJECTED] = COUNTER("escalation_approvals_rejected_total", UNIT_NONE,
		"Approvals that were rejected, by the reason that was given.",
		"session_id", "reason"),
	[FAMILY_APPROVAL_TIMEOUT] = COUNTER("escalation_approvals_timeout_total", UNIT_NONE,
		"Approvals that nobody decided in time.",
		"session_id"),
	[FAMILY_APPROVAL_IGNORED] = COUNTER("escalation_decisions_ignored_total", UNIT_NONE,
		"Decisions and requests that changed nothing: late, duplicate or unmatched.",
		"kind"),
	[FAMILY_APPROVAL_MESSAGES] = COUNTER("escalation_messages_total", UNIT_NONE,
		"Messages that carried the question of an approval: delivered, failed, or missing"
		" when the approval ended and none had been seen.",
		"outcome"),
	[FAMILY_APPROVAL_RESPONSE] = HISTOGRAM("escalation_response_time_seconds", UNIT_SECONDS,
		"Time from the request of an approval to its end.",
		"result"),
	[FAMILY_AGENT_BLOCKED] = COUNTER("orchestrate_agent_blocked_seconds_total", UNIT_SECONDS,
		"Time that living agents spent waiting for at least one decision.",
		"type"),
	[FAMILY_APPROVAL_HEALTH] = GAUGE("approval_timeout_service_health", UNIT_NONE,
		"Whether approvals that expire are decided: 1 yes; 0 when some stay undecided or "
		"the heartbeat stopped."),
	[FAMILY_CIRCUIT_STATE] = GAUGE("circuit_breaker_state", UNIT_NONE,
		"State of a circuit breaker: 1 for the present one, 0 for the others.",
		"service", "state"),
	[FAMILY_CIRCUIT_TRANSITIONS] = COUNTER("circuit_breaker_transitions_total", UNIT_NONE,
		"Changes of state of a circuit breaker, by the new state.",
		"service", "to"),
	[FAMILY_SERVICE_HEALTH] = GAUGE("service_health", UNIT_NONE,
		"Whether a service said that it is well: 1 yes; 0 no, or not within its time to "
		"live.",
		"service"),
	[FAMILY_TELEGRAM_REPORTED_RETRIES] = COUNTER("telegram_reported_retries_total", UNIT_NONE,
		"Repeated Bot API calls that applications reported; those that the kernel saw are"
		" telegram_api_retry_attempts_total.",
		"endpoint"),

	[FAMILY_TOKENS] = COUNTER("orchestrate_tokens_total", UNIT_NONE,
		"Tokens used, by model and direction.",
		"model", "direction"),
	[FAMILY_COST] = COUNTER("orchestrate_cost_usd_total", UNIT_MICRO,
		"Cost of the tokens used, in US dollars.",
		"model", "agent_type"),
	[FAMILY_UNPRICED_TOKENS] = COUNTER("orchestrate_unpriced_tokens_total", UNIT_NONE,
		"Tokens of models that have no price; they cost nothing in the other families.",
		"model"),
	[FAMILY_BUDGET] = GAUGE("orchestrate_budget_usd", UNIT_MICRO,
		"Budget of a month, in US dollars."),
	[FAMILY_BUDGET_USED] = GAUGE("orchestrate_budget_used_ratio", UNIT_NONE,
		"Share of the month's budget that is used."),
	[FAMILY_MONTH_COST] = GAUGE("orchestrate_month_cost_usd", UNIT_MICRO,
		"Cost of the tokens used in this month, in US dollars."),
	[FAMILY_QUEUE_DEPTH] = GAUGE("orchestrate_queue_depth", UNIT_NONE,
		"Depth of a queue, as last reported.",
		"queue"),
	[FAMILY_TASKS] = COUNTER("orchestrate_tasks_total", UNIT_NONE,
		"Tasks that were completed, by outcome.",
		"outcome"),
	[FAMILY_TASK_DURATION] = HISTOGRAM("orchestrate_task_duration_seconds", UNIT_SECONDS,
		"Duration of completed tasks."),
	[FAMILY_SMS] = COUNTER("sms_messages_total", UNIT_NONE,
		"Text messages received or sent, by outcome.",
		"direction", "outcome"),
	[FAMILY_AI_RESPONSES] = COUNTER("ai_responses_total", UNIT_NONE,
		"Responses of a model, by outcome.",
		"outcome"),
	[FAMILY_AI_DURATION] = HISTOGRAM("ai_response_duration_seconds", UNIT_SECONDS,
		"Duration of responses of a model."),
	[FAMILY_PAYMENT_PLANS] = COUNTER("payment_plans_total", UNIT_NONE,
		"Payment plans, by outcome.",
		"outcome"),
	[FAMILY_ESCALATIONS] = COUNTER("escalations_total", UNIT_NONE,
		"Escalations that were raised.",
		"type", "severity"),
	[FAMILY_WORKFLOW_STEP] = HISTOGRAM("workflow_step_duration_seconds", UNIT_SECONDS,
		"Duration of workflow steps.",
		"step", "outcome"),
	[FAMILY_PULL_REQUEST] = HISTOGRAM("pull_request_cycle_seconds", UNIT_SECONDS,
		"Time from the opening of a pull request to its merge."),
	[FAMILY_CODE_REVIEW] = HISTOGRAM("code_review_turnaround_seconds", UNIT_SECONDS,
		"Time from the request of a code review to its end."),
	[FAMILY_DEPLOYMENTS] = COUNTER("deployments_total", UNIT_NONE,
		"Deployments, by environment and outcome.",
		"environment", "outcome"),
	[FAMILY_RECOVERY] = HISTOGRAM("recovery_seconds", UNIT_SECONDS,
		"Time from a failure to recovery."),
	[FAMILY_STORIES] = COUNTER("stories_total", UNIT_NONE,
		"Stories, by outcome.",
		"outcome"),

	[FAMILY_BUILD_INFO] = INFO("operaglass_build_info", UNIT_NONE,
		"Always 1; the labels say what is running.",
		"version", "compiler", "arch"),
	[FAMILY_UP] = GAUGE("operaglass_up", UNIT_NONE,
		"Whether a component works: 1 yes, 0 no.",
		"component"),
	[FAMILY_PROGRAM_ATTACHED] = GAUGE("operaglass_bpf_program_attached", UNIT_NONE,
		"Whether a BPF program is attached: 1 yes, 0 no.",
		"program"),
	[FAMILY_PROGRAM_RUN_SECONDS] = COUNTER("operaglass_bpf_program_run_seconds_total", UNIT_SECONDS,
		"Time spent in a BPF program and in those that it calls; counted by the kernel only while "
		"kernel.bpf_stats_enabled is set.",
		"program"),
	[FAMILY_PROGRAM_RUNS] = COUNTER("operaglass_bpf_program_runs_total", UNIT_NONE,
		"Runs of a BPF program that is attached, not called; counted by the kernel only while "
		"kernel.bpf_stats_enabled is set.",
		"program"),
	[FAMILY_MAP_ENTRIES] = GAUGE("operaglass_bpf_map_entries", UNIT_NONE,
		"Entries in use in a BPF map.",
		"map"),
	[FAMILY_MAP_CAPACITY] = GAUGE("operaglass_bpf_map_capacity", UNIT_NONE,
		"Entries that a BPF map can hold.",
		"map"),
	[FAMILY_LOST] = COUNTER("operaglass_lost_total", UNIT_NONE,
		"Observations that were lost, by where and why; every way in which something "
		"can be lost is listed.",
		"where", "cause"),
	[FAMILY_TLS_TARGETS] = GAUGE("operaglass_tls_targets", UNIT_NONE,
		"Files with TLS code that running programs have mapped, by whether they are "
		"probed.",
		"stack", "state"),
	[FAMILY_TLS_TRUST] = GAUGE("operaglass_tls_probed_files", UNIT_NONE,
		"Probed files, by why their probes are believed to sit rightly.",
		"stack", "trust"),
	[FAMILY_SCRAPE_DURATION] = HISTOGRAM("operaglass_scrape_duration_seconds", UNIT_SECONDS,
		"Time from the decision to answer a scrape to its rendered body, of earlier "
		"scrapes."),
	[FAMILY_SERIES] = GAUGE("operaglass_series", UNIT_NONE,
		"Label sets of each metric family in this scrape; a histogram counts once.",
		"family"),
	[FAMILY_EXPORTER_RESTARTS] = COUNTER("operaglass_exporter_restarts_total", UNIT_NONE,
		"Times that the observer had to start the exporter again."),
	[FAMILY_SELF_RESIDENT] = GAUGE("operaglass_process_resident_memory_bytes", UNIT_BYTES,
		"Resident memory of each process of Operaglass.",
		"process"),
	[FAMILY_WEB_REFUSED] = COUNTER("operaglass_web_refused_total", UNIT_NONE,
		"Clients that were not served, by the reason: their request, their credentials, a "
		"limit, or their slowness.",
		"reason"),
	[FAMILY_SELF_CPU] = COUNTER("operaglass_process_cpu_seconds_total", UNIT_SECONDS,
		"CPU time of each process of Operaglass, user and system mode together.",
		"process"),
	[FAMILY_JOURNAL_EVENTS] = GAUGE("operaglass_journal_events", UNIT_NONE,
		"Application events that the journal holds."),
	[FAMILY_JOURNAL_SIZE] = GAUGE("operaglass_journal_size_bytes", UNIT_BYTES,
		"Size of the journal on disk, its write-ahead log included."),
	[FAMILY_JOURNAL_COMMITS] = COUNTER("operaglass_journal_commits_total", UNIT_NONE,
		"Groups of events that the journal has written to disk."),
	[FAMILY_JOURNAL_COMMIT_DURATION] = HISTOGRAM("operaglass_journal_commit_seconds", UNIT_SECONDS,
		"Time until the disk had a group of events."),
	[FAMILY_JOURNAL_FAILURES] = COUNTER("operaglass_journal_failures_total", UNIT_NONE,
		"Attempts to write the journal that failed, by the cause.",
		"cause"),
	[FAMILY_JOURNAL_QUEUE] = GAUGE("operaglass_journal_queue_events", UNIT_NONE,
		"Events that wait for the journal."),
	[FAMILY_JOURNAL_REMOVED] = COUNTER("operaglass_journal_removed_total", UNIT_NONE,
		"Events, audit rows and approvals that the journal removed for their age or its size."),
	[FAMILY_EVENTS_RECEIVED] = COUNTER("operaglass_events_received_total", UNIT_NONE,
		"Good events of applications that may report, by their type.",
		"type"),
	[FAMILY_EVENTS_REFUSED] = COUNTER("operaglass_events_refused_total", UNIT_NONE,
		"Events of applications that were not taken, by the reason.",
		"reason"),
	[FAMILY_EVENT_INGEST] = HISTOGRAM("operaglass_event_ingest_seconds", UNIT_SECONDS,
		"Time from the arrival of an event to its being on disk or, for datagrams, in the "
		"queue for it."),

	[FAMILY_PROCESS_CPU] = COUNTER("process_cpu_seconds_total", UNIT_SECONDS,
		"CPU time of the exporter, user and system mode together."),
	[FAMILY_PROCESS_RESIDENT] = GAUGE("process_resident_memory_bytes", UNIT_BYTES,
		"Resident memory of the exporter."),
	[FAMILY_PROCESS_VIRTUAL] = GAUGE("process_virtual_memory_bytes", UNIT_BYTES,
		"Virtual memory of the exporter."),
	[FAMILY_PROCESS_OPEN_FDS] = GAUGE("process_open_fds", UNIT_NONE,
		"Open file descriptors of the exporter."),
	[FAMILY_PROCESS_MAX_FDS] = GAUGE("process_max_fds", UNIT_NONE,
		"Largest number of open file descriptors that the exporter may have."),
	[FAMILY_PROCESS_START_TIME] = GAUGE("process_start_time_seconds", UNIT_SECONDS,
		"Unix time at which the exporter started."),
};
/* clang-format on */

unsigned family_row_labels(const struct family_row *row)
{
	unsigned count = 0;

	while (row->labels[count])
		count++;
	return count;
}

unsigned family_label_count(enum family family)
{
	return family_row_labels(&families[family]);
}

unsigned family_unit_decimals(enum family_unit unit)
{
	static const uint8_t decimals[UNITS] = {[UNIT_SECONDS] = 9, [UNIT_MICRO] = 6};

	return decimals[unit];
}

double family_unit_scale(enum family_unit unit)
{
	static const double scales[UNITS] = {1, 1e9, 1, 1e6};

	return scales[unit];
}
