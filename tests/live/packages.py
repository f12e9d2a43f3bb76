# SPDX-License-Identifier: Apache-2.0
"""Packages of other suites, unpacked below build/vm/ and not installed."""
import glob
import os
import shutil
import sys

from harness import TOP

sys.path.insert(0, TOP + "/tests/vm")
import kernels  # noqa: E402 (it knows how to ask another suite)


def unpacked(suite, package):
    """The directory that the package's files lie in; only the first call uses the network."""
    directory = os.path.join(kernels.CACHE, "packages", f"{suite}-{package}")
    if os.path.isdir(directory):
        return directory
    state, new = os.path.join(kernels.CACHE, "apt", f"{suite}-{package}"), f"{directory}.new"
    shutil.rmtree(new, ignore_errors=True)
    os.makedirs(new)
    kernels.apt_update(suite, state)
    command = ["apt-get", *kernels.apt_options(suite, state), "-qq", "download", package]
    kernels.run(command, f"cannot download {package} of {suite}", cwd=new, timeout=300)
    for archive in glob.glob(new + "/*.deb"):
        kernels.run(["dpkg-deb", "-x", archive, new], f"cannot unpack {package} of {suite}")
        os.unlink(archive)
    os.rename(new, directory)
    shutil.rmtree(state, ignore_errors=True)
    return directory
