# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about serving: poll, object, small, large, idle, herd, start."""
import http.server
import selectors
import socket
import socketserver
import threading

from common import *
from harness import run

SERVER, CLIENT = pinned(0), pinned(1)


def two_versions():
    """A server that has a difference of 20 kB; (process, port, offer name, file name)."""
    repo, files = path("repo"), path("files")
    if not os.path.exists(repo):
        run("guts2-publish", "init", repo)
        put(files, "base", os.urandom(300_000))
        for number in range(2):
            put(files, "new", os.urandom(20_000))
            run("guts2-publish", "add", repo, "--type", "db", "--version", 1001 + number, files)
    offer = next(n for n in os.listdir(repo) if n.startswith("o;t=db;v=1002") and "pv=1001" in n)
    process, port = guts2d("file://" + repo, path("root"), SERVER)
    document = json.loads(obtain(port, "/" + offer, Accept="application/x-guts2ar2"))
    name = "/f/" + document["guts2ar2"]["id"]
    obtain(port, name)
    return process, port, "/" + offer, name


def against_nginx(name, what, goal, cost_goal):
    process, port, offer, file = two_versions()
    target = {"poll": "/q", "object": offer, "small": file}[name]
    static = path("static")
    put(static, name, obtain(port, target, Accept="application/x-guts2ar2"))
    peers = {"nginx": nginx(SERVER, f"root {static};"), "nginx, no log": nginx(SERVER, f"root {static};", "nginx-quiet", False)}
    rate = Row(name, what + ", requests/s", "1/s", goal=goal)
    cost = Row(name + " cpu", what + ", requests/s of server CPU", "1/s", goal=cost_goal)
    rate.only = cost.only = "nginx"
    rate.note = "both sides log every request; the client has a processor of its own and may be the limit"
    sides = {"ours": (process, port, target), **{who: (one, at, "/" + name) for who, (one, at) in peers.items()}}
    for _ in range(ROUNDS):
        for who, (one, at, asked) in sides.items():
            before = cpu_seconds(one.pid)
            count, _, took, wrong = wrk(at, asked, prefix=CLIENT)
            assert wrong == 0, (who, wrong)
            rate.add(who, count / took)
            cost.add(who, count / (cpu_seconds(one.pid) - before))
    for one, _, _ in sides.values():
        one.stop()
    return [rate, cost]


def poll():
    return against_nginx("poll", "/q, 64 connections, one thread", 1.1, 1.4)


def object_():
    return against_nginx("object", "/o of a cached difference", 1.0, 1.3)


def small():
    return against_nginx("small", "/f, 20 kB difference", 1.0, 1.1)


def large():
    repo = path("large")
    name = one_archive(repo, 256 << 20)
    process, port = guts2d("file://" + repo, path("root-large"), SERVER)
    obtain(port, "/o;t=pkg;v=1001;c=00000001", Accept="application/x-guts2ar2")
    obtain(port, "/f/" + name)
    peer, peer_port = nginx(SERVER, f"root {repo}/f;", "nginx-large")
    speed = Row("large", "/f, 256 MB archive, 4 connections", "MB/s")
    cost = Row("large cpu", "the same, server CPU seconds", "s/GB", "lower")
    for _ in range(ROUNDS):
        for who, one, at, target in (("ours", process, port, "/f/" + name), ("nginx", peer, peer_port, "/" + name)):
            before = cpu_seconds(one.pid)
            _, amount, took, _ = wrk(at, target, 4, 4, CLIENT)
            speed.add(who, amount / took / 1e6)
            cost.add(who, (cpu_seconds(one.pid) - before) / (amount / 1e9))
    process.stop()
    peer.stop()
    return [speed, cost]


# ---- Idle connections

def open_idle(who, port, target, count):
    sockets = []
    ask = f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    for start in range(0, count, 500):
        some = [socket.create_connection(("127.0.0.1", port)) for _ in range(min(500, count - start))]
        for s in some:
            s.sendall(ask)
        for s in some:
            s.settimeout(30)
            answer = s.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200"), (who, answer)
        sockets += some
    return sockets


def varnish(backend_port, name="varnish", *more):
    port, base = free_port(), path(name)
    os.makedirs(base, exist_ok=True)
    process = Process(["varnishd", "-F", "-n", base, "-a", f"127.0.0.1:{port}", "-b", f"127.0.0.1:{backend_port}", "-s", "malloc,256m",
                       "-p", "timeout_idle=600", "-t", "600", *more], False)
    until(lambda: can_connect(port))
    return process, port


def idle():
    count = 10_000
    row = Row("idle", f"{count:,} idle keep-alive connections, memory", "KiB each", "lower")
    row.limit = 5
    row.note = "of user space; what the kernel has for a socket is the same for all"
    static = path("static-idle")
    put(static, "q", b"{}")
    for _ in range(ROUNDS):
        repo = path("idle-repo")
        one_archive(repo, 1000)
        process, port = guts2d("file://" + repo, path("root-idle"), maxConnections=18000)
        until(lambda p=port: request(p, "GET", "/q")[0] == 200)
        peer, peer_port = nginx((), f"root {static};", "nginx-idle")
        cache, cache_port = varnish(peer_port, "varnish-idle")
        for who, one, at in (("ours", process, port), ("nginx", peer, peer_port), ("Varnish", cache, cache_port)):
            for s in open_idle(who, at, "/q", 50):
                s.close()
            before = memory(one.pid)
            sockets = open_idle(who, at, "/q", count)
            row.add(who, (memory(one.pid) - before) / count / 1024)
            for s in sockets:
                s.close()
        for one in (process, cache, peer):
            one.stop()
    return [row]


# ---- A herd before a cold archive

class Slow(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A cloud with so many bytes a second in all; it counts what it sends of archives."""
    daemon_threads = True
    request_queue_size = 1000

    def __init__(self, directory, rate=10e6):
        self.directory, self.rate, self.sent, self.free_at, self.lock = directory, rate, 0, 0.0, threading.Lock()
        super().__init__(("127.0.0.1", 0), SlowHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait_for(self, count):
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic()) + count / self.rate
            self.sent += count
            pause = self.free_at - time.monotonic()
        if pause > 0:
            time.sleep(pause)


class SlowHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        try:
            with open(self.server.directory + self.path.removeprefix("/guts2"), "rb") as f:
                content = f.read()
        except OSError:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=3600")
        self.end_headers()
        for at in range(0, len(content), 65536):
            if self.path.endswith("_archive"):
                self.server.wait_for(min(65536, len(content) - at))
            self.wfile.write(content[at:at + 65536])


def herd_clients(port, count, name, offer, size):
    """Seconds until the last of so many clients, which start at once, has every byte.

    On a network they would have processors of their own: what they do is not what is
    measured, so the kernel drops what they were sent instead of copying it to them.
    """
    chooser = selectors.DefaultSelector()
    buffer = bytearray(4 << 20)
    state = {}
    began = time.monotonic()

    def ask(s, target, more=""):
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nAccept: application/x-guts2ar2\r\n{more}\r\n".encode())

    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port))
        s.setblocking(False)
        state[s] = [0, b"" if offer else None, None]
        ask(s, offer or name, "Prefer: wait=30\r\n" if offer else "")
        chooser.register(s, selectors.EVENT_READ)
    waiting = count
    again = []
    while waiting:
        for s, at in [x for x in again if x[1] <= time.monotonic()]:
            again.remove((s, at))
            ask(s, offer, "Prefer: wait=30\r\n")
        for key, _ in chooser.select(0.05):
            s = key.fileobj
            one = state[s]
            try:
                got = s.recv_into(buffer, 65536) if one[2] is None else s.recv_into(buffer, 0, socket.MSG_TRUNC)
            except BlockingIOError:
                continue
            assert got > 0, "a connection ended early"
            if one[1] is not None:  # the offer
                one[1] += bytes(buffer[:got])
                head, _, body = one[1].partition(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                if not length or len(body) < int(length[1]):
                    continue
                if b" 200 " in head.split(b"\r\n")[0]:
                    one[1] = None
                    ask(s, name, "Prefer: wait=30\r\n")
                else:
                    one[1] = b""
                    again.append((s, time.monotonic() + int(re.search(rb"(?i)retry-after: (\d+)", head)[1])))
                continue
            if one[2] is None:
                head, _, _ = bytes(buffer[:got]).partition(b"\r\n\r\n")
                assert b" 200 " in head.split(b"\r\n")[0], head
                one[2] = len(head) + 4
            one[0] += got
            if one[0] - one[2] >= size:
                chooser.unregister(s)
                s.close()
                waiting -= 1
    return time.monotonic() - began


def squid(origin_port, name):
    port, base = free_port(), path(name)
    os.makedirs(base, exist_ok=True)
    os.chmod(base, 0o777)
    with open(f"{base}/squid.conf", "w", encoding="utf-8") as f:
        f.write(f"""
http_port 127.0.0.1:{port} accel defaultsite=a no-vhost
cache_peer 127.0.0.1 parent {origin_port} 0 no-query originserver
http_access allow all
collapsed_forwarding on
cache_mem 512 MB
maximum_object_size_in_memory 100 MB
maximum_object_size 100 MB
pid_filename none
access_log none
cache_log {base}/cache.log
shutdown_lifetime 1 seconds
coredump_dir {base}
pinger_enable off
max_filedescriptors 8000
""")
    process = Process([shutil.which("squid") or "/usr/sbin/squid", "-N", "-f", f"{base}/squid.conf"], False)
    until(lambda: can_connect(port))
    return process, port


def herd():
    size, count = 20_000_000, 500
    whole = Row("herd", "500 clients, cold 20 MB archive, cloud of 10 MB/s: until the last has it", "s", "lower")
    asked = Row("herd bytes", "the same, what the cloud sent", "x the file", "lower")
    asked.limit = 1.0
    whole.note = "ours checks the archive's digest before the first byte goes out, as nobody else does"
    for turn in range(ROUNDS):
        repo = path(f"herd-{turn}")
        name = "/f/" + one_archive(repo, size)
        for who in ("ours", "nginx", "Varnish", "Squid"):
            cloud = Slow(repo)
            cloud_port = cloud.server_address[1]
            offer = None
            if who == "ours":
                offer = "/o;t=pkg;v=1001;c=00000001"
                process, port = guts2d(f"http://127.0.0.1:{cloud_port}", path(f"root-herd-{turn}"), maxSynchronousPackageRetrievalRequests=4 * count)  # of which one address has a quarter
                until(lambda p=port: request(p, "GET", "/q")[0] == 200)
            elif who == "nginx":
                process, port = nginx((), f"""location / {{ proxy_pass http://127.0.0.1:{cloud_port}; proxy_cache k; proxy_cache_lock on;
                    proxy_cache_lock_timeout 120s; proxy_cache_lock_age 120s; }}""", f"nginx-herd-{turn}")
            elif who == "Varnish":
                process, port = varnish(cloud_port, f"varnish-herd-{turn}", "-p", "thread_pool_min=300", "-p", "thread_pool_max=1000")
            else:
                process, port = squid(cloud_port, f"squid-herd-{turn}")
            whole.add(who, herd_clients(port, count, name, offer, size))
            asked.add(who, cloud.sent / size)
            process.stop()
            cloud.shutdown()
            cloud.server_close()
        shutil.rmtree(repo)
    return [whole, asked]


# ---- A chain over slow lines

class Line(threading.Thread):
    """Passes on whatever comes; what comes from the other end no faster than a rate."""

    def __init__(self, port, rate=1_000_000):
        super().__init__(daemon=True)
        self.to, self.rate = port, rate
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.lock, self.free = threading.Lock(), time.monotonic()
        self.start()

    def run(self):
        while True:
            try:
                near, _ = self.listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.to))
            for one, other, slow in ((near, far, False), (far, near, True)):
                threading.Thread(target=self.carry, args=(one, other, slow), daemon=True).start()

    def carry(self, one, other, slow):
        try:
            while piece := one.recv(8192):
                if slow:  # the line is one: its connections share it
                    with self.lock:
                        self.free = max(self.free, time.monotonic()) + len(piece) / self.rate
                        until_ = self.free
                    time.sleep(max(0, until_ - time.monotonic()))
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.listening.close()


def fetch_to_the_end(port, offer, name, size):
    """Seconds until all is here, by who waits and goes on where he was cut."""
    began = time.monotonic()
    if offer:
        obtain(port, offer, Accept="application/x-guts2ar2", Prefer="wait=30")
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(f"GET {name} HTTP/1.1\r\nHost: a\r\nPrefer: wait=30\r\n\r\n".encode())
    got = b""
    while b"\r\n\r\n" not in got:
        got += s.recv(65536)
    assert got.startswith(b"HTTP/1.1 200"), got
    left = size - len(got.partition(b"\r\n\r\n")[2])
    while left > 0:
        piece = s.recv(65536)
        assert piece, "a connection ended early"
        left -= len(piece)
    s.close()
    return time.monotonic() - began


def chain():
    size = 10_000_000
    row = Row("chain", "10 MB archive over three servers and three lines of 1 MB/s, cold", "s", "lower", goal=1.15)
    row.note = "the peer is the same archive over one such line from the cloud itself"
    for turn in range(2):
        repo = path(f"chain-{turn}")
        name = "/f/" + one_archive(repo, size)
        cloud, cloud_port = nginx((), f"root {repo};", f"chain-cloud-{turn}", False)
        lines, servers, port = [], [], cloud_port
        for level in range(3):
            lines.append(Line(port))
            process, port = guts2d(f"http://127.0.0.1:{lines[-1].port}", path(f"root-chain-{turn}-{level}"))
            servers.append(process)
            until(lambda p=port: request(p, "GET", "/q")[0] == 200)
        row.add("ours", fetch_to_the_end(port, "/o;t=pkg;v=1001;c=00000001", name, size))
        alone = Line(cloud_port)
        row.add("one line", fetch_to_the_end(alone.port, None, name, size))
        for one in [*reversed(servers), cloud, *lines, alone]:
            one.stop()
        shutil.rmtree(repo)
    return [row]


# ---- Starting

def craft_cache(directory, types, versions, differences, archive_bytes=600):
    """What a server's cache looks like: headers, and differences from versions before; (type, version, cookie) of the newest."""
    newest = []
    for t in range(types):
        name = f"type-{t:04d}"
        for v in range(versions):
            version, cookie = 100_000 + v, f"{v:08x}"
            craft_header(directory, name, version, cookie)
            for d in range(differences):
                offer = craft_archive(directory, f"{t} {v} {d} ".encode() + bytes(archive_bytes))
                put(directory, f"o;t={name};v={version};c={cookie};pv={version - d - 1};pc={d:08x}", {"guts2ar2": offer})
        newest.append((name, 100_000 + versions - 1, f"{versions - 1:08x}"))
    craft_query(directory, newest)
    return newest


def start():
    root, repo = path("root-start"), path("start-repo")
    newest = craft_cache(os.path.join(root, "data/guts2/updates"), 10, 10, 20)
    craft_query(repo, newest)
    took = Row("start", "until ready, 10 types x 10 versions x 20 differences", "ms", "lower")
    held = Row("start memory", "the same, resident memory", "MiB", "lower")
    took.limit, held.limit = 100, 16
    process, _ = guts2d("file://" + repo, root)  # makes the index
    process.stop()
    for _ in range(2 * ROUNDS):
        before = time.monotonic()
        process, _ = guts2d("file://" + repo, root)
        took.add("ours", (time.monotonic() - before) * 1000)
        held.add("ours", memory(process.pid) / (1 << 20))
        process.stop()
    return [took, held]


ROWS = {"poll": poll, "object": object_, "small": small, "large": large, "idle": idle, "herd": herd, "chain": chain, "start": start}
