#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""prober.py PORT - asks for the announcement every 100 ms: a line with begin, end, status (0: none), and tries.

Every second question goes over a connection of its own, the others over one that is kept. A server may close that
where it is idle; then the question is asked once more, over a new one (RFC 9112, 9.3.1), and the time goes on.
"""
import re
import socket
import sys
import time

PORT = int(sys.argv[1])


def connect():
    return socket.create_connection(("127.0.0.1", PORT), timeout=30)


def ask(connection):
    """The status of one whole answer."""
    connection.sendall(b"GET /guts2/q HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while True:
        piece = connection.recv(1 << 16)
        if not piece:
            raise OSError("closed")
        answer += piece
        head, end, body = answer.partition(b"\r\n\r\n")
        if end and len(body) >= int(re.search(rb"(?i)content-length: *(\d+)", head)[1]):
            return int(head.split()[1])


def ask_kept():
    """(status, tries) over the kept connection, which is replaced where it was closed."""
    global kept
    tries = 1
    if kept:
        try:
            return ask(kept), 1
        except OSError:
            kept.close()
            tries = 2
    kept = connect()
    return ask(kept), tries


kept, due, number = None, time.monotonic(), 0
while True:
    number += 1
    began = time.monotonic()
    tries = 1
    try:
        if number % 2:
            status, tries = ask_kept()
        else:
            with connect() as once:
                status = ask(once)
    except OSError:
        status = 0
    print(f"{began:.4f} {time.monotonic():.4f} {status} {tries}", flush=True)
    due = max(due + 0.1, time.monotonic())
    time.sleep(max(0.0, due - time.monotonic()))
