# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmark's rows share: processes and their costs, crafted repositories, results."""
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scenario"))
from harness import BIN, TOP, Process, awaited, can_connect, free_port, path, request, until  # noqa: E402

OUT = os.path.join(TOP, "build/bench")
PAIR = sys.argv[1]
ROUNDS = 5
TICKS = os.sysconf("SC_CLK_TCK")


def machine():
    """What the figures were taken on: they hold for nothing else."""
    with open("/proc/cpuinfo", encoding="ascii") as f:
        facts = dict(re.findall(r"^(model name|cpu family|model|flags)\s*: (.*)$", f.read(), flags=re.M))
    wide = "with" if "avx512f" in facts.get("flags", "").split() else "without"
    return (f"{os.cpu_count()} processors, {facts.get('model name', '?')}, family {facts.get('cpu family', '?')}, model {facts.get('model', '?')}, "
            f"{wide} AVX-512; Linux {os.uname().release.split('-')[0]}")


# ---- Results

class Row:
    """One comparison: rounds of ours and of each peer, taken alternately in one run."""

    def __init__(self, name, what, unit, better="higher", goal=1.0):
        self.name, self.what, self.unit, self.better, self.goal = name, what, unit, better, goal
        self.ours, self.peers, self.limit, self.only, self.note = [], {}, None, None, ""

    def add(self, who, value):
        (self.ours if who == "ours" else self.peers.setdefault(who, [])).append(value)

    def result(self):
        ours = statistics.median(self.ours)
        peers = {who: statistics.median(values) for who, values in self.peers.items()}
        judged = {who: v for who, v in peers.items() if self.only in (None, who)}
        best = (max if self.better == "higher" else min)(judged, key=judged.get) if judged else None
        ratio = ours / judged[best] if best and judged[best] else None
        measured = ratio if self.limit is None else ours
        goal = self.goal if self.limit is None else self.limit
        met = None if measured is None or goal is None else measured >= goal if self.better == "higher" else measured <= goal
        spread = (max(self.ours) - min(self.ours)) / ours if ours else 0
        return {"name": self.name, "what": self.what, "unit": self.unit, "better": self.better, "ours": ours, "peers": peers, "best_peer": best,
                "ratio": ratio, "spread": spread, "rounds": len(self.ours), "goal": goal, "goal_is": "ratio" if self.limit is None else self.unit,
                "met": met, "note": self.note, "all": {"ours": self.ours, **self.peers}}


def number(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}" if digits or abs(value) >= 10 else f"{value:.3g}"


# ---- Processes

def pinned(processor, *arguments):
    return ["taskset", "-c", str(processor), *arguments]


def guts2d(upstream, root, prefix=(), **options):
    """A server as an administrator starts it, but for the port; (process, port)."""
    values = {"root": root, "guts2ServerUrl": upstream, "hostModuleAddress": "127.0.0.1", "hostModulePort": 0,
              "maxConnectionsPerAddress": 20000, **options}
    process = Process([*prefix, os.path.join(BIN, "guts2d"), *[f"-D{k}={v}" for k, v in values.items()]], True)
    return process, int(re.search(r":(\d+)/guts2", process.line)[1])


def nginx(prefix, body, name="nginx", log=True, connections=12000):
    """One worker, told what makes it fast; body is what stands in its server block. (process, port)."""
    port, base = free_port(), path(name)
    os.makedirs(base, exist_ok=True)
    with open(os.path.join(base, "nginx.conf"), "w", encoding="utf-8") as f:
        f.write(f"""
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;
pid {base}/pid; error_log {base}/error.log;
events {{ worker_connections {connections}; }}
http {{
  access_log {f"{base}/access.log combined buffer=64k flush=1s" if log else "off"};
  default_type application/octet-stream; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 600s;
  open_file_cache max=1000; client_body_temp_path {base}/b; proxy_temp_path {base}/p; fastcgi_temp_path {base}/f;
  uwsgi_temp_path {base}/u; scgi_temp_path {base}/s;
  proxy_cache_path {base}/cache keys_zone=k:10m max_size=2g use_temp_path=off;
  server {{ listen 127.0.0.1:{port} backlog=4096; {body} }}
}}
""")
    process = Process([*prefix, shutil.which("nginx") or "/usr/sbin/nginx", "-c", f"{base}/nginx.conf", "-p", base], False)
    until(lambda: can_connect(port))
    return process, port


def tree(pid):
    """A process and those below it."""
    found = [pid]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8") as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == pid:
                found += tree(int(entry))
    return found


def cpu_seconds(pid):
    total = 0
    for one in tree(pid):
        with open(f"/proc/{one}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory(pid, field="VmRSS"):
    """In bytes, of the process and those below it."""
    total = 0
    for one in tree(pid):
        with open(f"/proc/{one}/status", encoding="utf-8") as f:
            total += int(re.search(rf"{field}:\s+(\d+) kB", f.read())[1]) * 1024
    return total


WRK_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def wrk(port, target, connections=64, seconds=3, prefix=(), script=None):
    """(requests, bytes, seconds, wrong answers)."""
    more = ["-s", script] if script else []
    done = subprocess.run([*prefix, "wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-H", "Accept: application/x-guts2ar2", *more,
                           f"http://127.0.0.1:{port}{target}"], stdout=subprocess.PIPE, text=True, check=True)
    count, took, amount, unit = re.search(r"(\d+) requests in ([\d.]+)s, ([\d.]+)(\w+) read", done.stdout).groups()
    wrong = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", done.stdout)))
    return int(count), float(amount) * WRK_UNITS[unit], float(took), wrong


def obtain(port, name, seconds=60, **headers):
    """Ask until it is no 503; the body."""
    answer = []

    def ready():
        answer[:] = request(port, "GET", name, None, headers)
        return answer[0] != 503
    awaited(ready, seconds)
    assert answer[0] == 200, (name, answer[0], answer[2][:200])
    return answer[2]


def timed(*arguments):
    """Run to the end; seconds."""
    before = time.monotonic()
    subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - before


def peak_kb(*arguments):
    """Run to the end; peak resident memory. By a small program: a child of this one would begin with this one's."""
    file = path("peak")
    subprocess.run(["/usr/bin/time", "-f", "%M", "-o", file, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with open(file, encoding="utf-8") as f:
        return int(f.read())


# ---- Repositories that no publisher needs to make: what is measured reads no archive

def put(directory, name, content):
    full = os.path.join(directory, name)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "wb") as f:
        f.write(content if isinstance(content, bytes) else json.dumps(content).encode())


def craft_archive(directory, content):
    """(id, size) of some bytes that are stored as an archive."""
    identifier = hashlib.sha256(content).hexdigest() + "_archive"
    put(directory, f"f/{identifier}", content)
    return {"id": identifier, "size": len(content)}


def craft_number(value):
    """As guts2(7) has them."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + craft_number(value >> 7)


def craft_full(directory, stream):
    """craft_archive of one file, whose stream by ZSTD this is."""
    return craft_archive(directory, b"GUTS2AR2\1\1\0" + craft_number(len(stream)) + stream)


def craft_header(directory, type_, version, cookie, files=()):
    put(directory, f"h;t={type_};v={version};c={cookie}",
        {"cookie": cookie, "files": list(files), "title": type_, "type": type_, "version": version})


def craft_query(directory, updates):
    put(directory, "q", {"updates": [{"cookie": c, "type": t, "version": v} for t, v, c in updates]})


def one_archive(directory, size):
    """A repository of one type with one version, whose full archive has so many bytes; its name below /f/. Its stream is random:
    who passes it on looks at its entries, and does not decode them."""
    os.makedirs(directory, exist_ok=True)
    name = hashlib.sha256(b"a").hexdigest()
    stream = os.urandom(size - 11 - len(craft_number(size)))
    offer = craft_full(directory, stream)
    craft_header(directory, "pkg", 1001, "00000001", [{"filename": "a", "sha256": name, "size": len(stream)}])
    put(directory, "o;t=pkg;v=1001;c=00000001", {"guts2ar2": offer})
    craft_query(directory, [("pkg", 1001, "00000001")])
    return offer["id"]
