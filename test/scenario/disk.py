# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that forgets what was not synced, and says what a program did in the wrong order.

It follows the log of the calls that changed something (INJECT_LOG, test/crash/inject.c) and knows of each file whether
its bytes are on the disk, and of each directory the names that are. It believes no more than POSIX says: a file's sync
keeps its bytes and not its name, a directory's the names in it and not what they lead to.
"""
from cutting import calls, injected
from harness import *


class Node:
    """What names lead to. names: of a directory, and kept: those that were synced; both None elsewhere."""

    def __init__(self, directory=False, synced=False, content=b""):
        self.names = {} if directory else None
        self.kept = {} if directory else None
        self.synced = synced
        self.content = content
        self.refers = ()

    def sync(self):
        self.synced = True
        if self.names is not None:
            self.kept = dict(self.names)

    def below(self):
        """Itself, and all that is in it."""
        yield self
        for node in (self.names or {}).values():
            yield from node.below()


class Disk:
    """All below top, a directory that is there. passing(name): need not last, such as what is staged; refers(disk, name): the
    names that something refers to. Names are paths below top. wrong: what was done too early."""

    def __init__(self, top, passing, refers):
        self.top, self.passing, self.refers = os.path.realpath(top), passing, refers
        work = tempfile.mkdtemp(dir=path())
        self.log, self.counter = os.path.join(work, "log"), os.path.join(work, "count")
        self.read = 0
        self.wrong = []
        self.root = self.load(self.top)
        for name, node in self.all():
            node.refers = self.refers(self, name)

    def load(self, at):
        if os.path.islink(at):
            return Node(synced=True, content=os.readlink(at).encode())
        if not os.path.isdir(at):
            with open(at, "rb") as f:
                return Node(synced=True, content=f.read())
        node = Node(directory=True)
        for name in os.listdir(at):
            if os.path.isdir(os.path.join(at, name)) or os.path.isfile(os.path.join(at, name)):
                node.names[name] = self.load(os.path.join(at, name))
        node.sync()
        return node

    def environment(self, at):
        """Of a program that is followed, whose sync number at fails (0: none does)."""
        return dict(injected(self.counter, at, "EIO"), INJECT_ONLY="sync", INJECT_LOG=self.log)

    def syncs(self):
        """How many there were."""
        return calls(self.counter)

    def node(self, name):
        """None: there is none."""
        node = self.root
        for part in name.split("/"):
            node = node.names.get(part) if node and node.names is not None else None
        return node

    def all(self, node=None, at=""):
        """(name, node) of all that is to last."""
        for name, child in list((node or self.root).names.items()):
            if not self.passing(at + name):
                yield at + name, child
                if child.names is not None:
                    yield from self.all(child, at + name + "/")

    def unsynced(self, node, at):
        """What of it, under this name, would not be there after the power's end; None: nothing."""
        if node.names is None:
            return None if node.synced else f"the bytes of {at} are not synced"
        for name, child in node.names.items():
            inner = f"{at}/{name}"
            if not self.passing(inner):
                lost = self.unsynced(child, inner) if node.kept.get(name) is child else f"the name {inner} is not synced"
                if lost:
                    return lost
        return None

    def lost(self, name):
        """What of a name, and of what it refers to, would not be there after the power's end; None: nothing."""
        node, at = self.root, ""
        for part in name.split("/"):
            child = node.names.get(part) if node.names is not None else None
            at += "/" + part
            if child is None:
                return f"{name} is not there"
            if node.kept.get(part) is not child:
                return f"the name {at[1:]} is not synced"
            node = child
        return self.unsynced(node, name) or next(filter(None, map(self.lost, node.refers)), None)

    def all_lost(self):
        return sorted({lost for lost in (self.lost(name) for name, _ in self.all()) if lost})

    # ---- Following

    def follow(self):
        """All that was done since; the disk itself."""
        if os.path.exists(self.log):
            with open(self.log, encoding="utf-8") as f:
                f.seek(self.read)
                text = f.read()
            end = text.rfind("\n") + 1
            self.read += len(text[:end].encode())
            for line in text[:end].splitlines():
                self.step(*line.split("\t"))
        return self

    def name_of(self, at):
        """None: not below top."""
        at = os.path.normpath(at)
        return os.path.relpath(at, self.top) if at.startswith(self.top + "/") else None

    def step(self, what, at, more):
        if what == "syncfs":
            for node in self.root.below():
                node.sync()
            return
        name = self.name_of(at)
        if name is None:
            return
        node = self.node(name)
        if what in ("fsync", "fdatasync"):
            if node:
                node.sync()
        elif what in ("write", "chmod"):
            self.change(name, node, bytes.fromhex(more))
        elif what == "create" and node:
            node.content = b""
            self.change(name, node, b"")
        elif what in ("create", "mkdir", "symlink"):
            self.put(name, Node(directory=what == "mkdir", synced=what == "symlink", content=more.encode()))
        elif what == "link":
            self.put(self.name_of(more), node)
        elif what == "exchange":
            other = self.node(self.name_of(more))
            self.put(self.name_of(more), node)
            self.put(name, other)
        elif what == "rename":
            self.take(name)
            self.put(self.name_of(more), node)
        elif what == "remove":
            self.take(name)
            self.look_after(name)

    def change(self, name, node, content):
        """A directory's mode is no content, and neither is what has no name any more."""
        if node and node.names is None:
            node.synced = False
            node.content += content
            if not self.passing(name):
                self.wrong.append(f"{name} is changed under its name")

    def take(self, name):
        parent, _, last = name.rpartition("/")
        (self.node(parent) if parent else self.root).names.pop(last, None)

    def put(self, name, node):
        """A name that is given may be on the disk at once: what it leads to, and refers to, must be there before."""
        parent, _, last = name.rpartition("/")
        (self.node(parent) if parent else self.root).names[last] = node
        if self.passing(name):
            return
        node.refers = self.refers(self, name)
        for lost in (self.unsynced(node, name), *map(self.lost, node.refers)):
            if lost:
                self.wrong.append(f"{name} is named, and {lost}")

    def look_after(self, gone):
        """What refers goes first."""
        for name, node in self.all():
            if any(other == gone or gone.startswith(other + "/") for other in node.refers):
                self.wrong.append(f"{gone} is removed, and {name} refers to it")


# ---- What refers to what

def repository_passing(repo):
    def passing(name):
        inner = name[len(repo) + 1:] if name.startswith(repo + "/") else ""
        return inner.split("/")[0] in ("stage", "quarantine", "lock", "control") or inner.startswith("index.sqlite")
    return passing


def server_passing(root):
    in_cache = repository_passing(root + "/data/guts2/updates")
    return lambda name: name.startswith(root + "/logs/") or in_cache(name)


def offered(disk, name):
    return ["f/" + archive["id"] for archive in json.loads(disk.node(name).content).values()]


def blobs(disk, header):
    return ["c/" + f["sha256"] for f in json.loads(disk.node(header).content)["files"]]


def publisher_refers(repo):
    """q to each type's header and full archive, a header to its files, an offer to its archives."""
    def refers(disk, name):
        kind = name[len(repo) + 1:].split(";")[0]
        found = []
        if name == repo + "/q":
            for u in json.loads(disk.node(name).content)["updates"]:
                version = (u["version"], u["cookie"])
                found += [header_name(u["type"], version), offer_name(u["type"], version)]
        elif kind == "h":
            found = blobs(disk, name)
        elif kind == "o":
            found = offered(disk, name)
        return [f"{repo}/{one}" for one in found]
    return refers


def server_refers(cache):
    """An offer to its archives, a content to its header and files."""
    def refers(disk, name):
        kind, _, of = name[len(cache) + 1:].partition(";")
        found = []
        if kind == "o":
            found = offered(disk, name)
        elif kind == "c" and of:
            found = ["h;" + of, *blobs(disk, f"{cache}/h;{of}")]
        return [f"{cache}/{one}" for one in found]
    return refers


def client_passing(home):
    """home: of one type."""
    def passing(name):
        inner = name[len(home) + 8:] if name.startswith(home + "/.state/") else None
        return inner is not None and not inner.startswith("h;") and not inner.endswith(".seen")
    return passing


def client_refers(home):
    """current to the version's directory, header and record."""
    def refers(disk, name):
        if name != home + "/current":
            return []
        tree = disk.node(name).content.decode()
        header = f"h;t={os.path.basename(home)};v={tree.replace('-', ';c=')}"
        return [f"{home}/{tree}", f"{home}/.state/{header}", f"{home}/.state/{tree}.seen"]
    return refers
