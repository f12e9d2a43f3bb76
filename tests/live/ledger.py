# SPDX-License-Identifier: Apache-2.0
"""What the metrics must say after some calls, computed from what server and clients wrote down.

A ledger is {table: {row: number}}; `expected` makes one from the truth, `booked` reads one from
metrics, and both leave zeros out, so that equality means: this was counted, and nothing else.
"""
ERRORS = {401: "unauthorized", 409: "conflict", 429: "rate_limited"}
TABLES = ("requests", "failures", "durations", "long_polls", "retry_after", "retries")
# Repeating these at once would be no use; after any other failure the next call to the same endpoint
# by the same process counts as a retry.
FINAL = {None, "unauthorized", "client_error"}
MILLISECOND = 1_000_000


def error_of(status):
    if status < 400:
        return None
    return ERRORS.get(status, "client_error" if status < 500 else "server_error")


def add(table, row, number=1):
    table[row] = table.get(row, 0) + number


def expected(truth, endpoints, opaque=False, error=None):
    """endpoints: {path: endpoint}; error: the error_type of calls that got no whole answer.

    The rows of truth must be in the order in which one process made the calls.
    """
    ledger = {table: {} for table in TABLES}
    failed = {}
    for call in truth:
        endpoint = "unknown" if opaque else endpoints[call["path"]]
        add(ledger["requests"], (endpoint, "unknown" if opaque else call["method"]))
        answered = call["ended"] == "complete"
        why = error if not answered else None if opaque else error_of(call["status"])
        if answered and endpoint == "getUpdates":
            add(ledger["long_polls"], (str(call["status"]),))
        elif answered:
            add(ledger["durations"], (endpoint, "unknown" if opaque else str(call["status"])))
        if why:
            add(ledger["failures"], (endpoint, why))
        if not opaque and answered and call["status"] == 429 and "retry_after" in call:
            add(ledger["retry_after"], (endpoint,))
        if not opaque and failed.get(endpoint):
            add(ledger["retries"], (endpoint,))
        failed[endpoint] = why not in FINAL
    return ledger


def booked(metrics, upstream="telegram"):
    """The ledger of one upstream in a difference of metrics."""
    if upstream == "telegram":
        prefix, names, labels = "telegram_api", ("requests", "failures", "duration"), {}
    else:
        prefix, names, labels = (
            "upstream",
            ("requests", "failures", "request_duration"),
            {"upstream": upstream},
        )
    ledger = {
        "requests": metrics.by(f"{prefix}_{names[0]}_total", "endpoint", "method", **labels),
        "failures": metrics.by(f"{prefix}_{names[1]}_total", "endpoint", "error_type", **labels),
        "durations": metrics.by(
            f"{prefix}_{names[2]}_seconds_count", "endpoint", "status_code", **labels
        ),
        "long_polls": {},
        "retry_after": {},
        "retries": {},
    }
    if upstream == "telegram":
        ledger["long_polls"] = metrics.by(
            "telegram_api_long_poll_duration_seconds_count", "status_code"
        )
        ledger["retry_after"] = metrics.by("telegram_api_retry_after_seconds_count", "endpoint")
        ledger["retries"] = metrics.by("telegram_api_retry_attempts_total", "endpoint")
    return ledger


def bounds(truth, results, endpoints, opaque=False):
    """{(endpoint, status): (least, most)} seconds for the sums of durations.

    A call takes at least from the server's first read to the begin of its last write, and at most
    as long as the client says, whose time includes its own code; both are given 2 ms + 5 %. Where
    the client cannot tell, the end of the server's last write stands for the end.
    """
    sums = {}
    for call, result in zip(truth, results):
        if call["ended"] != "complete":
            continue
        endpoint = "unknown" if opaque else endpoints[call["path"]]
        least = call["last_begun"] - call["head_first"]
        most = result["ns"] or call["response_last"] - call["head_first"]
        row = sums.setdefault((endpoint, "unknown" if opaque else str(call["status"])), [0, 0])
        row[0] += least - 2 * MILLISECOND - least * 0.05
        row[1] += most + 2 * MILLISECOND + most * 0.05
    return {row: (least / 1e9, most / 1e9) for row, (least, most) in sums.items()}


def booked_sums(metrics, upstream="telegram"):
    if upstream != "telegram":
        return metrics.by(
            "upstream_request_duration_seconds_sum", "endpoint", "status_code", upstream=upstream
        )
    sums = metrics.by("telegram_api_duration_seconds_sum", "endpoint", "status_code")
    for (status,), seconds in metrics.by(
        "telegram_api_long_poll_duration_seconds_sum", "status_code"
    ).items():
        sums[("getUpdates", status)] = seconds
    return sums


def differences(metrics, limits, upstream="telegram"):
    """The sums that are not inside their bounds, one a line; empty when all are."""
    sums = booked_sums(metrics, upstream)
    return "\n".join(
        f"{row}: expected {least:.4f} … {most:.4f} s, got {sums.get(row)}"
        for row, (least, most) in limits.items()
        if not least <= sums.get(row, -1) <= most
    )
