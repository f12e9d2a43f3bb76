# SPDX-License-Identifier: Apache-2.0
"""Certificates of tests, made with openssl: EC keys (fast, and what servers use), good for two days."""
import subprocess

REQUEST = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split()
DAYS = ["-days", "2"]


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def self_signed(name, certificate, key, *extensions):
    """extensions: as in "basicConstraints=critical,CA:TRUE"."""
    added = [word for extension in extensions for word in ("-addext", extension)]
    run(*REQUEST, "-x509", *DAYS, "-subj", f"/CN={name}", "-keyout", key, "-out", certificate, *added)


def signed(name, certificate, key, by, *extensions):
    """by: certificate and key of an authority. extensions: as in "subjectAltName=DNS:a.example"."""
    authority, authority_key = by
    request, file = certificate + ".csr", certificate + ".ext"
    run(*REQUEST, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
    with open(file, "w", encoding="ascii") as out:
        out.write("\n".join(extensions) + "\n")
    issue = ["openssl", "x509", "-req", *DAYS, "-CA", authority, "-CAkey", authority_key, "-CAcreateserial"]
    run(*issue, "-in", request, "-extfile", file, "-out", certificate)


def server_pair(directory, name="api.telegram.org"):
    """(certificate, key) of a server that nobody is to trust."""
    pair = directory + "/cert.pem", directory + "/key.pem"
    self_signed(name, *pair)
    return pair
