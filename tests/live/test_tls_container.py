#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A container has a root of its own: the library in it has the path of the host's, and is another file.

The same root is entered by root, by a user who is root in there only, and twice at once.
"""
import os
import re
import shutil
import subprocess

from harness import Child, Operaglass, Tap
from network import SERVER4
from scene import Scene
from stage import HERE, NAME, Stage, wait_for
from test_tls_stacks import conversation

CONTAINER = ["unshare", "--mount", "--pid", "--fork"]
USER = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


class Container:
    """A directory with one program and what it needs, and ways to run it in there."""

    def __init__(self, stage):
        self.stage, self.root = stage, f"{stage.directory}/root"
        program = f"{stage.directory}/client"
        subprocess.run(
            ["gcc", "-O2", "-D_GNU_SOURCE", "-o", program, f"{HERE}/clients/tls_client.c", "-lssl", "-lcrypto"],
            check=True,
            timeout=60,
        )
        said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
        libraries = re.findall(r"(/\S+) \(0x", said)
        self.library = self.root + next(path for path in libraries if "libssl" in path)
        for path in libraries:
            self.copy(path, path)
        self.copy(program, "/client")
        self.copy(stage.ca, "/ca.pem")
        self.write("/etc/hosts", f"{SERVER4} {NAME}\n")
        self.write("/etc/nsswitch.conf", "hosts: files\n")

    def copy(self, path, to):
        os.makedirs(os.path.dirname(self.root + to), exist_ok=True)
        shutil.copy(path, self.root + to)

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(text)

    def program(self, name, *command):
        """A script that runs the client inside; its arguments are those of the client."""
        path = f"{self.stage.directory}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {" ".join(command)} --root={self.root} /client "$1" /ca.pem\n')
        os.chmod(path, 0o755)
        return path


def test_containers(scene, container):
    for sentence, name, command in (
        ("a container with its own root", "as-root", CONTAINER),
        ("one whose root is nobody on the host", "as-user", [*USER, *CONTAINER, "--user", "--map-root-user"]),
    ):
        program = container.program(name, *command)
        # One process that says nothing keeps the library mapped: what is proven is not a race.
        waits = Child(
            scene.stage.network.in_client([program, NAME]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if waits.line() != "ready\n":
            raise RuntimeError(f"{sentence}: its client did not start")
        wait_for(lambda: scene.operaglass.probes(os.stat(container.library)), 5, f"{sentence}: its library is probed")
        before = scene.operaglass.probes(os.stat(container.library))
        scene.check(sentence, "lines", conversation(), program=program)
        scene.tap.equal(
            f"{sentence}: its library is probed once for both its processes",
            scene.operaglass.probes(os.stat(container.library)),
            before,
        )
        waits.communicate()


def main():
    tap = Tap()
    with Stage("container") as stage:
        container = Container(stage)
        with Operaglass() as operaglass:
            scene = Scene(operaglass, stage, tap)
            tap.equal(
                "the library of the container is another file than the host's",
                os.path.samefile(container.library, container.library[len(container.root) :]),
                False,
            )
            scene.run([lambda scene: test_containers(scene, container)])
    tap.done()


if __name__ == "__main__":
    main()
