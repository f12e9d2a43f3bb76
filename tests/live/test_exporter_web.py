#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The exporter's HTTP: the landing page, negotiation, compression, methods and paths."""
import re
import subprocess

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter import COMPLETE, PROMETHEUS_ACCEPT, Exporter, Response, send, wait_for
from harness import Tap

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

tap = Tap()


def check_page(exporter):
    page = exporter.get("/")
    tap.equal("the landing page is HTML", page.headers["content-type"], "text/html; charset=utf-8")
    tap.ok("it links the metrics", '<a href="/metrics">' in page.text())
    tap.ok(
        "it allows nothing from elsewhere",
        "default-src 'none'" in page.headers["content-security-policy"],
    )


def check_formats(exporter):
    plain = exporter.get()
    tap.equal("without Accept the format is text 0.0.4", plain.headers["content-type"], TEXT)
    browser = exporter.get(Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    tap.equal("for a browser too", browser.headers["content-type"], TEXT)
    scraper = exporter.get(Accept=PROMETHEUS_ACCEPT)
    tap.equal("Prometheus gets OpenMetrics", scraper.headers["content-type"], OPENMETRICS)
    tap.ok("which ends with # EOF", scraper.text().endswith("\n# EOF\n"))
    tap.ok("and text does not", "# EOF" not in plain.text())
    with exporter.connect() as connection:
        connection.sendall(
            b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: text/plain;q=0.1\r\n"
            b"Accept: application/openmetrics-text\r\n\r\n"
        )
        two = Response(connection)
    tap.equal("two Accept lines are one list", two.headers["content-type"], OPENMETRICS)
    declared = len(re.findall("^# TYPE ", plain.text(), re.M))
    tap.ok("the text parser reads it", list(parse_text(plain.text())))
    in_open = {f.name: f.type for f in parse_openmetrics(scraper.text())}
    tap.equal("the strict OpenMetrics parser reads as many families", len(in_open), declared)
    tap.equal("the build is an info there", in_open["operaglass_build"], "info")
    check = subprocess.run(
        ["promtool", "check", "metrics"], input=plain.body, capture_output=True, check=False
    )
    tap.equal(
        "promtool has nothing to say", (check.returncode, check.stdout + check.stderr), (0, b"")
    )
    tap.ok(
        "no line has a timestamp",
        all(
            len(line.rsplit("} ", 1)[-1].split()) <= 2
            for line in plain.text().splitlines()
            if line[0] != "#"
        ),
    )
    tap.ok("le is a float in both", 'le="1.0"' in plain.text() and 'le="1.0"' in scraper.text())
    tap.ok("nothing is _created", "_created" not in scraper.text())


def check_gzip(exporter):
    for accept, coding in [
        ("gzip", "gzip"),
        ("gzip, deflate, br", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("deflate", None),
        ("identity;q=1, gzip;q=0.5", None),
    ]:
        response = exporter.get(Accept_Encoding=accept, Accept=PROMETHEUS_ACCEPT)
        good = response.headers.get("content-encoding") == coding and "# EOF" in response.text()
        tap.ok(f"Accept-Encoding: {accept} gives {coding or 'no coding'}", good, response.headers)
    tap.equal(
        "caches are told what it depends on", response.headers["vary"], "Accept, Accept-Encoding"
    )
    small, large = exporter.get(Accept_Encoding="gzip"), exporter.get()
    tap.ok(
        "gzip is at least four times smaller", small.size * 4 < large.size, (small.size, large.size)
    )


def check_methods(exporter):
    for path in ["/", "/metrics", "/-/healthy", "/-/ready"]:
        with exporter.connect() as connection:
            send(connection, path, "HEAD")
            head = Response(connection, "HEAD")
            send(connection, path)
            get = Response(connection)
        close = abs(head.size - get.size) < 200  # numbers of the scrape grow
        good = head.code == get.code == 200 and head.body == b"" and head.size > 0 and close
        tap.ok(
            f"HEAD {path} is GET without the body, on a connection that goes on",
            good,
            (head.headers, get.headers),
        )
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "BREW"]:
            response = exporter.get(path, method, Content_Length=0)
            good = response.code == 405 and response.headers.get("allow") == "GET, HEAD"
            tap.ok(f"{method} {path} is 405 with Allow", good, (response.code, response.headers))
    inner = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"
    for method in ["POST", "DELETE"]:
        upload = exporter.get("/metrics", method, Content_Length=5)
        tap.equal(f"the body of a {method} is not waited for", upload.code, 405)
        with exporter.connect() as connection:
            send(connection, "/metrics", method, Content_Length=len(inner))
            Response(connection)
            try:
                connection.sendall(inner)
                rest = connection.recv(65536)
            except OSError:
                rest = b""
        tap.equal("nor taken for a request", rest, b"")
    for path in [
        "/metrics/",
        "//metrics",
        "/metricsx",
        "/%6detrics",
        "/metrics%00",
        "/-/",
        "/..",
        "*",
        "/favicon.ico",
    ]:
        response = exporter.get(path)
        good = response.code == 404 and response.headers["content-type"].startswith("text/plain")
        tap.ok(f"GET {path} is 404, in plain text", good, response.code)
    tap.equal("another method on an unknown path is 404", exporter.get("/nope", "DELETE").code, 404)
    tap.equal("a query is ignored", exporter.get("/metrics?x=1&y").code, 200)


def main():
    with Exporter() as exporter:
        exporter.say(COMPLETE)
        wait_for(lambda: exporter.get("/-/ready").code == 200)
        check_page(exporter)
        check_formats(exporter)
        check_gzip(exporter)
        check_methods(exporter)
        tap.ok("it logged no error", "level=error" not in exporter.read_log(), exporter.read_log())
    tap.done()


main()
