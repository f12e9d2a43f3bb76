#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A flood of reports never stops a scrape, a flood of scrapers never stops a report, nor one socket the other."""
import socket
import tempfile
import time

from api import Client
from harness import Operaglass, Tap
from stage import wait_for

TOKEN = "a-token-against-floods-0123456789"
EVENTS = "/api/v1/events"
UPLOADS, SILENT = 300, 600
INGEST_MAX = 64  # WEB_INGEST_MAX
ONE = '{"type":"sms.received"}'

tap = Tap()


def upload():
    """The head of a report and half of its body."""
    return (
        f"POST {EVENTS} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: 1000\r\n\r\n" + " " * 500
    ).encode()


def web(og, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", og.port), 5, (source, 0))


def unix(og):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(5)
    connection.connect(og.directory + "/api.sock")
    return connection


class Flood:
    """Connections that send something and then wait, while the context lasts."""

    def __init__(self, connect, count, text):
        self.connect, self.count, self.text = connect, count, text
        self.connections = []

    def __enter__(self):
        for number in range(self.count):
            try:
                connection = self.connect(number)
                self.connections.append(connection)
                connection.sendall(self.text)
            except OSError:
                pass
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()


def timed(call):
    begin = time.monotonic()
    return call(), time.monotonic() - begin


def expect(sentence, call):
    status, seconds = timed(call)
    tap.equal(sentence, status, 200)
    tap.within("within a second", seconds, 0, 1)


def scrape(og):
    return og.get()[0]


def report_by_web(client):
    field = f"Bearer {TOKEN}"
    return client.post(EVENTS, ONE, connection=client.web(), Authorization=field).status


def report_by_unix(client):
    return client.post(EVENTS, ONE).status


def address(number):
    """Of a flood from many addresses, each within its own limit."""
    return f"127.0.{1 + number // 50}.1"


def main():
    with tempfile.NamedTemporaryFile("w", prefix="og-token-") as file:
        file.write(TOKEN + "\n")
        file.flush()
        with Operaglass(f"events: {{token_file: {file.name}}}") as og:
            client = Client(og.port, og.directory + "/api.sock")

            def ingesting(status):
                return lambda: report_by_web(client) == status

            with Flood(lambda n: web(og, address(n)), UPLOADS, upload()):
                tap.ok(
                    f"beside {INGEST_MAX} reports by web one more is told to come again",
                    wait_for(ingesting(503), 5, "reports by web are refused"),
                )
                expect("a scrape is answered", lambda: scrape(og))
                expect("a report on the unix socket, too", lambda: report_by_unix(client))
            tap.ok("after the flood reports are taken", wait_for(ingesting(200), 5, "taken"))
            with Flood(lambda n: unix(og), UPLOADS, upload()):
                expect("behind reports on the unix socket a scrape is answered", lambda: scrape(og))
                expect("and a report by web", lambda: report_by_web(client))
            with Flood(lambda n: unix(og), SILENT, b""):
                expect(
                    "behind silent clients of the unix socket a scrape is answered",
                    lambda: scrape(og),
                )
                expect("and a report by web", lambda: report_by_web(client))
                expect("and one more of the unix socket", lambda: report_by_unix(client))
            with Flood(lambda n: web(og, address(n)), SILENT, b"GET /metrics HTTP/1.1\r\n"):
                expect(
                    "behind half requests by web a report is taken", lambda: report_by_web(client)
                )
                expect("on the unix socket, too", lambda: report_by_unix(client))
                expect("and a scrape is answered", lambda: scrape(og))
    tap.done()


if __name__ == "__main__":
    main()
