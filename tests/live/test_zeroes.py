#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every counter that can be known in advance is there, at 0, before anything happens: a first failure is an increase."""
from harness import Operaglass, Tap

# Nobody calls these: what is counted before the first scrape would be another's.
CONFIG = """
defaults: false
agents:
  - {type: zero-agent, names: [og-zero-agent]}
upstreams:
  - {name: bot, kind: telegram, hosts: [bot.zero.test]}
  - {name: web, kind: https, hosts: [web.zero.test]}
  - {name: pool, kind: database, ports: [1]}
"""
HTTP, ALL, POOLS = ["web"], ["bot", "web", "pool"], ["pool"]
TRANSPORT = ["dns", "connect_refused", "connect_timeout", "unreachable", "tls_handshake", "reset", "closed", "timeout"]
STATUSES = ["rate_limited", "unauthorized", "conflict", "client_error", "server_error"]
VISIBILITIES = ["decoded", "encrypted", "plain"]
REASONS = ["unsupported_stack", "no_symbols", "http2", "attached_late", "probe_refused", "malformed", "no_request",
           "rustls", "java", "nss", "write_only"]  # fmt: skip
STATES = ["active", "idle", "connecting"]


def each(**labels):
    """Every combination of these labels' values."""
    rows = [{}]
    for name, values in labels.items():
        rows = [{**row, name: value} for row in rows for value in values]
    return {frozenset(row.items()) for row in rows}


UNKNOWN = {"endpoint": ["unknown"]}
# Family: its series. Those of the database know no status of HTTP.
SERIES = {
    "telegram_api_requests_total": each(**UNKNOWN, method=["unknown"]),
    "telegram_api_failures_total": each(**UNKNOWN, error_type=TRANSPORT + STATUSES),
    "telegram_api_retry_attempts_total": each(**UNKNOWN),
    "upstream_requests_total": each(upstream=["web", "pool"], **UNKNOWN, method=["unknown"]),
    "upstream_failures_total": each(upstream=HTTP, **UNKNOWN, error_type=TRANSPORT + STATUSES)
    | each(upstream=POOLS, **UNKNOWN, error_type=TRANSPORT),
    "upstream_connections": each(upstream=ALL, state=STATES),
    "upstream_connections_total": each(upstream=ALL, visibility=VISIBILITIES),
    "upstream_undecoded_connections_total": each(upstream=ALL, reason=REASONS),
    "upstream_sent_bytes_total": each(upstream=ALL),
    "upstream_received_bytes_total": each(upstream=ALL),
    "upstream_retransmits_total": each(upstream=ALL),
    "database_connection_pool_active": each(upstream=POOLS),
    "database_connection_pool_idle": each(upstream=POOLS),
    **{
        f"upstream_{stage}_seconds_{part}": each(upstream=ALL)
        for stage in ("time_to_first_byte", "dns_duration", "connect_duration", "tls_handshake_duration", "round_trip")
        for part in ("count", "sum")
    },
    "orchestrate_agents": each(type=["zero-agent"], state=["running", "waiting", "idle", "zombie", "orphaned"]),
    "orchestrate_agent_starts_total": each(type=["zero-agent"]),
    "orchestrate_agent_cpu_seconds_total": each(type=["zero-agent"], mode=["user", "system"]),
    "orchestrate_agent_io_bytes_total": each(type=["zero-agent"], direction=["read", "written", "disk_read", "disk_written"]),
    "orchestrate_agent_context_switches_total": each(type=["zero-agent"], kind=["voluntary", "involuntary"]),
    "orchestrate_agent_page_faults_total": each(type=["zero-agent"], kind=["major", "minor"]),
    "orchestrate_agent_blocked_seconds_total": each(type=["zero-agent"]),
    **{
        f"orchestrate_agent_{what}": each(type=["zero-agent"])
        for what in ("resident_memory_bytes", "threads", "open_fds", "processes", "peak_memory_bytes_count")
    },
    "escalation_queue_size": each(),
    "escalation_queue_enqueue_total": each(),
    "escalation_queue_dequeue_total": each(),
    "escalation_queue_depth_count": each(),
    "escalation_approvals_accepted_total": each(session_id=[""]),
    "escalation_approvals_timeout_total": each(session_id=[""]),
    "escalation_response_time_seconds_count": each(result=["accepted", "rejected", "cancelled", "timeout"]),
}
# Their labels come from what is called, ended or asked for.
EMPTY = ("telegram_api_duration_seconds_count", "telegram_api_long_poll_duration_seconds_count",
         "upstream_request_duration_seconds_count", "telegram_service_health",
         "telegram_api_last_success_timestamp_seconds", "orchestrate_tool_executions_total")  # fmt: skip


def main():
    tap = Tap()
    with Operaglass(CONFIG) as operaglass:
        metrics = operaglass.metrics()
        for family, series in SERIES.items():
            tap.equal(f"{family} is there at 0", metrics.get(family), dict.fromkeys(series, 0))
        for family in EMPTY:
            tap.equal(f"{family} has nothing to say yet", metrics.get(family, {}), {})
        losses = metrics["operaglass_lost_total"]
        tap.ok("every way to lose something is there", len(losses) > 30, len(losses))
        tap.equal(
            "events that the kernel kept from a busy program are one of them",
            losses.get(frozenset({("where", "programs"), ("cause", "nested")})),
            0,
        )
        tap.equal("and nothing is lost", {key: value for key, value in losses.items() if value}, {})
    tap.done()


if __name__ == "__main__":
    main()
