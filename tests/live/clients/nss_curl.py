# SPDX-License-Identifier: Apache-2.0
"""libcurl over NSS on one keep-alive connection: PR_Send and PR_Recv on sockets that do not block."""
import ctypes
import time

from report import PLAN, URL, report

CURL = ctypes.CDLL("libcurl-nss.so.4")
CURL.curl_easy_init.restype = ctypes.c_void_p
CURL.curl_slist_append.restype = ctypes.c_void_p
CURL.curl_slist_append.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
CURL.curl_easy_strerror.restype = ctypes.c_char_p
# As curl.h numbers them.
HTTPGET, TIMEOUT, POSTFIELDSIZE, VERIFYPEER, VERIFYHOST, HTTP_VERSION = 80, 13, 60, 64, 81, 84
COPYPOSTFIELDS, HTTPHEADER, CUSTOMREQUEST = 10165, 10023, 10036
TARGET, WRITEFUNCTION = 10002, 20011
RESPONSE_CODE, NUM_CONNECTS, APPCONNECT_TIME = 0x200002, 0x20001A, 0x300021
VERSIONS = {"1.1": 2, "2": 4}
WRITER = ctypes.CFUNCTYPE(
    ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p
)


def option(which, value):
    if CURL.curl_easy_setopt(ctypes.c_void_p(handle), which, value):
        raise SystemExit(f"libcurl does not know option {which}")


def told(which, kind):
    value = kind()
    CURL.curl_easy_getinfo(ctypes.c_void_p(handle), which, ctypes.byref(value))
    return value.value


CURL.curl_global_init(3)
handle = CURL.curl_easy_init()
swallow = WRITER(lambda data, size, count, context: size * count)
option(WRITEFUNCTION, swallow)
option(HTTP_VERSION, ctypes.c_long(VERSIONS[PLAN.get("http", "1.1")]))
# The test's own authority would need a database.
option(VERIFYPEER, ctypes.c_long(0))
option(VERIFYHOST, ctypes.c_long(0))
option(HTTPHEADER, ctypes.c_void_p(CURL.curl_slist_append(None, b"Expect:")))
for request in PLAN["requests"]:
    option(TARGET, (URL + request["path"]).encode())
    option(TIMEOUT, ctypes.c_long(request.get("timeout", 30)))
    if request.get("body") is None:
        option(HTTPGET, ctypes.c_long(1))
    else:
        option(POSTFIELDSIZE, ctypes.c_long(request["body"]))
        option(COPYPOSTFIELDS, b"b" * request["body"])
    option(CUSTOMREQUEST, request["method"].encode())
    begin = time.monotonic_ns()
    code = CURL.curl_easy_perform(ctypes.c_void_p(handle))
    took = time.monotonic_ns() - begin
    if code:
        report(error=CURL.curl_easy_strerror(code).decode(), since=begin)
        continue
    connected = told(APPCONNECT_TIME, ctypes.c_double) if told(NUM_CONNECTS, ctypes.c_long) else 0
    report(told(RESPONSE_CODE, ctypes.c_long), ns=took - int(connected * 1e9))
