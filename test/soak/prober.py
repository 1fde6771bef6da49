#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""prober.py PORT - asks for the announcement every 100 ms: a line with the begin, the end and the status, 0 for none.

Every second question goes over a connection of its own, the others over one that is kept.
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


kept, due, number = None, time.monotonic(), 0
while True:
    number += 1
    began = time.monotonic()
    try:
        if number % 2:
            kept = kept or connect()
            status = ask(kept)
        else:
            with connect() as once:
                status = ask(once)
    except OSError:
        status = 0
        if number % 2 and kept:
            kept.close()
            kept = None
    print(f"{began:.4f} {time.monotonic():.4f} {status}", flush=True)
    due = max(due + 0.1, time.monotonic())
    time.sleep(max(0.0, due - time.monotonic()))
