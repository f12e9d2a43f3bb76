# SPDX-License-Identifier: Apache-2.0
"""What the Python clients share: the plan, and one JSON line per request on standard output."""
import json
import ssl
import sys
import time

PLAN = json.loads(sys.argv[1])
HOST, PORT = PLAN["host"], PLAN["port"]
URL = f"https://{HOST}"


def context():
    made = (
        ssl.create_default_context(cafile=PLAN["ca"])
        if PLAN["ca"]
        else ssl.create_default_context()
    )
    if PLAN.get("tls") == "1.2":
        made.maximum_version = ssl.TLSVersion.TLSv1_2
    if PLAN.get("offer"):
        made.set_alpn_protocols(PLAN["offer"])
    if PLAN.get("curve"):
        made.set_ecdh_curve(PLAN["curve"])
    return made


def body(request):
    return b"b" * request["body"] if request.get("body") is not None else None


def report(status=None, since=None, error=None, ns=None):
    """ns: from just before the request until the end of its body, when the client can know that."""
    if since is not None:
        ns = time.monotonic_ns() - since
    print(
        json.dumps({"status": status, "ns": ns, "error": None if error is None else repr(error)}),
        flush=True,
    )
