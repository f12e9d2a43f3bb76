#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every bucket of the kernel's histograms: what lasted (or took, or asked for) so much is in those from there on.

Of each series there is one observation, so that its _sum is that observation and says exactly which buckets it is
in; what the test itself saw says between what it must lie.
"""
import math
import os
import signal
import time

from harness import Operaglass, Tap
from network import SERVER4
from orchestra import Orchestra
from scene import Scene, call
from stage import NAME, Stage

# Default bounds, as README says: what is called, what connects, what runs, what it needs, what a 429 asks for.
CALL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
CONNECT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
EXECUTION = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 14400)
MEMORY = tuple(mib << 20 for mib in (1, 4, 16, 64, 128, 256, 512, *(1024 << n for n in range(7))))
RETRY_AFTER = (1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600)
# Methods of the Bot API, each the endpoint of one call that is answered after so many milliseconds.
DELAYS = {"getMe": 0, "getChat": 7, "getFile": 16, "getMyName": 35, "sendPhoto": 70, "sendVoice": 160,
          "sendAudio": 350, "sendVideo": 700, "sendSticker": 1500, "copyMessage": 3000}  # fmt: skip
POLLS = {200: 300, 409: 70, 502: 700}
# Seconds, on every bound and on either side of it.
ASKED = {"sendMessage": 1, "banChatMember": 2, "deleteMessage": 3, "editMessageText": 5, "exportChatInviteLink": 6,
         "forwardMessage": 10, "getMyCommands": 30, "getStickerSet": 31, "getWebhookInfo": 900,
         "leaveChat": 901, "logOut": 3600, "close": 3601}  # fmt: skip
# Upstream: name, milliseconds of its look-up, of its answer.
OTHERS = {"anthropic": ("api.anthropic.com", 16, 35), "openai": ("api.openai.com", 70, 160),
          "slack": ("slack.com", 350, 7), "twilio": ("api.twilio.com", 700, 70)}  # fmt: skip
SLOW_SECONDS = 0.3  # of a server, for its part of a handshake
# Agent: its type, milliseconds of CPU time, and MiB.
LIVES = {"claude": ("claude-code", 0, 0), "aider": ("aider", 3, 2), "goose": ("goose", 20, 8), "amp": ("amp", 70, 40),
         "crush": ("crush", 200, 100), "cline": ("cline", 700, 200), "droid": ("droid", 1200, 300)}  # fmt: skip
TOOLS = {"tool-a": 0, "tool-b": 20, "tool-c": 70, "tool-d": 200}
MEGABYTE = 1 << 20


def check(tap, sentence, metrics, family, bounds, low, high, **labels):
    """Of one series: one observation between low and high, in every bucket from it on, and in no other."""
    value = metrics.value(family + "_sum", **labels)
    buckets = {
        float(dict(key)["le"]): count
        for key, count in metrics.rows(family + "_bucket", **labels).items()
        if len(key) == len(labels) + 1
    }
    tap.within(f"{sentence} is what it was", value, low, high)
    tap.equal(
        f"{sentence}: one, and in every bucket from there on",
        (metrics.value(family + "_count", **labels), buckets),
        (1, {bound: 1 for bound in (*bounds, math.inf) if value <= bound}),
    )


def play(scene, requests, client="python_sync", **plan):
    """Each request's truth and what its client says, by endpoint."""
    results = scene.stage.play(client, requests, **plan)
    return dict(zip((row["endpoint"] for row in requests), zip(scene.stage.truth(len(requests)), results)))


def bracket(row, begin="last_begun"):
    """What a call lasted at least (or until its first byte), and at most."""
    truth, result = row
    return (truth[begin] - truth["head_first"]) / 1e9, result["ns"] / 1e9 + 0.002


def test_calls(scene):
    """Calls, long polls, and one that nobody can look into."""
    rows = play(scene, [call(name, query=f"delay={delay}") for name, delay in DELAYS.items()])
    polls = [(status, play(scene, [call("getUpdates", query=f"status={status}&delay={delay}")]))
             for status, delay in POLLS.items()]  # fmt: skip
    program = scene.stage.tls_client("nothing-can-be-read-here", "-s")
    opaque = play(scene, [call("getMe", query="delay=160")], "lines", program=program)
    number, family = len(DELAYS) + 1, "telegram_api_duration_seconds"
    delta = scene.wait(lambda m: m.total(family + "_count") == number)
    for name in DELAYS:
        check(scene.tap, f"{name} after {DELAYS[name]} ms", delta, family, CALL,
              *bracket(rows[name]), endpoint=name, status_code="200")  # fmt: skip
    check(scene.tap, "an opaque call", delta, family, CALL, *bracket(*opaque.values()),
          endpoint="unknown", status_code="unknown")  # fmt: skip
    for status, row in polls:
        check(scene.tap, f"a long poll with {status}", delta, "telegram_api_long_poll_duration_seconds", CALL,
              *bracket(*row.values()), status_code=str(status))  # fmt: skip


def test_retry_after(scene):
    play(scene, [call(name, query=f"status=429&retry_after={asked}") for name, asked in ASKED.items()])
    family = "telegram_api_retry_after_seconds"
    delta = scene.wait(lambda m: m.total(family + "_count") == len(ASKED))
    for name, asked in ASKED.items():
        check(scene.tap, f"{name} asked for {asked} s, which", delta, family, RETRY_AFTER, asked, asked, endpoint=name)


def test_stages(scene):
    """Look-up, handshake, first byte and the call of one connection to each upstream."""
    rows = {}
    for upstream, (host, look_up, delay) in OTHERS.items():
        scene.stage.set_name(host, a=[SERVER4], delay_ms=look_up)
        request = call("/v1/models", query=f"delay={delay}&as=chunked&pieces=3&gap=20", path="/v1/models")
        begin = time.monotonic()
        rows[upstream] = (*play(scene, [request], host=host).values(), time.monotonic() - begin)
    delta = scene.wait(lambda m: m.total("upstream_round_trip_seconds_count") == len(OTHERS))
    for upstream, (host, look_up, delay) in OTHERS.items():
        row, client = rows[upstream]

        def stage(name, low, high, upstream=upstream):
            family = f"upstream_{name}_seconds"
            check(scene.tap, f"{family} of {upstream}", delta, family, CONNECT, low, high, upstream=upstream)

        stage("dns_duration", look_up / 1e3, client)
        stage("connect_duration", 0, client)
        stage("tls_handshake_duration", 0, client)
        stage("round_trip", 0, client)
        stage("time_to_first_byte", *bracket(row, "response_first"))
        check(scene.tap, f"a call of {upstream}", delta, "upstream_request_duration_seconds", CALL,
              *bracket(row), upstream=upstream, endpoint="/v1/models", status_code="200")  # fmt: skip


def test_slow_handshake(scene):
    """A server that stands still while the client shakes hands."""
    server = scene.stage.server.pid
    os.kill(server, signal.SIGSTOP)
    try:
        with scene.stage.playing(scene.stage.command("python_raw"), [call("getMe")], greet=True) as process:
            process.line()
            time.sleep(SLOW_SECONDS)
            os.kill(server, signal.SIGCONT)
            process.communicate(timeout=20)
    finally:
        os.kill(server, signal.SIGCONT)
    scene.stage.truth(1)
    family = "upstream_tls_handshake_duration_seconds"
    delta = scene.wait(lambda m: m.total(family + "_count") == 1)
    check(scene.tap, "a slow handshake", delta, family, CONNECT, SLOW_SECONDS, 20, upstream="telegram")


def lived(ms):
    """What a life of so much CPU time lasts at least: it is charged with that of its fork, before it begins."""
    return max(0, ms - 10) / 1e3


def test_lives(scene):
    with Orchestra() as orchestra:
        took = {}
        for name, (_, ms, mib) in LIVES.items():
            begin = time.monotonic()
            orchestra.run(orchestra.play(name), "work", ms, mib, 0, 0)
            took[name] = time.monotonic() - begin
        execution, memory = "orchestrate_agent_execution_seconds", "orchestrate_agent_peak_memory_bytes"
        delta = scene.wait(lambda m: m.total(memory + "_count") == len(LIVES))
        for name, (kind, ms, mib) in LIVES.items():
            check(scene.tap, f"{kind}'s life of {ms} ms", delta, execution, EXECUTION,
                  lived(ms), took[name], type=kind, reason="success")  # fmt: skip
            check(scene.tap, f"{kind}'s peak of {mib} MiB", delta, memory, MEMORY,
                  mib * MEGABYTE, (mib + 8) * MEGABYTE, type=kind)  # fmt: skip
        for name, ms in TOOLS.items():
            begin = time.monotonic()
            orchestra.run(orchestra.play("claude"), "fork", orchestra.play(name), "work", ms, 0, 0, 0)
            took[name] = time.monotonic() - begin
        family = "orchestrate_tool_execution_seconds"
        delta = scene.wait(lambda m: m.total(family + "_count") == len(TOOLS))
        for name, ms in TOOLS.items():
            check(scene.tap, f"{name}'s life of {ms} ms", delta, family, EXECUTION,
                  lived(ms), took[name], type="claude-code", tool=name)  # fmt: skip


def main():
    tap = Tap()
    with Stage("buckets") as stage:
        stage.set_name(NAME, a=[SERVER4])
        with Operaglass() as operaglass:
            scene = Scene(operaglass, stage, tap)
            scene.run([test_calls, test_retry_after, test_stages, test_slow_handshake, test_lives])
    tap.done()


if __name__ == "__main__":
    main()
