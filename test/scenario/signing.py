# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed repositories, and those who forge them: documents signed by openssl, by no code but this."""
import calendar
import copy
import glob
import hashlib
import subprocess
import time

from harness import *

PRELOADS = VARIANT in ("release", "cov")  # another day is made by a library that is loaded first, as sanitizers want to be
FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


def on(days):
    """The environment of a program of ours on another day."""
    return {**os.environ, "LD_PRELOAD": FAKETIME, "FAKETIME": f"{24 * days:+.0f}h"}


def at(days, *command):
    return subprocess.run([os.path.join(BIN, command[0]), *map(str, command[1:])], capture_output=True, text=True, timeout=120 * SLOW, check=False, env=on(days))


def digest(content):
    return hashlib.sha256(content).hexdigest()


def canonical(value):
    """For the texts of these tests, in which nothing has to be escaped but quotes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).replace("\\n", "\n").encode()


def sign(signed, *keys, ids=None):
    """The bytes of a document, with a signature of each key (a file of guts2-sign); ids: under these names."""
    signatures = []
    for number, key in enumerate(keys):
        with tempfile.NamedTemporaryFile() as f:
            f.write(canonical(signed))
            f.flush()
            made = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", f.name], check=True, capture_output=True).stdout
        signatures.append({"keyid": ids[number] if ids else key_id(key), "sig": made.hex()})
    return json.dumps({"signatures": signatures, "signed": signed}).encode()


def public(key):
    with open(key + ".pub", "rb") as f:
        return json.loads(f.read())


def new_key(keys, name):
    Repository.must("guts2-sign", "key", "new", f"{keys}/{name}", "--no-passphrase")
    return f"{keys}/{name}"


def key_id(key):
    return digest(canonical(public(key)))


def when(days):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86400))


def seconds(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def files(tree):
    """{name: bytes} of all that is below a directory."""
    found = {}
    for base, _, names in os.walk(tree):
        for name in names:
            full = os.path.join(base, name)
            with open(full, "rb") as f:
                found[os.path.relpath(full, tree)] = f.read()
    return found


def signed(tree, name):
    """What a document of {name: bytes} says."""
    return copy.deepcopy(json.loads(tree[name])["signed"])


def newest(tree, role):
    """The name of the newest document of a role."""
    return max((n for n in tree if re.fullmatch(rf"tuf/\d+\.{re.escape(role)}\.json", n)), key=lambda n: int(n[4:].split(".")[0]))


def meta(content, version):
    return {"hashes": {"sha256": digest(content)}, "length": len(content), "version": version}


def relist(tree, role, content, online, version=None):
    """Snapshot and timestamp, signed by online, that list this as the role's next document."""
    tree = dict(tree)
    number = version or int(newest(tree, role)[4:].split(".")[0]) + 1
    tree[f"tuf/{number}.{role}.json"] = content
    snapshot = signed(tree, newest(tree, "snapshot"))
    snapshot["version"] += 1
    snapshot["meta"][role + ".json"] = meta(content, number)
    return stamp(tree, snapshot, online)


def stamp(tree, snapshot, online):
    """This snapshot, and a timestamp that lists it."""
    tree = dict(tree)
    content = sign(snapshot, online)
    tree[f"tuf/{snapshot['version']}.snapshot.json"] = content
    timestamp = signed(tree, "tuf/timestamp.json")
    timestamp["version"] += 1
    timestamp["meta"]["snapshot.json"] = meta(content, snapshot["version"])
    tree["tuf/timestamp.json"] = sign(timestamp, online)
    return tree


class Relay(Cloud):
    """Somebody on the way: a server over {name: bytes, or a handler}, whatever that is."""

    def __init__(self, tree):
        self.files = tree
        super().__init__(path())

    def answer(self, h):
        name = h.path.lstrip("/")
        with self.lock:
            self.asked.append((h.command, name, {k.lower(): v for k, v in h.headers.items()}))
        content = self.files.get(name)
        if h.command != "GET":
            self.send(h, 405, b"")
        elif content is None:
            self.send(h, 404, b"")
        elif callable(content):
            content(h)
        else:
            self.send_content(h, content)
