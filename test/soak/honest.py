# SPDX-License-Identifier: GPL-3.0-or-later
"""The honest of the soak: clients whose files are compared with what was published, two hundred more, and a prober."""
import json
import random
import subprocess
import threading
import time

from cloud import digest
from harness import *


class Client:
    """A directory that guts2-client keeps up to date all the time; killed: and is ended in the middle of it."""

    def __init__(self, name, publisher, url, killed=False):
        self.directory, self.publisher, self.url, self.killed = path(name), publisher, url, killed
        self.have = {t: 0 for t in publisher.published}
        self.wrong, self.results, self.lags, self.errors = [], {}, [], []  # lags: (type, version, published, seconds)
        self.compared, self.over = 0, False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def update(self):
        """One run of the client; its rows by type."""
        types = [x for t in self.have for x in ("--type", t)]
        process = subprocess.Popen([os.path.join(BIN, "guts2-client"), "--server", self.url, "--dir", self.directory, *types, "--json"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            output, _ = process.communicate(timeout=random.uniform(0.002, 0.15) if self.killed else 900)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
        if self.killed:
            return {}
        return {row["type"]: row for row in map(json.loads, output.splitlines())}

    def installed(self, type_):
        """The version that current leads to, when every byte of it is what was published; 0: there is none."""
        base = os.path.join(self.directory, type_)
        try:
            version = int(os.readlink(os.path.join(base, "current")).split("-")[0])
        except FileNotFoundError:
            return 0
        found = {n: digest(c) for n, c in read_tree(os.path.join(base, "current") + "/").items()}
        self.compared += 1
        if found != self.publisher.published[type_].get(version, ({},))[0]:
            self.wrong.append((self.directory, type_, version))
        return version

    def note(self, type_, version):
        now = time.monotonic()
        for v, (_, when) in list(self.publisher.published[type_].items()):
            if self.have[type_] < v <= version:
                self.lags.append((type_, v, when or now, max(0.0, now - (when or now))))
        self.have[type_] = max(version, self.have[type_])

    def work(self):
        while not self.over:
            rows = self.update()
            for type_ in self.have:
                row = rows.get(type_, {"result": "killed"})
                self.results[row["result"]] = self.results.get(row["result"], 0) + 1
                if row["result"] == "failed":
                    self.errors.append((time.monotonic(), type_, row.get("error")))
                if row["result"] in ("updated", "repaired", "current", "killed"):
                    version = self.installed(type_)
                    if row["result"] != "killed":
                        self.note(type_, version)
                        if row["to"] not in (None, version):
                            self.wrong.append((self.directory, type_, row, version))
            time.sleep(random.uniform(0.5, 1.5))

    def behind(self, newest):
        """For how many seconds there has been something newer than it has."""
        since = [when for t, known in self.publisher.published.items() for v, (_, when) in list(known.items())
                 if when and self.have[t] < v <= newest[t]]
        return time.monotonic() - min(since) if since else 0.0

    def stop(self):
        self.over = True
        self.thread.join(120)


class Load:
    """Two hundred clients of guts2-load, one run after the other. runs: (begin, end, report)"""

    CLIENTS = 200

    def __init__(self, url, repository, seconds):
        self.runs, self.over = [], False
        self.arguments = ("--server", url, "--clients", self.CLIENTS, "--type", "db", "--history", repository, "--versions",
                          "0:6,1-3:3,none:1", "--interval", 5, "--seconds", seconds, "--json")
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.over:
            began = time.monotonic()
            done = run("guts2-load", *self.arguments)
            try:
                self.runs.append((began, time.monotonic(), json.loads(done.stdout)))
            except ValueError:
                self.runs.append((began, time.monotonic(), None))
                time.sleep(0.2)

    def stop(self):
        self.over = True
        self.thread.join(120)


class Prober:
    """Asks for the announcement every 100 ms, in a process of its own. answers: [(began, ended, status)], status 0: none."""

    def __init__(self, port):
        self.answers, self.twice = [], 0
        self.process = Process([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "prober.py"), str(port)], False)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.process.stdout:
            began, ended, status, tries = line.split()
            self.twice += tries == b"2"
            self.answers.append((float(began), float(ended), int(status)))

    def between(self, begin, end, but):
        """Answers that ended in that time, none of them in a window of but."""
        return [a for a in self.answers if begin < a[1] <= end and not any(a[0] < w[1] and a[1] > w[0] for w in but)]
