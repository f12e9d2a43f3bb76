# SPDX-License-Identifier: Apache-2.0
"""libcurl over GnuTLS, its multi interface: one pool of connections, each request with a version of its own.

A request's `http`: "1.1" or "2"; the plan's at_once: how many run at a time.
"""
import pycurl

from report import PLAN, URL, report

VERSIONS = {"1.1": pycurl.CURL_HTTP_VERSION_1_1, "2": pycurl.CURL_HTTP_VERSION_2TLS}
multi = pycurl.CurlMulti()
waiting = list(PLAN["requests"])
running = 0


def begin(request):
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, URL + request["path"])
    handle.setopt(pycurl.HTTP_VERSION, VERSIONS[request["http"]])
    handle.setopt(pycurl.CAINFO, PLAN["ca"])
    handle.setopt(pycurl.TIMEOUT, 30)
    handle.setopt(pycurl.WRITEFUNCTION, lambda data: None)
    handle.setopt(pycurl.CUSTOMREQUEST, request["method"])
    multi.add_handle(handle)


while waiting or running:
    while waiting and running < PLAN["at_once"]:
        begin(waiting.pop(0))
        running += 1
    multi.perform()
    _, done, failed = multi.info_read()
    for handle in done:
        report(handle.getinfo(pycurl.RESPONSE_CODE))
        multi.remove_handle(handle)
    for handle, _, error in failed:
        report(error=error)
        multi.remove_handle(handle)
    running -= len(done) + len(failed)
    multi.select(0.1)
