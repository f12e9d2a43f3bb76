#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A host with a name server of its own: one look-up of a program is one look-up."""
from harness import Operaglass, Tap
from network import DNS4, SERVER4
from scene import Scene, call
from stage import HERE, NAME, Stage

STUB = "127.0.0.53"


def start_stub(stage):
    stage.start(
        stage.network.in_client(["/usr/bin/python3", f"{HERE}/dns_forwarder.py", STUB, DNS4])
    )


def test_resolved(scene):
    scene.stage.set_name(NAME, a=[SERVER4], delay_ms=20)
    scene.stage.play("python_sync", [call("getMe")])
    scene.stage.truth(1)
    delta = scene.wait(
        lambda m: m.value("telegram_api_requests_total", endpoint="getMe", method="GET") == 1
    )
    count = delta.value("upstream_dns_duration_seconds_count", upstream="telegram")
    scene.tap.equal("one address is one positive answer, not two", count, 1)
    scene.tap.within(
        "and took as long as the name server far away",
        delta.value("upstream_dns_duration_seconds_sum", upstream="telegram"),
        0.020,
        0.030,
    )


def test_not_resolved(scene):
    del scene.stage.names[NAME]
    scene.stage.set_name("unused.example", a=[SERVER4])
    for client in ("python_sync", "curl", "go"):
        scene.expect(
            f"the name does not exist ({client})",
            client,
            [call("getMe"), call("getMe")],
            {("unknown", "dns"): 2},
        )


def main():
    tap = Tap()
    stage = Stage("resolver")
    stage.network.resolver = f"nameserver {STUB}\noptions timeout:2 attempts:1\n"
    with stage, Operaglass() as operaglass:
        start_stub(stage)
        Scene(operaglass, stage, tap).run([test_resolved, test_not_resolved])
    tap.done()


if __name__ == "__main__":
    main()
