# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about what is signed: trust. Its price is told beside the same without signatures, or beside tuf-js."""
import http.server
import threading

from common import *
from harness import run

SERVER, CLIENT = pinned(0), pinned(1)


def must(*arguments):
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return done


def repository(name, types, versions):
    """Published, and then signed; (path, keys, the arguments that sign)."""
    repo, keys, files = path(name), path(name + "-keys"), path(name + "-files")
    must("guts2-publish", "init", repo)
    for version in range(versions):
        put(files, "f", b"%d" % version)
        for number in range(types):
            must("guts2-publish", "add", repo, "--type", f"type-{number:04}", "--version", 1001 + version, "--diffs", 0, files)
    must("guts2-sign", "init", repo, keys, "--no-passphrase")
    by = [x for k in ("types", "online") for x in ("--key", f"{keys}/{k}")]
    must("guts2-publish", "sign", repo, *by)
    return repo, keys, by


def pin(root, keys):
    os.makedirs(os.path.join(root, "config"), exist_ok=True)
    shutil.copy(f"{keys}/root.json", os.path.join(root, "config/root.json"))


def poll(repo, keys):
    """The same server with and without a root."""
    rate = Row("trust poll", "/q of a server with a root, and of one without; requests/s", "1/s", goal=0.97)
    pin(path("poll-signed"), keys)
    sides = {"ours": guts2d("file://" + repo, path("poll-signed"), SERVER), "without a root": guts2d("file://" + repo, path("poll-plain"), SERVER)}
    for _, port in sides.values():
        obtain(port, "/q")
    for _ in range(ROUNDS):
        for who, (_, port) in sides.items():
            count, _, took, _ = wrk(port, "/q", prefix=CLIENT)
            rate.add(who, count / took)
    for process, _ in sides.values():
        process.stop()
    return rate


class Counter(http.server.ThreadingHTTPServer):
    """A static host that counts the bytes below tuf/."""
    daemon_threads = True

    def __init__(self, repo):
        counter = self
        self.bytes = self.requests = 0

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=repo)

            def log_message(self, *_):
                pass

            def copyfile(self, source, outputfile):
                content = source.read()
                counter.bytes += len(content) * ("tuf/" in self.path)
                outputfile.write(content)

            def do_GET(self):
                counter.requests += "tuf/" in self.path
                super().do_GET()

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


def costs(repo, keys, by):
    """What a client of ten types, with 40 versions each, loads for what is signed."""
    host = Counter(repo)
    flags = ["--server", host.url, "--dir", path("bytes-client"), "--trust-root", f"{keys}/root.json"]
    for number in range(10):
        flags += ["--type", f"type-{number:04}"]
    must("guts2-client", *flags)
    first = Row("trust first", "below tuf/, of a new client of 10 types with 40 versions each, kB", "kB", "lower")
    first.add("ours", host.bytes / 1000)
    day = Row("trust day", "the same of a day on which nothing is new: every two days a timestamp, the snapshot, a root that is not there; kB", "kB", "lower")
    update = Row("trust update", "the same of a version of one type, kB", "kB", "lower")
    stamped = path("bytes-client/.trust/timestamp.json")
    host.bytes = 0
    must("guts2-sign", "refresh", repo, "--key", by[3])
    past = time.time() - 10 * 86400
    os.utime(stamped, (past, past))
    must("guts2-client", *flags)
    day.add("ours", host.bytes / 1000 / 2)
    host.bytes = 0
    must("guts2-publish", "add", repo, "--type", "type-0000", "--version", 5000, "--diffs", 0, path("forty-files"), *by)
    must("guts2-client", *flags)
    update.add("ours", host.bytes / 1000)
    host.shutdown()
    return [first, day, update]


def verify(name, repo, types, limit=None):
    """All of a tree, as a client sees it: beside tuf-js, which looks up one target of each type."""
    row = Row(f"trust verify {name}", f"guts2-sign verify of {name}; tuf-js: the roles alone", "ms", "lower")
    if limit:
        row.limit = limit
    modules = os.path.join(TOP, "build/data/tuf-js")
    has_peer = subprocess.run([os.path.join(TOP, "test/data/obtain-tuf-js")], check=False).returncode == 0
    host = Counter(repo)
    for _ in range(3):
        before = time.monotonic()
        must("guts2-sign", "verify", repo)
        row.add("ours", (time.monotonic() - before) * 1000)
        if not has_peer:
            continue
        home = path(f"js-{name}")
        shutil.rmtree(home, ignore_errors=True)
        os.mkdir(home)
        shutil.copy(os.path.join(repo, "tuf/1.root.json"), f"{home}/root.json")
        done = subprocess.run(["node", os.path.join(TOP, "test/bench/verify.js"), modules, home, host.url + "/tuf", str(types)], capture_output=True, text=True, check=True)
        row.add("tuf-js", float(done.stdout))
    host.shutdown()
    return row


def start(repo, keys):
    """Of a server that has the roles of all types."""
    row = Row("trust start", "until ready, with the roles of 2,000 types; without a root", "ms", "lower")
    row.limit = 200
    pin(path("start-signed"), keys)
    process, port = guts2d("file://" + repo, path("start-signed"), SERVER, updatePollingInterval="1s")
    obtain(port, "/q")
    for name in os.listdir(os.path.join(repo, "tuf")):
        if ".t-type-" in name:
            obtain(port, f"/tuf/{name}")
    process.stop()
    for _ in range(ROUNDS):
        for who, root in (("ours", "start-signed"), ("without a root", "start-plain")):
            before = time.monotonic()
            process, _ = guts2d("file://" + repo, path(root), SERVER)
            row.add(who, (time.monotonic() - before) * 1000)
            process.stop()
    return row


def trust():
    forty, keys, by = repository("signed-10-40", 10, 40)
    rows = [verify("10 types x 40 versions", forty, 10, 2000), *costs(forty, keys, by)]
    fifty, keys, _ = repository("signed-50", 50, 1)
    rows += [verify("50 types", fifty, 50), poll(fifty, keys)]
    many, keys, _ = repository("signed-2000", 2000, 1)
    return [*rows, verify("2,000 types", many, 2000), start(many, keys)]


ROWS = {"trust": trust}
