#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""git itself, which speaks HTTPS by libcurl over GnuTLS: every request of it is counted once, by endpoint."""
import contextlib
import os
import subprocess

import ledger
from harness import Operaglass, Tap
from network import SERVER4
from scene import Scene
from stage import Stage

HOST = "tldr.sh"
URL = f"https://{HOST}/repository.git"
CONFIG = f"""
upstreams:
  - name: forge
    kind: https
    hosts: [{HOST}]
"""
COMMITS = 6


def make_repository(stage):
    """A repository to be fetched file by file: the truth server knows nothing of git."""
    home, work = f"{stage.directory}/home", f"{stage.directory}/work"
    bare = f"{stage.directory}/files/repository.git"
    os.makedirs(home)
    os.makedirs(os.path.dirname(bare))
    git(home, "init", "-q", "-b", "main", work)
    for number in range(COMMITS):
        with open(f"{work}/file{number}", "w", encoding="utf-8") as file:
            file.write(f"{number}\n" * 100)
        git(home, "-C", work, "add", ".")
        git(home, "-C", work, "commit", "-q", "-m", f"{number}")
    git(home, "clone", "-q", "--bare", "--no-local", work, bare)
    # Loose objects: one request each.
    packs = f"{bare}/objects/pack"
    for name in os.listdir(packs):
        if name.endswith(".pack"):
            os.rename(f"{packs}/{name}", f"{stage.directory}/pack")
        else:
            os.unlink(f"{packs}/{name}")
    if os.path.exists(f"{stage.directory}/pack"):
        with open(f"{stage.directory}/pack", "rb") as pack:
            git(home, "-C", bare, "unpack-objects", "-q", stdin=pack)
    git(home, "-C", bare, "update-server-info")
    return home


def git(home, *arguments, prefix=(), ca=None, stdin=subprocess.DEVNULL):
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_SSL_CAINFO": ca or "",
        **{f"GIT_{who}_{what}": "a@b.test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    return subprocess.run(
        [*prefix, "git", *arguments],
        env=environment,
        stdin=stdin,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )


class Remote:
    """git as a client of the stage."""

    def __init__(self, scene, home):
        self.scene, self.home = scene, home

    def run(self, *arguments):
        return git(
            self.home, *arguments, prefix=self.scene.stage.network.in_client([]), ca=self.scene.stage.ca
        )

    def check(self, sentence, least, version):
        """What the server saw is what was counted; requests come by as many connections as git likes."""
        stage, scene = self.scene.stage, self.scene
        truth = stage.truth(least)
        # The server writes a row behind its answer, maybe when git has ended already.
        added = scene.operaglass.metrics() - scene.before
        counted = int(added.total("upstream_requests_total", upstream="forge"))
        with contextlib.suppress(RuntimeError):
            truth += stage.truth(max(0, counted - len(truth)), 1)
        if any(row["alpn"] != version for row in truth):
            raise RuntimeError(f"{sentence}: not all over {version}")
        endpoints = {row["path"]: "/".join(row["path"].split("/")[:3]) for row in truth}
        want = ledger.expected(truth, endpoints)
        want["retries"], want["retry_after"] = {}, {}
        decoded = {("forge", "decoded"): len({row["connection"] for row in truth})}

        def seen(metrics):
            return metrics.by("upstream_connections_total", "upstream", "visibility")

        delta = scene.wait(lambda m: ledger.booked(m, "forge") == want and seen(m) == decoded)
        scene.tap.equal(
            f"{sentence}: every request is counted once, with its endpoint and status",
            ledger.booked(delta, "forge"),
            want,
        )
        scene.tap.equal(f"{sentence}: every connection is decoded", seen(delta), decoded)
        return truth


def test_ls_remote(scene, remote):
    for number in range(3):
        said = remote.run("ls-remote", URL).stdout
        if "refs/heads/main" not in said:
            raise RuntimeError(said)
        remote.check(f"git ls-remote ({number + 1})", 2, "http/1.1")


def test_clone(scene, remote):
    target = f"{scene.stage.directory}/cloned"
    remote.run("clone", "-q", URL, target)
    truth = remote.check("git clone, object by object", 3 * COMMITS + 2, "http/1.1")
    scene.tap.equal(
        "what was cloned is whole, and each of its objects was one request",
        (
            os.path.exists(f"{target}/file{COMMITS - 1}"),
            sum("/objects/" in row["path"] and row["status"] == 200 for row in truth) >= 3 * COMMITS,
        ),
        (True, True),
    )


def test_missing(scene, remote):
    try:
        remote.run("ls-remote", URL.replace(".git", ".git/nothing"))
    except subprocess.CalledProcessError:
        pass
    truth = remote.check("git ls-remote of what is not there", 1, "http/1.1")
    scene.tap.equal("which is a 404", truth[-1]["status"], 404)


def main():
    tap = Tap()
    with Stage("git") as stage:
        home = make_repository(stage)
        stage.network.set_hosts({HOST: [SERVER4]})
        with Operaglass(CONFIG) as operaglass:
            scene = Scene(operaglass, stage, tap)
            remote = Remote(scene, home)
            scene.run(
                [
                    lambda scene: test_ls_remote(scene, remote),
                    lambda scene: test_clone(scene, remote),
                    lambda scene: test_missing(scene, remote),
                ]
            )
    tap.done()


if __name__ == "__main__":
    main()
