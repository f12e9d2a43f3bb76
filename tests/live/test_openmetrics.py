#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""/metrics is what Prometheus and OpenMetrics say it must be, read by their own tools."""
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from harness import Child, Operaglass, Tap, free_port, parse_metrics
from scene import call
from stage import Stage, wait_for

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
PROMETHEUS_ACCEPT = (
    "application/openmetrics-text;version=1.0.0;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
# OpenMetrics names a counter without its _total; where a gauge has that name already, the counter
# can only go under its whole name and as "unknown".
SHADOWED = {"OpenMetrics": ["upstream_connections_total"], "text": []}
# These change from one scrape to the next by nature.
RESTLESS = re.compile(r"^(process_|operaglass_)|_timestamp_seconds|orchestrate_")


def media_type(fields):
    return re.sub(r"\s*;\s*", "; ", fields["Content-Type"] or "")


def test_negotiation(operaglass, tap):
    cases = (
        (None, TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0", OPENMETRICS),
        (PROMETHEUS_ACCEPT, OPENMETRICS),
        ("application/openmetrics-text;q=0,text/plain", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("application/openmetrics-text;q=0.1,text/plain;q=0.9", TEXT),
    )
    for accept, wanted in cases:
        status, fields, _ = operaglass.get(**({"Accept": accept} if accept else {}))
        tap.equal(f"Accept: {accept}", (status, media_type(fields)), (200, wanted))


def test_formats(operaglass, tap):
    text = operaglass.get(Accept="text/plain")[2].decode("utf-8")
    openmetrics = operaglass.get(Accept=OPENMETRICS)[2].decode("utf-8")
    tap.ok("the text ends with a line feed", text.endswith("\n"))
    tap.ok(
        "OpenMetrics ends with # EOF",
        openmetrics.endswith("\n# EOF\n") and openmetrics.count("# EOF") == 1,
    )
    tap.ok("the text has no # EOF", "# EOF" not in text)
    for name, body, parser in (
        ("text", text, parse_text),
        ("OpenMetrics", openmetrics, parse_openmetrics),
    ):
        try:
            families = list(parser(body))
            tap.ok(f"prometheus_client's parser takes the {name}", families)
        except ValueError as error:
            families = []
            tap.ok(f"prometheus_client's parser takes the {name}", False, error)
        created = [
            sample.name
            for family in families
            for sample in family.samples
            if sample.name.endswith("_created")
        ]
        tap.equal(f"no _created in the {name}", created, [])
        stamped = [
            sample.name
            for family in families
            for sample in family.samples
            if sample.timestamp is not None
        ]
        tap.equal(f"no timestamps in the {name}", stamped, [])
        mute = sorted(
            family.name
            for family in families
            if not family.documentation or family.type in ("unknown", "untyped")
        )
        tap.equal(f"every family has HELP and TYPE in the {name}", mute, SHADOWED[name])
        bounds = re.findall(r'le="([^"]*)"', body)
        tap.equal(
            f"every bound is written as a float in the {name}",
            sorted(
                {bound for bound in bounds if bound != "+Inf" and not re.search(r"[.e]", bound)}
            ),
            [],
        )
        tap.ok(f'one second is le="1.0" in the {name}', "1.0" in bounds)
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    odd = [name for name, kind in types.items() if (kind == "counter") != name.endswith("_total")]
    tap.equal("in the text the TYPE of a counter carries _total, and nothing else does", odd, [])
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", openmetrics, re.M))
    tap.equal(
        "in OpenMetrics no TYPE carries _total",
        [name for name in types if name.endswith("_total")],
        SHADOWED["OpenMetrics"],
    )
    steady = [
        {name: rows for name, rows in parse_metrics(body).items() if not RESTLESS.search(name)}
        for body in (text, openmetrics)
    ]
    tap.equal("both hold the same samples", steady[0], steady[1])


def test_promtool(operaglass, tap):
    for accept in ("text/plain",):
        body = operaglass.get(Accept=accept)[2]
        done = subprocess.run(
            ["promtool", "check", "metrics"], input=body, capture_output=True, check=False
        )
        tap.equal(
            "promtool check metrics says nothing",
            (done.returncode, (done.stdout + done.stderr).decode()),
            (0, ""),
        )


def raw(operaglass, request):
    """The answer to bytes that no HTTP library would send: (status, everything)."""
    with socket.create_connection(("127.0.0.1", operaglass.port), timeout=5) as sock:
        sock.sendall(request)
        answer = b""
        try:
            while data := sock.recv(65536):
                answer += data
        except OSError:
            pass
    match = re.match(rb"HTTP/1\.[01] (\d+) ", answer)
    return int(match[1]) if match else None, answer


def test_http(operaglass, tap):
    status, fields, body = operaglass.get(Accept_Encoding="gzip")
    tap.equal("gzip when it is asked for", (status, fields["Content-Encoding"]), (200, "gzip"))
    tap.ok("and it is the metrics", b"operaglass_build_info" in gzip.decompress(body))
    tap.ok("and it is smaller", len(body) * 3 < len(gzip.decompress(body)), len(body))
    for refusal in ("identity", "gzip;q=0"):
        tap.equal(
            f"no gzip for Accept-Encoding: {refusal}",
            operaglass.get(Accept_Encoding=refusal)[1]["Content-Encoding"],
            None,
        )
    for path in ("/metrics", "/", "/-/healthy", "/-/ready"):
        tap.equal(f"GET {path}", operaglass.get(path)[0], 200)
        status, fields, body = operaglass.get(path, "HEAD")
        tap.equal(
            f"HEAD {path} has a length and no body",
            (status, body, int(fields["Content-Length"] or 0) > 0),
            (200, b"", True),
        )
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            status, fields, _ = operaglass.get(path, method)
            allow = sorted(word.strip() for word in (fields["Allow"] or "").split(","))
            tap.equal(f"{method} {path}", (status, allow), (405, ["GET", "HEAD"]))
    for path in (
        "/nothing",
        "/metrics/",
        "/metricsx",
        "/-/",
        "/-/reload",
        "/../metrics",
        "/%6detricss",
    ):
        tap.equal(f"GET {path}", operaglass.get(path)[0], 404)
    tap.equal("a query does not matter", operaglass.get("/metrics?name=x")[0], 200)
    tap.ok("the landing page links to the metrics", b'href="/metrics"' in operaglass.get("/")[2])
    tap.ok(
        "the landing page is HTML", operaglass.get("/")[1]["Content-Type"].startswith("text/html")
    )
    bad = (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GET\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n" + b"A: " + b"b" * 1000000,
        b"GET /metrics HTTP/1.1\r\nHost: \xff\xfe\x00\r\n\r\n",
    )
    for request in bad:
        raw(operaglass, request)
        tap.equal(f"it still serves after {request[:24]!r}", operaglass.get()[0], 200)
    with socket.create_connection(("127.0.0.1", operaglass.port)) as idle:
        idle.sendall(b"GET /metr")
        tap.equal("half a request holds up nobody", operaglass.get()[0], 200)


def test_prometheus(operaglass, tap):
    """A real Prometheus scrapes it, and answers a query."""
    directory = tempfile.mkdtemp(prefix="og-prometheus-")
    port = free_port()
    with open(f"{directory}/prometheus.yml", "w", encoding="utf-8") as file:
        file.write(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            "scrape_configs:\n  - job_name: operaglass\n"
            f"    static_configs: [{{targets: ['127.0.0.1:{operaglass.port}']}}]\n"
        )
    log = open(f"{directory}/log", "wb")
    server = Child(
        [
            "prometheus",
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        cwd=directory,
        env=dict(os.environ, GOMAXPROCS="1"),
    )

    def api(path, **query):
        try:
            url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return json.load(answer)["data"]
        except (urllib.error.URLError, OSError):
            return None

    def value(query):
        data = api("query", query=query)
        return float(data["result"][0]["value"][1]) if data and data["result"] else None

    try:
        wait_for(lambda: value("up") is not None, 20, "Prometheus scraped once")
        target = api("targets")["activeTargets"][0]
        tap.equal(
            "Prometheus scrapes it",
            (value("up"), target["health"], target["lastError"]),
            (1, "up", ""),
        )
        tap.equal(
            "Prometheus has the value of a counter",
            value('telegram_api_requests_total{endpoint="getMe",method="GET"}'),
            3,
        )
        tap.equal(
            "Prometheus has the buckets of a histogram",
            value(
                'telegram_api_duration_seconds_bucket{endpoint="getMe",status_code="200",le="+Inf"}'
            ),
            3,
        )
        kinds = api("metadata", metric="telegram_api_requests_total") or api(
            "metadata", metric="telegram_api_requests"
        )
        tap.equal(
            "Prometheus knows it as a counter",
            {row["type"] for rows in kinds.values() for row in rows},
            {"counter"},
        )
    finally:
        server.terminate()
        server.wait(20)
        log.close()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    tap = Tap()
    with Stage("openmetrics") as stage, Operaglass() as operaglass:
        before = operaglass.get()[2].decode("utf-8")
        tap.ok(
            "families exist before anything happens",
            "# TYPE telegram_api_requests_total counter" in before,
        )
        stage.play(
            "python_sync",
            [
                call("getMe"),
                call("getMe"),
                call("getMe"),
                call("sendMessage", query="status=429&retry_after=2"),
            ],
        )
        operaglass.wait(lambda m: m.total("telegram_api_requests_total") == 4)
        for test in (test_negotiation, test_formats, test_promtool, test_http, test_prometheus):
            test(operaglass, tap)
    tap.done()


if __name__ == "__main__":
    main()
