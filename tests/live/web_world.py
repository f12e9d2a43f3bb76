# SPDX-License-Identifier: Apache-2.0
"""Operaglass behind --web.config.file, and curl as its client.

    with web_directory() as directory, Web(directory, TLS) as og:
        tap.equal("it is served", og.status(), 200)
"""
import contextlib
import os
import ssl
import subprocess
import tempfile
import time
import urllib.request

import certificates
from harness import Operaglass

CHANGE_SECONDS = 6  # looked at every two seconds
STRANGER = 54321  # a uid that nobody has
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"


def make_certificates(directory):
    """Two authorities; certificates signed by each."""

    def pair(name):
        return f"{directory}/{name}.crt", f"{directory}/{name}.key"

    for name in ("ca", "other-ca"):
        certificates.self_signed(name, *pair(name))
    names = "IP:127.0.0.1,DNS:localhost"
    for name, authority, usage, subject in (
        ("server", "ca", "serverAuth", names),
        ("server2", "ca", "serverAuth", names),
        ("client", "ca", "clientAuth", "DNS:scraper.example,email:a@example.com,IP:10.1.2.3"),
        ("stranger", "other-ca", "clientAuth", "DNS:scraper.example"),
    ):
        extensions = [f"extendedKeyUsage={usage}", f"subjectAltName={subject}"]
        certificates.signed(name, *pair(name), pair(authority), *extensions)
    os.chmod(f"{directory}/server.key", 0o600)


@contextlib.contextmanager
def web_directory():
    """With the certificates; this program shows the client's wherever it asks."""
    with tempfile.TemporaryDirectory(prefix="og-web-") as directory:
        make_certificates(directory)
        context = ssl._create_unverified_context()
        context.load_cert_chain(directory + "/client.crt", directory + "/client.key")
        urllib.request.install_opener(
            urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
        )
        yield directory


class Web(Operaglass):
    """Operaglass with a web configuration that can be changed."""

    def __init__(self, directory, text, config=""):
        super().__init__(config, ["--web.config.file", directory + "/web.yml"])
        self.directory_of_web = directory
        self.url = f"https://127.0.0.1:{self.port}"
        self.write(text)

    def write(self, text):
        self.text = text
        with open(self.directory_of_web + "/web.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.directory_of_web + "/web.new", self.directory_of_web + "/web.yml")

    def change(self, text):
        """Returns when the new file is in force."""
        before = self.logs().count("the web configuration is in force")
        self.write(text)
        return self.wait_log("the web configuration is in force", before + 1)

    def wait_log(self, words, count):
        limit = time.monotonic() + CHANGE_SECONDS
        while self.logs().count(words) < count:
            if time.monotonic() > limit:
                return False
            time.sleep(0.05)
        return True

    def curl(self, *arguments, path="/metrics", certificate=None):
        """(status, curl's exit code, what it printed); 0 without an answer."""
        command = ["curl", "-sS", "--max-time", "10", "--cacert", self.directory_of_web + "/ca.crt"]
        if certificate:
            base = self.directory_of_web + "/" + certificate
            command += ["--cert", base + ".crt", "--key", base + ".key"]
        command += ["-o", "/dev/null", "-D", "-", "-w", "\n%{http_code}", *arguments, self.url + path]
        got = subprocess.run(command, capture_output=True, text=True, check=False)
        head, _, status = got.stdout.rpartition("\n")
        return int(status or 0), got.returncode, head

    def status(self, *arguments, **keywords):
        return self.curl(*arguments, **keywords)[0]

    def refused(self, reason, *arguments, **keywords):
        """The counter, seen by somebody who may."""
        command = ["curl", "-sS", "--cacert", self.directory_of_web + "/ca.crt"]
        command += [*arguments, self.url + "/metrics"]
        got = subprocess.run(command, capture_output=True, text=True, check=True)
        for line in got.stdout.splitlines():
            if line.startswith(f'operaglass_web_refused_total{{reason="{reason}"}}'):
                return int(line.split()[1])
        return None
