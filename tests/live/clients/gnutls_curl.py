# SPDX-License-Identifier: Apache-2.0
"""libcurl over GnuTLS (Debian's pycurl) on one keep-alive connection, as git speaks HTTPS.

The plan's `http`: "2", where the server speaks it; libnghttp2 is in this libcurl, too."""
import time

import pycurl

from report import PLAN, URL, report

handle = pycurl.Curl()
if "GnuTLS" not in pycurl.version:
    raise SystemExit(f"not over GnuTLS: {pycurl.version}")
handle.setopt(
    pycurl.HTTP_VERSION,
    pycurl.CURL_HTTP_VERSION_2TLS if PLAN.get("http") == "2" else pycurl.CURL_HTTP_VERSION_1_1,
)
if PLAN["ca"]:
    handle.setopt(pycurl.CAINFO, PLAN["ca"])
for request in PLAN["requests"]:
    handle.setopt(pycurl.URL, URL + request["path"])
    handle.setopt(pycurl.TIMEOUT, request.get("timeout", 30))
    handle.setopt(pycurl.WRITEFUNCTION, lambda data: None)
    handle.setopt(pycurl.HTTPHEADER, ["Expect:"])
    handle.setopt(pycurl.CUSTOMREQUEST, request["method"])
    if request.get("body") is None:
        handle.setopt(pycurl.HTTPGET, True)
    else:
        handle.setopt(pycurl.POSTFIELDS, "b" * request["body"])
    handle.setopt(pycurl.CUSTOMREQUEST, request["method"])
    begin = time.monotonic_ns()
    try:
        handle.perform()
        connected = handle.getinfo(pycurl.APPCONNECT_TIME) if handle.getinfo(
            pycurl.NUM_CONNECTS
        ) else 0
        report(handle.getinfo(pycurl.RESPONSE_CODE), ns=time.monotonic_ns() - begin - int(connected * 1e9))
    except pycurl.error as error:
        report(error=error, since=begin)
