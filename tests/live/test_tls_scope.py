#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""With `tls: scope: agents` only what agents map is probed: a host that has none keeps no probe in its libraries."""
import glob
import os
import shutil

from tls_world import World

AGENTS = """
agents:
  - type: discoverer
    names: [discoverer]
"""
SCOPE = """
tls:
  scope: agents
"""


def start_agent(world, library):
    program = world.directory + "/discoverer"
    if not os.path.exists(program):
        shutil.copy(os.path.realpath("/usr/bin/python3"), program)
    command = world.python_command(program=program)
    return world.client(command, {"LD_LIBRARY_PATH": library})


def call_unread(world, sentence, client, path, before):
    """The call is answered and counted once, with no endpoint."""
    status = client.call(path)
    labels = {"upstream": "discovery"}

    def counted(metrics):
        return metrics.total("upstream_requests_total", endpoint="unknown", **labels)

    metrics = world.og.wait(lambda m: counted(m) == before + 1)
    named = metrics.total("upstream_requests_total", endpoint=path, **labels)
    world.tap.equal(sentence, (status, counted(metrics), named), ("200", before + 1, 0))


def test_scope_agents(world):
    """The test itself maps the host's libssl, for its server."""
    hosts = os.path.realpath(glob.glob("/usr/lib/*/libssl.so.3")[0])
    strange, own = world.library("stranger"), world.library("agent")
    stranger = world.python(strange)
    agent = start_agent(world, own)
    world.tap.ok("what an agent maps is probed", world.wait_pins(own + "/libssl.so.3"))
    world.scan()
    world.tap.equal(
        "what another process maps is not, nor are the host's own libraries",
        (world.pins(strange + "/libssl.so.3"), world.pins(hosts)),
        ([], []),
    )
    world.decoded("the call of an agent is read", agent, "/agent")
    call_unread(
        world, "the call of another process is timed, not read", stranger, "/stranger", 0
    )
    agent.end()
    world.scan()
    world.tap.equal(
        "when no agent maps it any more its probes are gone", world.pins(own + "/libssl.so.3"), []
    )
    again = start_agent(world, own)
    world.tap.ok("the next agent brings them back", world.wait_pins(own + "/libssl.so.3"))
    world.decoded("and is read", again, "/again")
    again.end()
    return stranger, strange


def test_scope_changes(world, stranger, strange):
    path = world.og.directory + "/config.yml"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(SCOPE, ""))
    world.scan()
    world.tap.ok(
        "after a reload with scope all, what any process maps is probed",
        world.pins(strange + "/libssl.so.3"),
    )
    world.decoded("and its next connection is read", stranger, "/stranger-all")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    world.scan()
    world.tap.equal(
        "and with scope agents no more", world.pins(strange + "/libssl.so.3"), []
    )
    call_unread(world, "and its next call is timed only", stranger, "/stranger-agents", 1)
    stranger.end()


def main():
    with World(AGENTS + SCOPE) as world:
        with world.og:
            test_scope_changes(world, *test_scope_agents(world))
    world.tap.done()


if __name__ == "__main__":
    main()
