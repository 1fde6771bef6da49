# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about archives: making differences and full ones, applying them, and rebuilding full archives from them.

Each pair of real versions is a row of a table. A peer makes a patch for each file that differs (of a
new one, it is compressed), or one patch for a sorted tar file of everything, whichever is smaller;
what says which patch belongs to which file is not counted for them. Sizes are the same each time;
the best peer by size is timed in alternating rounds with ours.
"""
from common import *
from harness import run

VERSIONS = {"browser-compat": 6, "esbuild": 6, "caniuse": 6, "caniuse-old": 3, "simple-icons": 6, "types-node": 6, "typescript": 6, "three": 6,
            "rollup": 6}
TYPES = tuple(VERSIONS)
PAIRS = [(t, a, b) for t in TYPES for a, b in [(n, n + 1) for n in range(1, VERSIONS[t])] + [(1, VERSIONS[t])]]
SPARE = 64  # bytes that a difference may have more than the best peer's: for those of a few hundred
DELTA_ROUNDS = 3


def data(type_, version):
    return os.path.join(TOP, f"build/data/{type_}/{version:02d}")


def tar(type_, version):
    file = os.path.join(OUT, f"{type_}-{version:02d}.tar")
    if not os.path.exists(file):
        subprocess.run(["tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-cf", file, "-C", data(type_, version), "."],
                       check=True)
    return file


def prepare():
    """The real versions, published without differences: making those is what is timed."""
    done = subprocess.run([os.path.join(TOP, "test/data/obtain"), *[x for t in TYPES for x in (t, str(VERSIONS[t]))]], check=False)
    if done.returncode != 0:
        sys.exit("the real versions cannot be obtained")
    repo = path("pairs")
    if not os.path.exists(repo):
        run("guts2-publish", "init", repo)
        for type_ in TYPES:
            for version in range(1, VERSIONS[type_] + 1):
                done = run("guts2-publish", "add", repo, "--type", type_, "--diffs", 0, "--version", version, data(type_, version))
                assert done.returncode == 0, done.stderr
    return repo


def ours(*arguments):
    done = subprocess.run([PAIR, *map(str, arguments)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


# What a peer is asked to do with one file and the file it comes from.
MAKE = {"zstd": lambda old, new, patch: ["zstd", "-q", "-q", "-19", "--long=31", "-f", f"--patch-from={old}", new, "-o", patch],
        "xdelta3": lambda old, new, patch: ["xdelta3", "-9", "-S", "lzma", "-f", "-B", source_window(old), "-e", "-s", old, new, patch],
        "bsdiff": lambda old, new, patch: ["bsdiff", old, new, patch]}
APPLY = {"zstd": lambda old, patch, out: ["zstd", "-q", "-q", "-d", "--long=31", "-f", f"--patch-from={old}", patch, "-o", out],
         "xdelta3": lambda old, patch, out: ["xdelta3", "-d", "-f", "-B", source_window(old), "-s", old, patch, out],
         "bsdiff": lambda old, patch, out: ["bspatch", old, out, patch]}
FULL = {"zstd": lambda file, out: ["zstd", "-q", "-19", "--long", "-f", file, "-o", out], "xz": lambda file, out: ["sh", "-c", f"xz -9e -c '{file}' >'{out}'"]}


def source_window(old):
    return str(max(os.path.getsize(old), 524288))


def changed(type_, old, new):
    """[(old file or None, new file)] of what differs, each against the file of the same path."""
    found = []
    for base, _, names in os.walk(data(type_, new)):
        for name in sorted(names):
            file = os.path.join(base, name)
            before = os.path.join(data(type_, old), os.path.relpath(file, data(type_, new)))
            if not os.path.exists(before):
                found.append((None, file))
            elif open(before, "rb").read() != open(file, "rb").read():
                found.append((before, file))
    return found


class Peer:
    """One program with one way to use it on a pair: for each file, or for the tar file."""

    def __init__(self, who, whole, type_, old, new):
        self.who, self.name, self.whole = who, f"{who}, {'tar' if whole else 'files'}", whole
        self.pairs = [(tar(type_, old), tar(type_, new))] if whole else changed(type_, old, new)
        self.directory = path(f"{type_}-{old}-{new}-{who}-{'tar' if whole else 'files'}")
        os.makedirs(self.directory, exist_ok=True)

    def make(self):
        seconds = self.bytes = 0
        for i, (old, new) in enumerate(self.pairs):
            patch = f"{self.directory}/{i}"
            seconds += timed(*(MAKE[self.who](old, new, patch) if old else ["zstd", "-q", "-19", "-f", new, "-o", patch]))
            self.bytes += os.path.getsize(patch)
        return seconds

    def apply(self):
        """Seconds until the files are there."""
        seconds, out = 0, path("out-file")
        for i, (old, _) in enumerate(self.pairs):
            seconds += timed(*(APPLY[self.who](old, f"{self.directory}/{i}", out) if old else ["zstd", "-q", "-d", "-f", f"{self.directory}/{i}", "-o", out]))
        if self.whole:
            os.makedirs(path("out-tree"), exist_ok=True)
            seconds += timed("tar", "xf", out, "-C", path("out-tree"))
            shutil.rmtree(path("out-tree"))
        return seconds

    def peak_kb(self):
        """With the largest file."""
        i, (old, _) = max(((i, p) for i, p in enumerate(self.pairs) if p[0]), key=lambda p: os.path.getsize(p[1][0]))
        return peak_kb(*APPLY[self.who](old, f"{self.directory}/{i}", path("out-file")))


made = {}


def all_made(repo):
    """{pair: (its peers, our archive, our bytes, seconds of each peer's first time)}"""
    for pair in PAIRS:
        if pair not in made:
            type_, old, new = pair
            peers = [Peer(who, whole, *pair) for who in MAKE for whole in (False, True)]
            seconds = {peer.name: peer.make() for peer in peers}
            archive = path(f"{type_}-{old}-{new}.ar2")
            made[pair] = (peers, archive, ours("build", repo, type_, old, new, archive), seconds)
            print(f"   {type_} {old}-{new}", flush=True)
    return made


def compare_one(repo, pair, peers, archive, first, seconds):
    best = min(peers, key=lambda p: p.bytes)
    mine, theirs = [first["seconds"]], [seconds[best.name]]
    for _ in range(DELTA_ROUNDS - 1):
        mine.append(ours("build", repo, *pair, archive)["seconds"])
        theirs.append(best.make())
    time_ours, time_peer = statistics.median(mine), statistics.median(theirs)
    return [f"{pair[0]} {pair[1]}-{pair[2]}", len(peers[0].pairs), first["bytes"], *[min(p.bytes for p in peers if p.who == who) for who in MAKE], best.name,
            round(first["bytes"] / best.bytes, 3), first["bytes"] - best.bytes, round(time_ours, 3), round(time_peer, 3), round(time_ours / time_peer, 2)]


def count_met(rows, met):
    return f"{sum(map(met, rows))} of {len(rows)} pairs"


def delta():
    repo = prepare()
    rows = [compare_one(repo, pair, *m) for pair, m in all_made(repo).items()]
    table = {"name": "delta", "title": "Differences of real versions: bytes, and seconds beside the best peer by bytes",
             "columns": ["pair", "files", "ours", "zstd", "xdelta3", "bsdiff", "best", "ratio", "more", "s", "its s", "ratio s"], "rows": rows, "bars": [7, 11]}
    size = Row("delta", f"making {len(rows)} differences: the worst pair, of what is above {SPARE} bytes more", "ratio", "lower")
    took = Row("delta time", "the same: seconds, the worst pair beside its best peer by bytes", "ratio", "lower")
    total = Row("delta total", "the same: bytes of all pairs, each beside its best peer", "bytes", "lower", goal=0.9)
    seconds = Row("delta seconds", "the same: seconds of all pairs, each beside its best peer", "s", "lower")
    size.limit = took.limit = 1.0
    size.add("ours", max((r[2] - SPARE) / min(r[3:6]) for r in rows))
    took.add("ours", max(r[11] for r in rows))
    size.note = count_met(rows, lambda r: r[8] <= SPARE) + " at most 1.0"
    took.note = count_met(rows, lambda r: r[11] <= 1) + " at most 1.0"
    total.add("ours", sum(r[2] for r in rows))
    total.add("best of each", sum(min(r[3:6]) for r in rows))
    seconds.add("ours", sum(r[9] for r in rows))
    seconds.add("best of each by bytes", sum(r[10] for r in rows))
    return [table, size, total, took, seconds]


def full():
    repo = prepare()
    rows = []
    for type_ in TYPES:
        version, sizes, seconds = VERSIONS[type_], {}, {}
        for who, command in FULL.items():
            seconds[who] = timed(*command(tar(type_, version), path("full-file")))
            sizes[who] = os.path.getsize(path("full-file"))
        mine = ours("full", repo, type_, 1, version, path("full.ar2"))
        rows.append([type_, mine["bytes"], sizes["zstd"], sizes["xz"], round(mine["bytes"] / sizes["zstd"], 3), round(mine["bytes"] / sizes["xz"], 3),
                     round(mine["seconds"], 2), round(seconds["zstd"], 2), round(seconds["xz"], 2)])
    table = {"name": "full", "title": "Full archives of real versions beside a sorted tar file: zstd -19 --long, xz -9e", "rows": rows, "bars": [4, 5],
             "columns": ["type", "ours", "zstd", "xz", "of zstd", "of xz", "s", "zstd s", "xz s"]}
    worst = Row("full", f"full archives of {len(rows)} types: bytes, the worst beside tar and zstd -19 --long", "ratio", "lower")
    total = Row("full total", "the same: bytes of all beside tar and xz -9e", "bytes", "lower")
    took = Row("full seconds", "the same: seconds of all beside xz -9e", "s", "lower")
    worst.limit = 1.0
    worst.add("ours", max(r[4] for r in rows))
    worst.note = f"{sum(r[4] <= 1 for r in rows)} of {len(rows)} at most 1.0"
    for row, at, peer in ((total, 1, 3), (took, 6, 8)):
        row.add("ours", sum(r[at] for r in rows))
        row.add("tar, xz -9e", sum(r[peer] for r in rows))
    return [table, worst, total, took]


def apply():
    repo = prepare()
    rows = []
    for (type_, old, new), (peers, archive, *_) in all_made(repo).items():
        mine, theirs = [], {peer.name: [] for peer in peers}
        for _ in range(DELTA_ROUNDS):
            directory = path("out")
            mine.append(timed(PAIR, "apply", repo, type_, str(old), str(new), archive, directory))
            shutil.rmtree(directory)
            for peer in peers:
                theirs[peer.name].append(peer.apply())
        seconds = {name: statistics.median(runs) for name, runs in theirs.items()}
        peak = {peer.name: peer.peak_kb() for peer in peers}
        m = peak_kb(PAIR, "apply", repo, type_, str(old), str(new), archive, path("out"))
        shutil.rmtree(path("out"))
        fastest, smallest = min(seconds, key=seconds.get), min(peak, key=peak.get)
        s = statistics.median(mine)
        rows.append([f"{type_} {old}-{new}", round(s, 4), round(seconds[fastest], 4), fastest, round(s / seconds[fastest], 2), m, peak[smallest],
                     smallest, round(m / max(peak[smallest], 16384), 2)])
    table = {"name": "apply", "title": "Applying the same differences: seconds, peak memory in kB",
             "columns": ["pair", "s", "fastest", "", "ratio s", "kB", "smallest", "", "of it, or of 16 MiB"], "rows": rows, "bars": [4, 8]}
    took = Row("apply", "applying them: seconds of all, beside the fastest of each", "s", "lower")
    peak = Row("apply memory", "the same: peak memory, the worst pair beside the smallest, or 16 MiB", "ratio", "lower")
    took.add("ours", sum(r[1] for r in rows))
    took.add("fastest of each", sum(r[2] for r in rows))
    took.note = count_met(rows, lambda r: r[4] <= 1) + " at most 1.0; ours checks archive, base and result by SHA-256 as well"
    peak.limit = 1.0
    peak.add("ours", max(r[8] for r in rows))
    peak.note = count_met(rows, lambda r: r[8] <= 1) + " at most 1.0"
    return [table, took, peak]


REBUILT = ("browser-compat", "esbuild", "caniuse")


def rebuild():
    repo = prepare()
    row = Row("rebuild", "full archive of the newest from kept content and a difference, three types", "s", "lower")
    size = Row("rebuild bytes", "the same beside the cloud's: the worst of the types", "ratio", "lower")
    size.limit = 1.15
    ratios = []
    for round_ in range(ROUNDS):
        mine = peer = 0
        for type_ in REBUILT:
            newest = VERSIONS[type_]
            archive, old = path("rebuild.ar2"), tar(type_, newest - 1)
            patch, out, directory = path(f"rebuild-{type_}.xd3"), path("rebuilt.tar"), path("rebuilt")
            ours("build", repo, type_, newest - 1, newest, archive)
            if not os.path.exists(patch):
                timed(*MAKE["xdelta3"](old, tar(type_, newest), patch))
            os.sync()  # who comes next does not wait for what the one before has written
            mine += timed(PAIR, "rebuild", repo, type_, str(newest - 1), str(newest), archive, directory, path("rebuilt.ar2"))
            shutil.rmtree(directory)
            if round_ == 0:
                ratios.append(os.path.getsize(path("rebuilt.ar2")) / ours("full", repo, type_, 1, newest, path("full.ar2"))["bytes"])
            os.sync()
            peer += timed(*APPLY["xdelta3"](old, patch, out)) + timed("zstd", "-q", "-3", "-T0", "-f", out, "-o", out + ".zst")
        row.add("ours", mine)
        row.add("xdelta3 -d, zstd -3 -T0", peer)
    size.add("ours", max(ratios))
    return [row, size]


ROWS = {"delta": delta, "full": full, "apply": apply, "rebuild": rebuild}
