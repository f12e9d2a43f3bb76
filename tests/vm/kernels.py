# SPDX-License-Identifier: Apache-2.0
"""Fetches the distribution's cloud kernels and unpacks them below build/vm/; nothing is installed.

apt runs with a sources list and a state directory of its own, one per suite, so the machine's
package lists are neither read nor changed. The mirror is the one that the machine itself uses. What
was fetched once is kept, in a directory named after the exact package and version, until build/ is
cleaned or `kernels.py --refresh` is run.

usage: tests/vm/kernels.py [--refresh] [KERNEL...]     KERNEL: 5.10, 6.1, 6.12, 7
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(TOP, "build", "vm")
META = "linux-image-cloud-amd64"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
REMOVED_KEYS = "/usr/share/keyrings/debian-archive-removed-keys.gpg"

# The name is the first part of the version that the suite must hold: one that moved on is noticed.
SUITES = {
    "5.10": "bullseye",
    "6.1": "bookworm",
    "6.12": "bookworm-backports",
    "7": "trixie-backports",
}


class KernelError(Exception):
    """A kernel could not be had; the text says which, why, and what to do."""


def mirrors():
    """URIs of the distribution's archive in this machine's own apt sources, the main one first."""
    found = []
    for path in ["/etc/apt/sources.list"] + sorted(glob.glob("/etc/apt/sources.list.d/*")):
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except OSError:
            continue
        if path.endswith(".sources"):
            found += [
                uri
                for line in re.findall(r"^URIs:(.*)$", text, re.M | re.I)
                for uri in line.split()
            ]
        elif path.endswith(".list"):
            found += re.findall(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)", text, re.M)
    archive = [uri.rstrip("/") for uri in found if re.search(r"/debian/?$", uri)]
    if not archive:
        raise KernelError(
            "no archive whose path ends in /debian in /etc/apt/sources*: add one to fetch kernels"
        )
    return archive


def apt_options(suite, state):
    """Options under which apt sees this suite alone and writes below `state` alone."""
    return [
        "-o",
        f"Dir::Etc::SourceList={state}/sources.list",
        "-o",
        "Dir::Etc::SourceParts=/nonexistent",
        "-o",
        "Dir::Etc::Preferences=/nonexistent",
        "-o",
        "Dir::Etc::PreferencesParts=/nonexistent",
        "-o",
        f"Dir::State={state}",
        "-o",
        "Dir::State::status=/dev/null",
        "-o",
        f"Dir::Cache={state}/cache",
        "-o",
        "Acquire::Languages=none",
        "-o",
        "APT::Architecture=amd64",
        "-o",
        "APT::Architectures=amd64",
        "-o",
        "APT::Sandbox::User=root",
        "-o",
        f"APT::Default-Release={suite}",
    ]


def run(command, why, **arguments):
    """Standard output of a command, or a KernelError with the end of what it said."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **arguments
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-4:]
        raise KernelError(f"{why}: {command[0]} ended with {done.returncode}: {' | '.join(said)}")
    return done.stdout


def apt_update(suite, state):
    """Brings the suite's package list into `state`, verified by the archive's keys."""
    for sub in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(state, sub), exist_ok=True)
    problem = None
    for uri in mirrors():
        for keyring in (KEYRING, REMOVED_KEYS):
            with open(f"{state}/sources.list", "w", encoding="utf-8") as file:
                file.write(f"deb [signed-by={keyring} arch=amd64] {uri} {suite} main\n")
            command = ["apt-get", *apt_options(suite, state), "-qq", "--error-on=any", "update"]
            try:
                run(command, f"cannot read the package list of {suite}", timeout=240)
                return
            except (KernelError, subprocess.TimeoutExpired) as error:
                problem = problem or error
    raise KernelError(f"{problem}; is the archive reachable?")


def paragraph(suite, state, package):
    """One package's newest record, as a dictionary of its fields."""
    text = run(
        ["apt-cache", *apt_options(suite, state), "--no-all-versions", "show", package],
        f"no package {package} in {suite}",
    )
    return dict(re.findall(r"^([\w-]+): (.*)$", text.split("\n\n")[0], re.M))


def chain(suite, state):
    """The packages that hold the kernel: along the meta package's dependencies on linux-* packages.

    Up to 6.x linux-image-VERSION-cloud-amd64 holds the image. From 7.x on it only depends on
    linux-binary-VERSION-cloud-amd64 (image) and linux-modules-VERSION-cloud-amd64 (modules)."""
    names, todo = [], [META]
    while todo:
        name = todo.pop()
        record = paragraph(suite, state, name)
        if name != META:
            names.append((name, record["Version"]))
        wanted = re.findall(
            r"(linux-(?:image|binary|modules)-[\w.+~-]+)", record.get("Depends", "")
        )
        todo += [n for n in wanted if n not in todo and n not in (have for have, _ in names)]
    if not names:
        raise KernelError(f"{META} of {suite} depends on no kernel package")
    return names


def unpack(name, suite, state, packages):
    """Downloads and unpacks the packages; returns the kernel's release and where its parts are."""
    key = "_".join([name, re.sub(r"[^\w.+-]", "-", packages[0][1])])
    directory = os.path.join(CACHE, "kernels", key)
    if not os.path.isdir(directory):
        work = directory + ".new"
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        for package, version in packages:
            run(
                ["apt-get", *apt_options(suite, state), "-qq", "download", f"{package}={version}"],
                f"cannot download {package} {version}",
                cwd=work,
                timeout=300,
            )
        for deb in glob.glob(work + "/*.deb"):
            run(["dpkg-deb", "-x", deb, work], f"cannot unpack {os.path.basename(deb)}")
            os.unlink(deb)
        os.rename(work, directory)
    images = [
        p
        for pattern in ("/boot/vmlinuz-*", "/usr/lib/modules/*/vmlinuz", "/lib/modules/*/vmlinuz")
        for p in glob.glob(directory + pattern)
    ]
    if not images:
        raise KernelError(f"no vmlinuz in {', '.join(p for p, _ in packages)} of {suite}")
    modules = glob.glob(directory + "/lib/modules/*") + glob.glob(directory + "/usr/lib/modules/*")
    release = (
        os.path.basename(modules[0])
        if modules
        else os.path.basename(images[0]).replace("vmlinuz-", "")
    )
    return {
        "name": name,
        "release": release,
        "version": packages[0][1],
        "image": images[0],
        "modules": modules[0] if modules else None,
    }


def fetch(name, refresh=False):
    """Facts of one kernel: name, release, version, image, modules (or None).

    Only the first call uses the network."""
    index = os.path.join(CACHE, f"kernel-{name}.json")
    if not refresh:
        try:
            with open(index, encoding="utf-8") as file:
                kernel = json.load(file)
            if os.path.exists(kernel["image"]):
                return kernel
        except (OSError, ValueError, KeyError):
            pass
    suite = SUITES[name]
    state = os.path.join(CACHE, "apt", suite)
    apt_update(suite, state)
    packages = chain(suite, state)
    if not packages[0][1].startswith(name + "."):
        raise KernelError(
            f"{suite} now holds kernel {packages[0][1]}, not {name}: "
            "correct SUITES in tests/vm/kernels.py"
        )
    kernel = unpack(name, suite, state, packages)
    shutil.rmtree(state, ignore_errors=True)
    with open(index + ".new", "w", encoding="utf-8") as file:
        json.dump(kernel, file, indent=1)
    os.rename(index + ".new", index)
    return kernel


def main(arguments):
    names = [a for a in arguments if not a.startswith("--")] or list(SUITES)
    for name in names:
        kernel = fetch(name, "--refresh" in arguments)
        print(f"{name}: {kernel['release']} ({kernel['version']}): {kernel['image']}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KernelError as failure:
        sys.exit(f"kernels.py: {failure}")
