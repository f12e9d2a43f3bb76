#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Calls a server through a libssl of one's own choice, by its C functions.

usage: openssl_1_1.py DIRECTORY PORT      DIRECTORY holds libssl.so.1.1 and libcrypto.so.1.1

Prints "mapped" when the library is, waits for a line, then makes 5 calls by SSL_write and SSL_read and 7 by
SSL_write_ex and SSL_read_ex on one connection, the answers of the last one read byte by byte.
"""
import ctypes
import socket
import sys

SSL_CTRL_SET_TLSEXT_HOSTNAME = 55  # openssl/tls1.h: a macro, not a function
REQUEST = b"GET /bot123456:own-library/%s HTTP/1.1\r\nHost: api.telegram.org\r\n\r\n"
ANSWER_LENGTH = 40  # of tests/bench/https.c


def read_all(ssl, session, buffer, size, step):
    got = ctypes.c_size_t()
    while size:
        assert ssl.SSL_read_ex(session, buffer, ctypes.c_size_t(min(step, size)), ctypes.byref(got)) == 1
        size -= got.value


def main(directory, port):
    ctypes.CDLL(directory + "/libcrypto.so.1.1")
    ssl = ctypes.CDLL(directory + "/libssl.so.1.1")
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(ssl, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(ssl.SSL_CTX_new(ctypes.c_void_p(ssl.TLS_client_method())))
    session = ctypes.c_void_p(ssl.SSL_new(context))
    print("mapped", flush=True)
    sys.stdin.readline()
    buffer, written = ctypes.create_string_buffer(4096), ctypes.c_size_t()
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        ssl.SSL_set_fd(session, connection.fileno())
        ssl.SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, ctypes.c_long(0), ctypes.c_char_p(b"api.telegram.org"))
        assert ssl.SSL_connect(session) == 1
        request = REQUEST % b"getMe"
        for _ in range(5):
            assert ssl.SSL_write(session, request, len(request)) == len(request)
            assert ssl.SSL_read(session, buffer, 4096) == ANSWER_LENGTH
        request = REQUEST % b"getChat"
        for number in range(7):
            length = ctypes.c_size_t(len(request))
            assert ssl.SSL_write_ex(session, request, length, ctypes.byref(written)) == 1
            read_all(ssl, session, buffer, ANSWER_LENGTH, 1 if number == 6 else 4096)
        ssl.SSL_shutdown(session)


if __name__ == "__main__":
    main(*sys.argv[1:])
