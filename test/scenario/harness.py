# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios share: the real binaries, a scripted cloud, raw sockets, claims.

A scenario is a program. It states claims with claim(), each printed as a line
"ok" or "not ok", and ends through finish(). Ports are the kernel's choice,
processes are ended by their own id, and nothing sleeps for luck: until() waits
for a condition and fails at its limit.
"""
import atexit
import hashlib
import http.server
import inspect
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VARIANT = os.environ.get("VARIANT", "release")
BIN = os.path.join(TOP, "build" if VARIANT == "release" else f"build/{VARIANT}/bin")
SLOW = 10 if VARIANT in ("asan", "tsan", "cov") else 1  # how much longer a limit is
PATIENCE_S = 60  # for what must come: no measure of speed, on a machine that others keep busy

_work = tempfile.mkdtemp(prefix="guts2-test-")
_failed = 0
_passed = 0
_running = []
_printing = threading.Lock()


def path(*parts):
    """A path in the scenario's own directory."""
    return os.path.join(_work, *parts)


def claim(text, condition, detail=""):
    """One thing that must be true."""
    global _failed, _passed
    line = ("ok" if condition else "not ok") + " - " + text + (f"  [{detail}]" if detail != "" and not condition else "") + "\n"
    with _printing:  # cells of a matrix run at the same time
        if condition:
            _passed += 1
        else:
            _failed += 1
        sys.stdout.write(line)
        sys.stdout.flush()
    return bool(condition)


@atexit.register
def _end_processes():
    """Whatever way a scenario ends, its processes end with it."""
    for one in _running:
        one.process.kill()


def note(text):
    print("# " + text, flush=True)


def awaited(condition, seconds):
    """Wait for condition() to be true; its value, or what was no value at the limit."""
    deadline = time.monotonic() + seconds * SLOW
    while not (value := condition()) and time.monotonic() <= deadline:
        time.sleep(0.01)
    return value


def until(condition, what=None):
    """Wait for what must come; its value. At the limit it is a claim that does not hold."""
    value = awaited(condition, PATIENCE_S)
    if not value:
        caller = next(f for f in inspect.stack() if f.filename != __file__)
        claim(what or f"what line {caller.lineno} waits for comes", False, f"not within {PATIENCE_S * SLOW} s")
    return value


def finish():
    """End what still runs, and the scenario."""
    for one in list(_running):
        one.stop()
    if _failed == 0:
        shutil.rmtree(_work, ignore_errors=True)
    else:
        note(f"kept for a look: {_work}")
    sys.exit(1 if _failed or not _passed else 0)


def free_of_reports(text):
    """Whether a sanitizer has nothing to say."""
    return "Sanitizer" not in text and "runtime error" not in text


def run(program, *arguments, timeout=600, **more):
    """Run one of our programs to its end."""
    done = subprocess.run([os.path.join(BIN, program), *map(str, arguments)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True, timeout=timeout, **more)
    if not free_of_reports(done.stderr):
        claim(f"{program} runs without a sanitizer's report", False, done.stderr[:3000])
    return done


# ---- Content

def make_socket(at):
    """A socket that nobody listens to; bound elsewhere, since a socket's path is short."""
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path("socket"))
    os.rename(path("socket"), at)


def write_tree(directory, files):
    """{path: bytes} below directory."""
    for name, content in files.items():
        full = os.path.join(directory, name)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(content)
    return directory


def read_tree(directory):
    found = {}
    for base, _, names in os.walk(directory):
        for name in names:
            full = os.path.join(base, name)
            with open(full, "rb") as f:
                found[os.path.relpath(full, directory)] = f.read()
    return found


def text_like(size, seed, changes=0):
    """Bytes that compress and change like a definition database does."""
    import random
    source = random.Random(seed)
    words = [bytes(source.choices(b"abcdefghijklmnopqrstuvwxyz0123456789", k=12)) for _ in range(4000)]
    lines = []
    length = 0
    while length < size:
        line = b" ".join(source.choices(words, k=6)) + b"\n"
        lines.append(line)
        length += len(line)
    change = random.Random(f"{seed} {changes}")
    for _ in range(changes):
        lines[change.randrange(len(lines))] = bytes(change.choices(b"0123456789abcdef", k=60)) + b"\n"
    return b"".join(lines)


class Repository:
    """A published tree on disk."""

    def __init__(self, name="repo"):
        self.path = path(name)
        self.keys = ()  # that sign what is published
        done = run("guts2-publish", "init", self.path)
        assert done.returncode == 0, done.stderr

    def sign(self, *types, keys=None):
        """Signed from now on, by keys in a new directory; that directory."""
        keys = path(keys or os.path.basename(self.path) + "-keys")
        self.must("guts2-sign", "init", self.path, keys, "--no-passphrase", *(x for t in types for x in ("--type", t)))
        self.keys = (f"{keys}/types", f"{keys}/online")
        self.must("guts2-publish", "sign", self.path, *(x for key in self.keys for x in ("--key", key)))
        return keys

    @staticmethod
    def must(*arguments):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
        return done

    def add(self, type_, files, version=None, diffs=40, title=None, keys=(), more=()):
        """Publish files ({path: bytes} or a directory), signed by keys; (version, cookie)."""
        directory = files
        if isinstance(files, dict):
            directory = write_tree(tempfile.mkdtemp(dir=_work), files)
        more = [*more, *(x for key in keys or self.keys for x in ("--key", key))]
        if version:
            more += ["--version", version]
        if title:
            more += ["--title", title]
        done = run("guts2-publish", "add", self.path, "--type", type_, "--diffs", diffs, *more, directory)
        assert done.returncode == 0, done.stderr
        _, version, cookie = done.stdout.split()
        return int(version), cookie

    def read(self, name):
        with open(os.path.join(self.path, name), "rb") as f:
            return f.read()

    def offer(self, type_, new, old=None):
        """The parsed o document between two (version, cookie)."""
        return json.loads(self.read(offer_name(type_, new, old)))


def header_name(type_, new):
    return f"h;t={type_};v={new[0]};c={new[1]}"


def offer_name(type_, new, old=None):
    return f"o;t={type_};v={new[0]};c={new[1]}" + (f";pv={old[0]};pc={old[1]}" if old else "")


# ---- Processes

class Process:
    """A program that runs until it is stopped."""

    def __init__(self, arguments, ready, **more):
        self.errors = tempfile.TemporaryFile(dir=_work)
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.errors, **more)
        _running.append(self)
        self.line = ""
        if ready:
            self.line = self.process.stdout.readline().decode()

    @property
    def pid(self):
        return self.process.pid

    def error_text(self):
        """What it said on standard error; its own position in that file stays, where it writes on."""
        return os.pread(self.errors.fileno(), 1 << 24, 0).decode(errors="replace")

    def kill(self):
        """As a power cut would."""
        self.process.kill()
        self.process.wait()
        _running.remove(self)

    def stop(self, number=signal.SIGTERM):
        """End it, and look whether it ended well."""
        if self in _running:
            _running.remove(self)
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(timeout=30 * SLOW)
        except subprocess.TimeoutExpired:
            claim("a process ends when it is told to", False, self.error_text()[-2000:])
            self.process.kill()
            code = self.process.wait()
        text = self.error_text()
        if not free_of_reports(text):
            claim("a process runs without a sanitizer's report", False, text[:4000])
        return code


class Server(Process):
    """guts2d on loopback; prefix: a command that it is started by."""

    def __init__(self, upstream, root="root", prefix=(), environment=None, **options):
        self.root = path(root)
        values = {"root": self.root, "guts2ServerUrl": upstream, "hostModuleAddress": "127.0.0.1",
                  "hostModulePort": 0, "updatePollingInterval": "200ms", "retryAfterMin": "1s", "drainTime": "5s", **options}
        super().__init__([*prefix, os.path.join(BIN, "guts2d"), *[f"-D{k}={v}" for k, v in values.items()]], True, env=environment)
        match = re.match(r"guts2d ready: (http://(.*):(\d+)/guts2)\n", self.line)
        if not match:
            claim("guts2d gets ready", False, self.line + self.error_text())
            finish()
        self.url = match.group(1)
        self.port = int(match.group(3))

    def get(self, name, method="GET", body=None, **headers):
        return request(self.port, method, "/guts2/" + name, body,
                       {k.replace("_", "-"): v for k, v in headers.items()})

    def log(self, which):
        """The parsed lines of serve or download."""
        file = os.path.join(self.root, "logs", f"fspms-{which}-updates.log")
        with open(file, encoding="utf-8") as f:
            return [dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line)) for line in f if line.endswith("\n")]

    def logged(self, which, condition):
        """The first line of a log that meets the condition; lines are written with a delay."""
        return until(lambda: next((r for r in self.log(which) if condition(r)), None))

    def cache(self, *parts):
        return os.path.join(self.root, "data/guts2/updates", *parts)

    def metadata(self):
        """Its announcement as {type: (version, cookie)}."""
        status, _, body = self.get("q")
        return {u["type"]: (u["version"], u["cookie"]) for u in json.loads(body)["updates"]} if status == 200 else {}

    def obtain(self, name, seconds=PATIENCE_S, **headers):
        """Ask until it is no 503 any more; the last answer."""
        answer = []

        def ready():
            answer[:] = self.get(name, **headers)
            return answer[0] != 503
        awaited(ready, seconds)
        return answer


def client(server, directory, *types, arguments=("--once",), timeout=300, **more):
    """Run guts2-client; (exit code, its objects by type)."""
    flags = [x for t in types for x in ("--type", t)]
    done = run("guts2-client", "--server", server, "--dir", path(directory), *flags, "--json",
               *arguments, timeout=timeout, **more)
    rows = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        rows[row["type"]] = row
    return done.returncode, rows


def nginx(root, name="nginx", caches=None):
    """A plain static web server over a tree; (process, url, path of its access log). caches: a cache, with nginx's
    default rules, in front of the server on this port; X-Cache says what it did."""
    port = free_port()
    base = path(name)
    what = f"root {root};"
    if caches:
        what = f"location / {{ proxy_pass http://127.0.0.1:{caches}; proxy_cache z; add_header X-Cache $upstream_cache_status; }}"
    os.makedirs(base, exist_ok=True)
    with open(os.path.join(base, "nginx.conf"), "w", encoding="utf-8") as f:
        f.write(f"""
daemon off; master_process off; worker_processes 1;
pid {base}/pid; error_log {base}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log {base}/access.log; default_type application/octet-stream; sendfile on;
  client_body_temp_path {base}/b; proxy_temp_path {base}/p; fastcgi_temp_path {base}/f;
  uwsgi_temp_path {base}/u; scgi_temp_path {base}/s; proxy_cache_path {base}/cache keys_zone=z:1m;
  server {{ listen 127.0.0.1:{port}; {what} }}
}}
""")
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    process = Process([binary, "-c", os.path.join(base, "nginx.conf"), "-p", base], False)
    until(lambda: can_connect(port), what="nginx starts")
    return process, f"http://127.0.0.1:{port}", os.path.join(base, "access.log")


class Authority:
    """A certificate authority, and the certificates it makes."""

    def __init__(self, name="authority"):
        self.key, self.file = path(name + ".key"), path(name + ".pem")
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.file,
                  "-subj", f"/CN={name}", "-days", "30")

    @staticmethod
    def _run(*arguments):
        subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def issue(self, name, subject="IP:127.0.0.1", days=10):
        """(certificate, key)"""
        key, request_, cert, extra = (path(f"{name}.{x}") for x in ("key", "csr", "crt", "ext"))
        with open(extra, "w", encoding="utf-8") as f:
            f.write(f"subjectAltName={subject}\n")
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request_, "-subj", "/CN=cloud")
        self._run("x509", "-req", "-in", request_, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial",
                  "-out", cert, "-days", str(days), "-extfile", extra)
        return cert, key


def squid(name="squid", auth=None, users=None, caches=False):
    """The real proxy; (process, port, path of its access log). auth: "basic" or "digest", users: {user: password};
    caches: what its default rules let it keep is kept, in memory"""
    port = free_port()
    base = path(name)
    os.makedirs(base, exist_ok=True)
    lines = [f"http_port 127.0.0.1:{port}", f"pid_filename {base}/pid", f"access_log stdio:{base}/access.log",
             f"cache_log {base}/cache.log", "cache_mem 8 MB" if caches else "cache deny all", "shutdown_lifetime 1 second", f"coredump_dir {base}",
             "dns_nameservers 127.0.0.1", "forwarded_for off", "workers 1"]
    if os.getuid() == 0:
        os.chmod(_work, 0o755)
        shutil.chown(base, "proxy", "proxy")
        lines.append("cache_effective_user proxy")
    if auth:
        with open(os.path.join(base, "users"), "w", encoding="utf-8") as f:
            for user, password in users.items():
                if auth == "basic":
                    hashed = subprocess.run(["openssl", "passwd", "-apr1", password], check=True, capture_output=True,
                                            text=True).stdout.strip()
                else:
                    hashed = "realm:" + hashlib.md5(f"{user}:realm:{password}".encode()).hexdigest()
                f.write(f"{user}:{hashed}\n")
        helper = "basic_ncsa_auth" if auth == "basic" else "digest_file_auth -c"
        lines += [f"auth_param {auth} program /usr/lib/squid/{helper} {base}/users", f"auth_param {auth} realm realm",
                  f"auth_param {auth} children 2", "acl known proxy_auth REQUIRED", "http_access allow known", "http_access deny all"]
    else:
        lines += ["http_access allow all"]
    with open(os.path.join(base, "conf"), "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    process = Process([shutil.which("squid") or "/usr/sbin/squid", "-N", "-f", os.path.join(base, "conf")], False)
    until(lambda: can_connect(port), what="squid starts")
    return process, port, os.path.join(base, "access.log")


def tinyproxy(name="tinyproxy", user=None, password=None):
    """(process, port, path of its log)"""
    port = free_port()
    base = path(name)
    os.makedirs(base, exist_ok=True)
    with open(os.path.join(base, "conf"), "w", encoding="utf-8") as f:
        f.write(f'Port {port}\nListen 127.0.0.1\nTimeout 60\nLogFile "{base}/log"\nLogLevel Connect\nMaxClients 50\n'
                + (f"BasicAuth {user} {password}\n" if user else ""))
    process = Process([shutil.which("tinyproxy") or "/usr/bin/tinyproxy", "-d", "-c", os.path.join(base, "conf")], False)
    until(lambda: can_connect(port), what="tinyproxy starts")
    return process, port, os.path.join(base, "log")


def write_root(root, name, text, mode=0o644):
    """A file below a server's root, as an administrator writes it."""
    file = os.path.join(path(root), name)
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(file + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(file + ".new", mode)
    os.rename(file + ".new", file)
    return file


_reserved = []


def free_port():
    """A port for programs that cannot ask the kernel themselves, or that come back to it; refused until one listens.

    A socket that is bound and never listens keeps it from whoever asks the kernel for any port, and from nobody
    who asks for this one and lets others have it too (SO_REUSEADDR), as servers do.
    """
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    _reserved.append(s)
    return s.getsockname()[1]


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


# ---- HTTP

def connections(port):
    """Those of a server on loopback, as the kernel lists them: rows of /proc/net/tcp."""
    with open("/proc/net/tcp", encoding="ascii") as f:
        rows = [line.split() for line in list(f)[1:]]
    return [row for row in rows if row[1] == f"0100007F:{port:04X}"]


def raw(port, data, timeout=15, half_close=False):
    """Send bytes, and read until the other side closes or says nothing for long."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout * SLOW) as s:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while True:
                got = s.recv(65536)
                if not got:
                    return answer, True
                answer += got
        except (TimeoutError, socket.timeout):
            return answer, False
        except ConnectionResetError:
            return answer, True


def split(answer):
    """(status, {lower-case field: value}, body) of raw bytes."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    try:
        status = int(lines[0].split()[1])
    except (IndexError, ValueError):
        status = 0
    return status, fields, body


def request(port, method, target, body=None, headers=None, timeout=60, source=None):
    """One request on a connection of its own, from the address source."""
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout * SLOW,
                                            source_address=(source, 0) if source else None)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


class Cloud:
    """A scripted upstream over a published tree. It counts what it is asked for.

    rule(name, handler): handler(cloud) for requests whose path contains name; it
    may answer through the methods of the handler, or return False to have the file sent.
    """

    def __init__(self, tree, tls=None):
        self.tree = tree
        self.tls = tls    # (certificate, key): https
        self.accepted = 0 # connections
        self.asked = []   # (method, name, {field: value})
        self.rules = []
        self.rate = None  # bytes a second
        self.gate = None  # an Event that archives wait for
        self.lock = threading.Lock()
        self.connections = set()
        cloud = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def setup(self):
                super().setup()
                with cloud.lock:
                    cloud.connections.add(self.connection)
                    # Its handshake began before others were dropped, for another certificate.
                    if getattr(self.connection, "pair", cloud.tls) is not cloud.tls:
                        self.connection.shutdown(socket.SHUT_RDWR)

            def finish(self):
                with cloud.lock:
                    cloud.connections.discard(self.connection)
                super().finish()

            def do_GET(self):
                cloud.answer(self)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                cloud.answer(self)

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512
            allow_reuse_address = True

            def handle_error(self, *_):
                pass

            def get_request(self):
                pair = super().get_request()
                cloud.accepted += 1
                return pair

            def finish_request(self, connection, address):
                pair = cloud.tls
                if pair:
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(*pair)
                    connection = context.wrap_socket(connection, server_side=True)
                    connection.pair = pair
                super().finish_request(connection, address)

        self.handler = Handler
        self.threads = Threads
        self.port = free_port()
        self.start()

    def start(self):
        self.server = self.threads(("127.0.0.1", self.port), self.handler)
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        """Gone, with every connection; start() brings it back on the same port."""
        self.server.shutdown()
        self.server.server_close()
        self.drop()

    def drop(self):
        """Every connection ends."""
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def count(self, part, method=None):
        with self.lock:
            return sum(1 for m, name, _ in self.asked if part in name and method in (None, m))

    def fields(self, part):
        """The header fields of each request whose name contains part."""
        with self.lock:
            return [fields for _, name, fields in self.asked if part in name]

    def forget(self):
        with self.lock:
            self.asked = []

    def rule(self, part, handler):
        self.rules = [(part, handler)] if handler else []

    def answer(self, h):
        name = h.path.lstrip("/")
        with self.lock:
            self.asked.append((h.command, name, {k.lower(): v for k, v in h.headers.items()}))
        for part, handler in self.rules:
            if part in name and handler(h) is not False:
                return
        if h.command != "GET":
            self.send(h, 405, b"")
            return
        try:
            with open(os.path.join(self.tree, name), "rb") as f:
                content = f.read()
        except OSError:
            self.send(h, 404, b"")
            return
        if name.startswith("f/") and self.gate:
            self.gate.wait(60 * SLOW)
        self.send_content(h, content)

    def send(self, h, status, content, **fields):
        h.send_response(status)
        for key, value in fields.items():
            h.send_header(key.replace("_", "-"), value)
        h.send_header("Content-Length", str(len(content)))
        h.end_headers()
        h.wfile.write(content)

    def send_content(self, h, content, ranges=True):
        etag = '"' + hashlib.md5(content).hexdigest() + '"'
        if h.headers.get("If-None-Match") == etag:
            h.send_response(304)
            h.end_headers()
            return
        match = re.match(r"bytes=(\d+)-$", h.headers.get("Range", ""))
        if match and ranges:
            first = int(match.group(1))
            if first >= len(content):
                self.send(h, 416, b"")
                return
            h.send_response(206)
            h.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            content = content[first:]
        else:
            h.send_response(200)
        h.send_header("ETag", etag)
        h.send_header("Content-Length", str(len(content)))
        h.end_headers()
        self.trickle(h, content)

    def trickle(self, h, content):
        if not self.rate:
            h.wfile.write(content)
            return
        piece = max(1, self.rate // 50)
        for at in range(0, len(content), piece):
            h.wfile.write(content[at:at + piece])
            h.wfile.flush()
            time.sleep(0.02)
