# SPDX-License-Identifier: Apache-2.0
"""What an upstream's families must say after a step, for connections that only packets tell of."""

UNKNOWN = ("unknown", "unknown")
CONFIG = """
defaults: false
upstreams:
  - {{name: web, kind: https, hosts: [web.test], ports: [{port}]}}
"""


class Book:
    """What was added to one upstream since the last look."""

    def __init__(self, operaglass, tap):
        self.operaglass, self.tap = operaglass, tap
        self.before = operaglass.metrics()

    @staticmethod
    def rows(metrics, upstream):
        requests = metrics.by("upstream_requests_total", "endpoint", "method", upstream=upstream)
        failures = metrics.by("upstream_failures_total", "error_type", upstream=upstream)
        answers = metrics.total("upstream_request_duration_seconds_count", upstream=upstream)
        seen = metrics.by("upstream_connections_total", "visibility", upstream=upstream)
        return {
            "calls": requests.get(UNKNOWN, 0),
            "answers": answers,
            "failures": {key[0]: number for key, number in failures.items()},
            "connections": {key[0]: number for key, number in seen.items()},
        }

    def expect(
        self,
        sentence,
        upstream="web",
        calls=0,
        answers=None,
        failures=None,
        connections=None,
        seconds=6,
    ):
        want = {
            "calls": calls,
            "answers": calls - sum((failures or {}).values()) if answers is None else answers,
            "failures": failures or {},
            "connections": connections or {},
        }
        delta = self.operaglass.wait(
            lambda m: self.rows(m, upstream) == want, seconds, since=self.before
        )
        self.before = self.operaglass.last
        self.tap.equal(sentence, self.rows(delta, upstream), want)
        return delta
