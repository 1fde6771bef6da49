# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud of the soak: what is published in good faith, and every way in which a cloud goes wrong."""
import json
import random
import struct
import threading
import time

from archives import VCDIFF, ZSTD, archive, entry, zstd
from harness import *


def digest(content):
    return hashlib.sha256(content).hexdigest()


def header(type_, version, cookie, files):
    return json.dumps({"cookie": cookie, "files": files, "title": type_, "type": type_, "version": version}).encode()


class Faulty(Cloud):
    """A cloud whose faults are switched on and off by their name. Each fault is a method fault_NAME(h, name): True if it answered."""

    def __init__(self, tree):
        self.faults = ()
        self.victim = None  # the one document of a fault that has one
        self.made = {}      # what was made up once
        super().__init__(tree)

    def set(self, names):
        """These faults from now on, and no others."""
        self.victim = None
        self.rate = 100_000 if "slow" in names else None
        if "away" in names and "away" not in self.faults:
            self.stop()
        if "away" in self.faults and "away" not in names:
            self.start()
        self.faults = tuple(names)
        self.drop()

    def answer(self, h):
        name = h.path.lstrip("/")
        for fault in self.faults:
            method = getattr(self, "fault_" + fault, None)
            if method and method(h, name):
                return
        if len(self.asked) > 10_000:
            self.forget()
        super().answer(h)

    def announce(self, h, updates):
        """What is true, and updates: [(type, version, cookie)]."""
        with open(os.path.join(self.tree, "q"), "rb") as f:
            document = json.load(f)
        document["updates"] += [{"type": t, "version": v, "cookie": c} for t, v, c in updates]
        self.send_content(h, json.dumps(document).encode())
        return True

    @staticmethod
    def content(h, content):
        """What a body would be, and its header fields; nothing for what is not there."""
        h.close_connection = True
        h.send_response(200)
        h.send_header("Content-Length", str(len(content)))
        h.end_headers()

    def stored(self, name):
        try:
            with open(os.path.join(self.tree, name), "rb") as f:
                return f.read()
        except OSError:
            return None

    # ---- It fails

    def fault_errors(self, h, _):
        self.send(h, 500, b"broken")
        return True

    def fault_resets(self, h, _):
        h.close_connection = True
        h.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        h.connection.close()
        return True

    def fault_wrong(self, h, name):
        content = self.stored(name)
        if not name.startswith("f/") or not content or random.random() < 0.3:
            return False
        self.content(h, content)
        h.wfile.write(random.randbytes(len(content)))
        return True

    def fault_truncated(self, h, name):
        content = self.stored(name)
        if not content or name == "q" or random.random() < 0.3:
            return False
        self.content(h, content)
        h.wfile.write(content[:len(content) // 2])
        return True

    def fault_later(self, h, name):
        """Retry-After: 99999 on one header, for good."""
        if name.startswith("h;t=db") and not self.victim:
            self.victim = name
        if name != self.victim:
            return False
        self.send(h, 503, b"", Retry_After="99999")
        return True

    # ---- It makes things up

    def fault_far(self, h, name):
        """The largest version there is, of a type that honest clients have."""
        return name == "q" and self.announce(h, [("db", 2**53 - 1, "deadbeef")])

    def fault_types(self, h, name):
        """A thousand other types at every poll."""
        return name == "q" and self.announce(h, [(f"t{random.getrandbits(40):x}", 1 + random.getrandbits(30), "deadbeef") for _ in range(1000)])

    def fault_huge(self, h, name):
        """A header of nearly 16 MiB, another one every two seconds."""
        now = int(time.time())
        if name == "q":
            return self.announce(h, [("huge", now - now % 2, "deadbeef")])
        if not name.startswith("h;t=huge"):
            return False
        if "huge" not in self.made:
            files = [{"filename": f"{i:05d}" + "n" * 120, "sha256": digest(b"%d" % i), "size": 1} for i in range(65_536)]
            self.made["huge"] = header("huge", 7777, "deadbeef", files)
        self.send_content(h, self.made["huge"].replace(b'"version": 7777', b'"version": ' + re.search(r"v=(\d+)", name)[1].encode()))
        return True

    def fault_nothing(self, h, name):
        """Every five seconds a version whose difference is VCDIFF windows of nothing, as many as there can be."""
        if "nothing" not in self.made:
            new, old = (text_like(200_000, "nothing", n) for n in (1, 0))
            windows = zstd(b"\xd6\xc3\xc4\0\0" + b"\0\5\0\0\0\0\0" * 2_000_000)
            files = [[{"filename": "f", "sha256": digest(c), "size": len(c)}] for c in (old, new)]
            full = [archive(entry(ZSTD, zstd(c))) for c in (old, new)]
            difference = [archive(entry(VCDIFF, windows, 1, [0]))] * 2
            self.made["nothing"] = files, full, difference
        files, full, difference = self.made["nothing"]
        number = int(time.time()) // 5
        if name == "q":
            return self.announce(h, [("nothing", number, "deadbeef")])
        match = re.match(r"([ho]);t=nothing;v=(\d+);c=deadbeef(;pv=)?", name)
        archives = {digest(c) + "_archive": c for c in full + difference}
        if match:
            which = int(match[2]) % 2
            offered = (difference if match[3] else full)[which]
            self.send_content(h, header("nothing", int(match[2]), "deadbeef", files[which]) if match[1] == "h" else
                              json.dumps({"guts2ar2": {"id": digest(offered) + "_archive", "size": len(offered)}}).encode())
        elif name[2:] in archives:
            self.send_content(h, archives[name[2:]])
        else:
            return False
        return True

    def fault_slowly(self, h, name):
        """Sixteen archives of two types that come with 200 bytes a second."""
        version = int(time.time()) // 60
        if name == "q":
            return self.announce(h, [("slow1", version, "deadbeef"), ("slow2", version, "deadbeef")])
        if re.match(r"[ho];t=slow", name):
            content = random.Random(name).randbytes(60_000)
            self.made[digest(content)] = content
            document = {"guts2ar2": {"id": digest(content) + "_archive", "size": len(content)}}
            self.send_content(h, header(name[4:9], version, "deadbeef", [{"filename": "f", "sha256": digest(b""), "size": 0}])
                              if name[0] == "h" else json.dumps(document).encode())
            return True
        if name[2:66] not in self.made:
            return False
        content = self.made[name[2:66]]
        self.content(h, content)
        for at in range(0, len(content), 100):
            if "slowly" not in self.faults:
                break
            h.wfile.write(content[at:at + 100])
            time.sleep(0.5)
        return True


class Publisher:
    """guts2-publish add at its times, and what it published: {type: {version: ({path: digest}, when)}}."""

    SCHEDULE = {"db": (10, 8), "engine": (35, 4), "package": (80, 2)}  # every so many seconds, differences

    def __init__(self, repository):
        self.path = repository
        self.published = {t: {} for t in self.SCHEDULE}
        self.trees = {"db": {f"part{i}": text_like(60_000, f"db {i}") for i in range(4)},
                      "engine": {"bin": text_like(1_500_000, "engine"), **{f"rules/{i}": text_like(3_000, f"rule {i}") for i in range(40)}},
                      "package": {"image": random.Random(1).randbytes(3_000_000), "text": text_like(500_000, "package"), "empty": b""}}
        self.count, self.failed, self.over = 0, [], False
        for type_ in ("db", "db", "db", *self.trees):
            self.add(type_)
        self.thread = threading.Thread(target=self.work, daemon=True)

    def change(self, type_):
        tree = self.trees[type_]
        self.count += 1
        name = random.Random(self.count).choice(sorted(n for n in tree if tree[n]))
        content = bytearray(tree[name])
        for _ in range(1 + len(content) // 30_000):
            at = random.randrange(len(content))
            content[at:at + 40] = b"%040d" % random.getrandbits(100)
        tree[name] = bytes(content)
        tree["number"] = b"%d" % self.count

    def add(self, type_):
        self.change(type_)
        version = max(int(time.time()), 1 + max(self.published[type_], default=0))
        expected = {name: digest(content) for name, content in self.trees[type_].items()}
        self.published[type_][version] = (expected, None)  # a client may be faster than the next line
        source = tempfile.mkdtemp(dir=path())
        done = run("guts2-publish", "add", self.path, "--type", type_, "--version", version, "--diffs", self.SCHEDULE[type_][1],
                   "--jobs", 1, write_tree(source, self.trees[type_]))
        shutil.rmtree(source)
        self.published[type_][version] = (expected, time.monotonic())
        if done.returncode != 0:
            self.failed.append(done.stderr)
            del self.published[type_][version]

    def work(self):
        due = {t: time.monotonic() + every for t, (every, _) in self.SCHEDULE.items()}
        while not self.over:
            for type_, (every, _) in self.SCHEDULE.items():
                if time.monotonic() >= due[type_]:
                    self.add(type_)
                    due[type_] += every
            time.sleep(0.1)

    def stop(self):
        self.over = True
        self.thread.join(60)

    def newest(self):
        """{type: version} of what is announced"""
        return {t: max(v for v, (_, when) in list(known.items()) if when) for t, known in self.published.items()}
