# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about versions of very many small files: publishing one, and a client's update to one.

The files are as rules of a scanner are: lines of text from 0.5 to 6 kB, with much in common, of which a
few lines are others in the next version. The same seed gives the same bytes.
"""
import random

from common import *

ZSTD_GROUP_BYTES = 8 << 20  # of the entries of an archive that is made by hand


# ---- Rules

class Rules:
    """A version of count files, and those after it."""

    FAMILIES, WORDS = 97, 900

    def __init__(self, count, seed):
        self.random = random.Random(seed)
        self.words = ["".join(self.random.choices("abcdefghijklmnoprstuvwxyz", k=self.random.randrange(4, 11))) for _ in range(self.WORDS)]
        self.number = 2_000_000
        self.files = {}
        for i in range(count):
            family = self.random.choices(self.words, k=2)
            size = self.random.randrange(500, 5600)
            self.files[f"{self.words[i % self.FAMILIES]}/{family[0]}-{family[1]}-{i:05d}.rules"] = self.rules(family, size)

    def rule(self, family):
        r = self.random
        self.number += 1
        content = " ".join(f"{b:02x}" for b in r.randbytes(r.randrange(4, 13)))
        return (f'alert {r.choice(("tcp", "udp", "http", "tls"))} $EXTERNAL_NET any -> $HOME_NET {r.choice(("any", "445", "$HTTP_PORTS", "8080"))} '
                f'(msg:"MALWARE {family[0].title()}.{family[1]} {r.choice(self.words)} {r.choice(self.words)}"; flow:established,to_server; '
                f'content:"|{content}|"; fast_pattern; content:"/{r.choice(self.words)}.php"; http_uri; distance:{r.randrange(64)}; '
                f'reference:sha256,{r.randbytes(8).hex()}; classtype:trojan-activity; sid:{self.number}; rev:1; '
                f'metadata:created_at 2026_{r.randrange(1, 13):02d}_{r.randrange(1, 29):02d}, severity {r.choice(("Major", "Minor", "Critical"))};)\n')

    def rules(self, family, size):
        lines = [f"# {family[0]} {family[1]}: generated, do not edit\n"]
        while sum(map(len, lines)) < size:
            lines.append(self.rule(family))
        return "".join(lines).encode()

    def change(self, count):
        """So many files are others from now on: of each one rule, or two; their names."""
        changed = self.random.sample(sorted(self.files), count)
        for name in changed:
            lines = self.files[name].decode().splitlines(True)
            for _ in range(self.random.randrange(1, 3)):
                lines[self.random.randrange(1, len(lines))] = self.rule(self.random.choices(self.words, k=2))
            self.files[name] = "".join(lines).encode()
        return changed


def write(directory, files, names=None):
    for name in names or files:
        put(directory, name, files[name])


# ---- Versions that are published by hand: the full archives of a publisher take longer than all that is timed

def craft_entry(contents):
    stream = subprocess.run(["zstd", "-q", "-1", "-c"], input=b"".join(contents), stdout=subprocess.PIPE, check=True).stdout
    return b"\1" + craft_number(len(contents)) + b"\0" + craft_number(len(stream)) + stream


def craft_full_of_many(repo, files):
    """In the order of paths, each content where it comes first."""
    archive, group, size = [b"GUTS2AR2"], [], 0
    for content in dict.fromkeys(files[name] for name in sorted(files, key=str.encode)):
        if size + len(content) > ZSTD_GROUP_BYTES:
            archive.append(craft_entry(group))
            group, size = [], 0
        group.append(content)
        size += len(content)
    return craft_archive(repo, b"".join(archive + [craft_entry(group)]))


def craft_version(repo, type_, version, files):
    """(type, version, cookie)"""
    cookie, listed = f"{version:08x}", []
    for name, content in files.items():
        digest, (directory, filename) = hashlib.sha256(content).hexdigest(), os.path.split(name)
        if not os.path.exists(f"{repo}/c/{digest}"):
            put(repo, f"c/{digest}", content)
        listed.append({"filename": filename, "path": directory, "sha256": digest, "size": len(content)})
    craft_header(repo, type_, version, cookie, listed)
    put(repo, f"o;t={type_};v={version};c={cookie}", {"guts2ar2": craft_full_of_many(repo, files)})
    return type_, version, cookie


# ---- Publishing

# What a publisher has made, of all differences it made so far, that version 42 has use for; the other versions have none.
DIFFERENCES = {26: 24, 34: 7, 38: 3, 40: 1, 41: 0}


def publish(repo, files, version, diffs):
    """Seconds."""
    return timed(os.path.join(BIN, "guts2-publish"), "add", repo, "--type", "rules", "--version", str(version), "--diffs", str(diffs), files)


def publish_many():
    """What a publisher of rules waits for, with the differences from 40 versions before."""
    row = Row("publish-many", "a version of 5,000 small files, of which 3 % are others in each version, with 40 differences", "s", "lower")
    row.limit = 20
    count, rules = 5000, Rules(5000, 5)
    repo, files = path("many"), path("many-files")
    os.makedirs(f"{repo}/stage")
    for version in range(1, 42):
        if version in DIFFERENCES:
            write(files, rules.files)
            publish(repo, files, version, DIFFERENCES[version])
        else:
            craft_query(repo, [craft_version(repo, "rules", version, rules.files)])
        changed = rules.change(count * 3 // 100)
    write(files, rules.files, changed)
    row.add("ours", publish(repo, files, 42, 40))
    offers = [name for name in os.listdir(repo) if name.startswith("o;t=rules;v=42;") and "pv=" in name]
    archives = set()
    for name in offers:
        with open(os.path.join(repo, name), "rb") as f:
            archives.add(json.load(f)["guts2ar2"]["id"])
    total = sum(os.path.getsize(f"{repo}/f/{name}") for name in archives)
    row.note = f"{len(offers)} differences of {total:,} bytes"
    shutil.rmtree(repo)
    return [row]


# ---- A client's update

class Installed:
    """A server with two versions of a type, and a client that has the first of them."""

    def __init__(self, count, changed):
        self.type = f"rules-{count}"
        self.rules = Rules(count, 6)
        self.home, self.kept = path(f"{self.type}-client"), path(f"{self.type}-state")
        repo, root = path(f"{self.type}-repo"), path(f"{self.type}-root")
        os.makedirs(f"{repo}/stage")
        old = craft_version(repo, self.type, 1, self.rules.files)
        craft_query(repo, [old])
        self.process, port = guts2d("file://" + repo, root, updatePollingInterval="1s")
        self.command = [os.path.join(BIN, "guts2-client"), "--server", f"http://127.0.0.1:{port}/guts2", "--dir", self.home, "--type", self.type,
                        "--wait", "120"]
        timed(*self.command)
        shutil.copytree(f"{self.home}/{self.type}/.state", self.kept)
        self.names = self.rules.change(changed)
        self.publish(repo, old, craft_version(repo, self.type, 2, self.rules.files))
        until(lambda: b'"version":2' in request(port, "GET", "/q")[2].replace(b" ", b""))
        self.update()  # the server has it all from now on
        self.back()

    def publish(self, repo, old, new):
        difference = path("many.ar2")
        subprocess.run([PAIR, "build", repo, self.type, "1", "2", difference], stdout=subprocess.DEVNULL, check=True)
        with open(difference, "rb") as f:
            offer = craft_archive(repo, f.read())
        put(repo, f"o;t={self.type};v=2;c={new[2]};pv=1;pc={old[2]}", {"guts2ar2": offer})
        put(repo, "q.new", {"updates": [{"cookie": new[2], "type": self.type, "version": 2}]})
        os.rename(f"{repo}/q.new", f"{repo}/q")

    def tree(self, version):
        return f"{self.home}/{self.type}/{version}-{version:08x}"

    def update(self, *prefix):
        took = timed(*prefix, *self.command)
        assert os.readlink(f"{self.home}/{self.type}/current") == os.path.basename(self.tree(2))
        return took

    def back(self):
        """The first version is installed, as it was."""
        top = f"{self.home}/{self.type}"
        shutil.rmtree(self.tree(2))
        shutil.rmtree(f"{top}/.state")
        shutil.copytree(self.kept, f"{top}/.state")
        os.unlink(f"{top}/current")
        os.symlink(os.path.basename(self.tree(1)), f"{top}/current")

    def calls(self):
        """System calls of an update."""
        file = path("calls")
        self.update("strace", "-f", "-c", "-U", "calls,name", "-o", file)
        self.back()
        with open(file, encoding="ascii") as f:
            return int(re.search(r"^\s*(\d+)\s+total$", f.read(), re.M)[1])


def client_many():
    """As much is linked as rsync links, by the same signs; but it is on the disk."""
    took = Row("client-many", "a client's update of 50,000 small files, 1 % of them changed; rsync --link-dest from a tree that is there", "s", "lower")
    calls = Row("client calls", "the same: system calls for each unchanged file", "", "lower")
    calls.limit = 3
    count, changed = 50_000, 500
    many = Installed(count, changed)
    new, dest = path("many-new"), path("many-dest")
    subprocess.run(["cp", "-al", many.tree(1), new], check=True)
    for name in many.names:
        os.unlink(f"{new}/{name}")
    write(new, many.rules.files, many.names)
    for _ in range(ROUNDS):
        os.sync()  # who comes next does not wait for what the one before has written
        took.add("ours", many.update())
        many.back()
        os.sync()
        took.add("rsync", timed("rsync", "-a", f"--link-dest={many.tree(1)}", f"{new}/", f"{dest}/"))
        shutil.rmtree(dest)
    few = Installed(changed, changed)
    # What is read of a longer header is some hundredths.
    calls.add("ours", round((many.calls() - few.calls()) / (count - changed), 1))
    for one in (many, few):
        one.process.stop()
    return [took, calls]


ROWS = {"publish-many": publish_many, "client-many": client_many}
