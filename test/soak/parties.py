#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""parties.py NAME PORT - one greedy or hostile party at a server, until it is ended.

A process of its own, so that what it takes of the processor is not taken from those
who measure. All parties have addresses of their own, 127.0.1.x: what somebody may take
at the address of the honest clients is that address's share, and theirs to lose.
"""
import http.client
import json
import random
import select
import socket
import sys
import time

PORT = int(sys.argv[2])


def connect(address, receive=None):
    s = socket.socket()
    if receive:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    s.settimeout(5)
    try:
        s.bind((address, 0))
        s.connect(("127.0.0.1", PORT))
    except OSError:
        s.close()
        raise
    return s


def ask(name, address="127.0.1.1", **headers):
    """(status, body)"""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20, source_address=(address, 0))
    try:
        connection.request("GET", "/" + name, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def announced(type_):
    """(version, cookie) of the newest"""
    updates = json.loads(ask("q")[1])["updates"]
    return next(((u["version"], u["cookie"]) for u in updates if u["type"] == type_), (1, "00000000"))


def offer(type_):
    return "o;t={};v={};c={}".format(type_, *announced(type_))


def archive():
    """The request line of a large full archive, once it is there."""
    while True:
        status, body = ask(offer("package"), Accept="application/x-guts2ar2")
        if status == 200:
            return "GET /f/" + next(iter(json.loads(body).values()))["id"] + " HTTP/1.1\r\nHost: x\r\n\r\n"
        time.sleep(0.5)


def crowd(addresses, count, first, period_s, step=None, receive=None):
    """So many connections at each address, each closed one replaced: first is sent, then step(connection) is done."""
    wanted = {a: [] for a in addresses}
    while True:
        for address, held in wanted.items():
            watch = select.poll()
            for s in held:
                watch.register(s, select.POLLRDHUP)
            gone = {fd for fd, _ in watch.poll(0)}
            for s in [s for s in held if s.fileno() in gone]:
                held.remove(s)
                s.close()
            while len(held) < count:
                try:
                    s = connect(address, receive)
                    s.sendall(first().encode())
                    s.setblocking(False)
                    held.append(s)
                except OSError:
                    break
            for s in held if step else ():
                try:
                    step(s)
                except OSError:
                    pass
        time.sleep(period_s)


def flood(address, line, at_once=20, pause_s=0.01):
    """Requests without waiting for answers, which are thrown away."""
    with connect(address) as s:
        while True:
            s.sendall("".join(line() for _ in range(at_once)).encode())
            time.sleep(pause_s)
            while select.select([s], [], [], 0)[0]:
                if not s.recv(1 << 20):
                    return


def inventor():
    """Previous versions that nobody ever had."""
    name = offer(random.choice(("db", "engine", "package")))
    flood(f"127.0.1.{random.randrange(10, 20)}",
          lambda: f"GET /{name};pv={random.randrange(1, 10**9)};pc={random.getrandbits(32):08x} HTTP/1.1\r\nHost: x\r\n\r\n")


def via():
    """Ways that no request came."""
    name = offer("db")

    def line():
        hops = ", ".join(f"1.1 {random.choice(('guts2d-', ''))}{random.getrandbits(64):016x}" for _ in range(random.randrange(1, 12)))
        target = random.choice(("q", name, f"{name};pv={random.randrange(1, 10**9)};pc={random.getrandbits(32):08x}"))
        return f"GET /{target} HTTP/1.1\r\nHost: x\r\nVia: {hops}\r\n\r\n"
    flood("127.0.1.2", line, 5)


def unread():
    """Full archives that are asked for and not read: all places for them."""
    line = archive()
    crowd([f"127.0.1.{n}" for n in range(20, 25)], 10, lambda: line, 1, receive=2048)


def readers():
    """2 kB/s each"""
    line = archive()
    crowd([f"127.0.1.{n}" for n in range(25, 29)], 10, lambda: line, 0.5, lambda s: s.recv(1000), receive=2048)


def idle():
    """More connections than there may be, which say nothing after a first request."""
    crowd([f"127.0.1.{n}" for n in range(30, 40)], 200, lambda: "GET /q HTTP/1.1\r\nHost: x\r\n\r\n", 0.5)


def heads():
    """Request heads that come byte by byte."""
    crowd([f"127.0.1.{n}" for n in range(40, 43)], 150, lambda: "GET /q HTTP/1.1\r\nHost: x\r\nX: ", 0.5, lambda s: s.send(b"a"))


GARBAGE = ("GET /q HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /q HTTP/1.1\r\n\r\n",
           "GET /q HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
           "POST /q HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", "GET /q HTTP/1.1\r\n X: folded\r\n\r\n",
           "POST /q HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n[[[[[[", "GET " + "/a" * 3000 + " HTTP/1.1\r\n\r\n", "\0" * 100, "\r\n" * 2000,
           "GET /o;t=db;v=1;v=2;c=00000000 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /f/" + "0" * 64 + "_archive HTTP/1.1\r\nHost: x\r\nRange: bytes=9-1\r\n\r\n",
           "GET /q HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01", "GET /h;t=" + "x" * 64 + ";v=9007199254740991;c=ffffffff HTTP/1.1\r\nHost: x\r\n\r\n")


def garbage():
    """What is no request, or nearly one."""
    with connect(f"127.0.1.{random.randrange(50, 60)}") as s:
        data = random.choice(GARBAGE).encode("latin-1") if random.random() < 0.8 else random.randbytes(random.randrange(1, 5000))
        s.sendall(data[:random.randrange(1, len(data) + 1)] if random.random() < 0.2 else data)
        s.settimeout(0.1)
        s.recv(65536)


def curious():
    """Whoever wants what the cloud made up: headers of 16 MiB, archives that never come, deltas of nothing."""
    for type_ in ("huge", "slow1", "slow2", "nothing"):
        version, cookie = announced(type_)
        names = [f"h;t={type_};v={version};c={cookie}"] if type_ in ("huge", "nothing") else []
        if type_ != "huge":
            names += [f"o;t={type_};v={version};c={cookie}"] + [f"o;t={type_};v={version};c={cookie};pv={version - n};pc={cookie}" for n in range(1, 9)]
        for name in names if version > 1 else ():
            ask(name, "127.0.1.60", Accept=random.choice(("application/x-guts2ar2", "*/*")))
    time.sleep(0.2)


PARTIES = {f.__name__: f for f in (inventor, via, unread, readers, idle, heads, garbage, curious)}

if __name__ == "__main__":
    while True:
        try:
            PARTIES[sys.argv[1]]()
        except (OSError, http.client.HTTPException, ValueError, KeyError, StopIteration):
            time.sleep(0.02)  # the server is away, or has said no: once more
