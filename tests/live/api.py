# SPDX-License-Identifier: Apache-2.0
"""The JSON interface as a client sees it: on the web address and on the unix socket, and what the
description promises of each answer.

    client = Client(og.port, og.directory + "/api.sock")
    answer = client.post("/api/v1/events", {"type": "sms.received"})
    contract = Contract(client)
    contract.problems("GET", "/health", answer)     []: the answer is as described
"""
import http.client
import json
import re
import socket

import jsonschema

SECONDS = 10


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=SECONDS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def error(self):
        """(status, code, field) of a refusal."""
        error = self.json()["error"]
        return self.status, error["code"], error["field"]


class Client:
    """Requests to a running operaglass or exporter, on its unix socket unless told otherwise."""

    def __init__(self, port, path):
        self.port, self.path = port, path

    def unix(self):
        return UnixConnection(self.path)

    def web(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)

    def ask(self, method, path, body=None, headers=None, connection=None):
        connection = connection or self.unix()
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, value, kind="application/json", connection=None, **headers):
        body = value if isinstance(value, (bytes, str)) else json.dumps(value)
        fields = {"Content-Type": kind}
        fields.update({name.replace("_", "-"): text for name, text in headers.items()})
        return self.ask("POST", path, body, fields, connection)


class Contract:
    """The served description; what was checked against it is kept in `seen`."""

    def __init__(self, client):
        self.document = client.get("/api/openapi.json").json()
        self.seen = set()

    def operations(self):
        return {
            (method.upper(), path)
            for path, methods in self.document["paths"].items()
            for method in methods
        }

    def follow(self, part):
        while "$ref" in part:
            at = self.document
            for name in part["$ref"].lstrip("#/").split("/"):
                at = at[name]
            part = at
        return part

    def problems(self, method, path, answer):
        """What is not as described, as texts."""
        route = path.split("?")[0]
        responses = self.document["paths"][route][method.lower()]["responses"]
        self.seen.add((method, route, answer.status))
        if str(answer.status) not in responses:
            return [f"{method} {path}: status {answer.status} is not described: {answer.body!r}"]
        content = self.follow(responses[str(answer.status)])["content"]
        kind = answer.headers["Content-Type"].split(";")[0]
        if kind not in content:
            return [f"{method} {path}: {kind} is not described"]
        if kind != "application/json":
            return []
        resolver = jsonschema.RefResolver("", self.document)
        validator = jsonschema.Draft202012Validator(content[kind]["schema"], resolver=resolver)
        return [
            f"{method} {path}: {'/'.join(map(str, error.path))}: {error.message}"
            for error in validator.iter_errors(answer.json())
        ]


def exposition(client):
    """{sample with its labels: number} of /api/metrics."""
    text = client.get("/api/metrics").body.decode()
    return {
        match[1]: float(match[2]) for match in re.finditer(r"^([a-z][^#]*?) (\S+)$", text, re.M)
    }
