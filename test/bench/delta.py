# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about differences: making them, applying them, and rebuilding full archives from them.

Each pair of real versions is one row of a table. The peers make a patch for each file that
differs, as the archive has an entry for it; what a patch is for (our entries' heads) is not
counted for them. What the best of them makes of a tar file of everything stands beside it.
Sizes are the same each time; the best peer by size is timed in alternating rounds with ours.
"""
from common import *
from harness import run

TYPES = ("browser-compat", "esbuild", "caniuse")
VERSIONS = 6
PAIRS = [(n, n + 1) for n in range(1, VERSIONS)] + [(1, VERSIONS)]


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
    done = subprocess.run([os.path.join(TOP, "test/data/obtain"), *[x for t in TYPES for x in (t, str(VERSIONS))]], check=False)
    if done.returncode != 0:
        sys.exit("the real versions cannot be obtained")
    repo = path("pairs")
    if not os.path.exists(repo):
        run("guts2-publish", "init", repo)
        for type_ in TYPES:
            for version in range(1, VERSIONS + 1):
                done = run("guts2-publish", "add", repo, "--type", type_, "--diffs", 0, "--version", version, data(type_, version))
                assert done.returncode == 0, done.stderr
    return repo


def ours(*arguments):
    done = subprocess.run([PAIR, *map(str, arguments)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


# What a peer is asked to do with one file and the file it comes from.
MAKE = {"zstd": lambda old, new, patch: ["zstd", "-q", "-19", "-f", f"--patch-from={old}", new, "-o", patch],
        "xdelta3": lambda old, new, patch: ["xdelta3", "-9", "-S", "lzma", "-f", "-B", source_window(old), "-e", "-s", old, new, patch],
        "bsdiff": lambda old, new, patch: ["bsdiff", old, new, patch]}
APPLY = {"zstd": lambda old, patch, out: ["zstd", "-q", "-d", "-f", f"--patch-from={old}", patch, "-o", out],
         "xdelta3": lambda old, patch, out: ["xdelta3", "-d", "-f", "-B", source_window(old), "-s", old, patch, out],
         "bsdiff": lambda old, patch, out: ["bspatch", old, out, patch]}


def source_window(old):
    return str(max(os.path.getsize(old), 524288))


def changed(type_, old, new):
    """[(old file or None, new file)] of what differs, each against the file of the same path, as ours does it."""
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


def peer_make(who, pairs, directory):
    """(seconds, bytes of all patches); a file that is new is compressed."""
    os.makedirs(directory, exist_ok=True)
    seconds = total = 0
    for i, (old, new) in enumerate(pairs):
        patch = f"{directory}/{i}"
        seconds += timed(*(MAKE[who](old, new, patch) if old else ["zstd", "-q", "-19", "-f", new, "-o", patch]))
        total += os.path.getsize(patch)
    return seconds, total


def peer_apply(who, pairs, directory, out):
    """Seconds."""
    seconds = 0
    for i, (old, _) in enumerate(pairs):
        seconds += timed(*(APPLY[who](old, f"{directory}/{i}", out) if old else ["zstd", "-q", "-d", "-f", f"{directory}/{i}", "-o", out]))
    return seconds


def peaks(pairs, directories, out):
    """{peer: kB} with the largest file."""
    largest = max((i for i, (old, _) in enumerate(pairs) if old), key=lambda i: os.path.getsize(pairs[i][0]))
    return {who: peak_kb(*APPLY[who](pairs[largest][0], f"{directory}/{largest}", out)) for who, directory in directories.items()}


def stream_bytes(archive):
    """What the entries of an archive have without their heads."""
    with open(archive, "rb") as f:
        data = f.read()
    at = total = 0
    while len(data) - at > 8:
        stream, name = int.from_bytes(data[at + 8:at + 16], "big"), int.from_bytes(data[at + 24:at + 28], "big")
        total += stream
        at += 28 + name + stream
    return total


made = {}


def compare_one(repo, type_, old, new):
    """One pair: a row of the table, and the patches for the rows that apply them."""
    pairs, archive = changed(type_, old, new), path(f"{type_}-{old}-{new}.ar2")
    directories = {who: path(f"{type_}-{old}-{new}-{who}") for who in MAKE}
    seconds, sizes = {}, {}
    for who, directory in directories.items():
        seconds[who], sizes[who] = peer_make(who, pairs, directory)
    best = min(sizes, key=sizes.get)
    tars = []
    for command in MAKE.values() if len(pairs) > 10 else ():  # of one large file it would be the same again
        timed(*command(tar(type_, old), tar(type_, new), path("tar-patch")))
        tars.append(os.path.getsize(path("tar-patch")))
    mine, peers = [], [seconds[best]]
    for _ in range(ROUNDS):
        mine.append(ours("build", repo, type_, old, new, archive))
        if len(peers) < ROUNDS:
            peers.append(peer_make(best, pairs, directories[best])[0])
    made[(type_, old, new)] = (pairs, directories, archive)
    print(f"   {type_} {old}-{new}", flush=True)
    time_ours, time_peer = statistics.median(m["seconds"] for m in mine), statistics.median(peers)
    return [f"{type_} {old}-{new}", len(pairs), mine[0]["bytes"], sizes["zstd"], sizes["xdelta3"], sizes["bsdiff"], best,
            round(mine[0]["bytes"] / sizes[best], 3), round(time_ours, 3), round(time_peer, 3), round(time_ours / time_peer, 3),
            stream_bytes(archive), round(stream_bytes(archive) / sizes[best], 3), min(tars, default="")]


def delta():
    repo = prepare()
    table = {"name": "delta", "title": "Differences of real versions: bytes, and seconds beside the best peer by bytes",
             "columns": ["pair", "files", "ours", "zstd", "xdelta3", "bsdiff", "best", "ratio", "s", "its s", "ratio s", "streams", "ratio", "best of tar"],
             "rows": [compare_one(repo, t, a, b) for t in TYPES for a, b in PAIRS], "bars": [7, 10]}
    size = Row("delta", f"making {len(table['rows'])} differences: bytes, the worst pair", "ratio", "lower")
    took = Row("delta time", "the same: seconds, the worst pair beside its best peer", "ratio", "lower")
    size.limit = took.limit = 1.0
    streams = Row("delta streams", "the same without the heads of our entries, which say what a patch is for", "ratio", "lower")
    streams.limit = 1.0
    streams.add("ours", max(r[12] for r in table["rows"]))
    streams.note = f"{sum(r[12] <= 1 for r in table['rows'])} of {len(table['rows'])} pairs at most 1.0"
    size.add("ours", max(r[7] for r in table["rows"]))
    took.add("ours", max(r[10] for r in table["rows"]))
    size.note = f"{sum(r[7] <= 1 for r in table['rows'])} of {len(table['rows'])} pairs at most 1.0"
    took.note = f"{sum(r[10] <= 1 for r in table['rows'])} of {len(table['rows'])} pairs at most 1.0"
    all_ours, all_best = sum(r[2] for r in table["rows"]), sum(min(r[3:6]) for r in table["rows"])
    total = Row("delta total", "the same: bytes of all pairs, each beside its best peer", "bytes", "lower")
    total.add("ours", all_ours)
    total.add("best of each", all_best)
    return [table, size, streams, took, total]


def all_made(repo):
    if not made:
        for t in TYPES:
            for a, b in PAIRS:
                pairs, archive = changed(t, a, b), path(f"{t}-{a}-{b}.ar2")
                directories = {who: path(f"{t}-{a}-{b}-{who}") for who in MAKE}
                for who, directory in directories.items():
                    peer_make(who, pairs, directory)
                ours("build", repo, t, a, b, archive)
                made[(t, a, b)] = (pairs, directories, archive)
    return made


def apply():
    repo = prepare()
    rows = []
    for (type_, old, new), (pairs, directories, archive) in all_made(repo).items():
        mine, peers = [], {who: [] for who in MAKE}
        for _ in range(ROUNDS):
            directory = path("out")
            mine.append(timed(PAIR, "apply", repo, type_, str(old), str(new), archive, directory))
            shutil.rmtree(directory)
            for who in MAKE:
                peers[who].append(peer_apply(who, pairs, directories[who], path("out-file")))
        seconds = {who: statistics.median(runs) for who, runs in peers.items()}
        peak = peaks(pairs, directories, path("out-file"))
        m = peak_kb(PAIR, "apply", repo, type_, str(old), str(new), archive, path("out"))
        shutil.rmtree(path("out"))
        fastest, smallest = min(seconds, key=seconds.get), min(peak, key=peak.get)
        s = statistics.median(mine)
        rows.append([f"{type_} {old}-{new}", round(s, 4), round(seconds[fastest], 4), fastest, round(s / seconds[fastest], 2), m, peak[smallest],
                     smallest, round(m / peak[smallest], 2)])
    table = {"name": "apply", "title": "Applying the same differences: seconds, peak memory in kB",
             "columns": ["pair", "s", "fastest", "", "ratio s", "kB", "smallest", "", "ratio kB"], "rows": rows, "bars": [4, 8]}
    took = Row("apply", "applying them: seconds of all, beside the fastest of each", "s", "lower")
    peak = Row("apply memory", "the same: peak memory, the worst pair beside the smallest", "ratio", "lower")
    took.add("ours", sum(r[1] for r in rows))
    took.add("fastest of each", sum(r[2] for r in rows))
    took.note = f"{sum(r[4] <= 1 for r in rows)} of {len(rows)} pairs at most 1.0; ours checks archive, base and result by SHA-256 as well"
    peak.limit = 1.0
    peak.add("ours", max(r[8] for r in rows))
    peak.note = f"{sum(r[8] <= 1 for r in rows)} of {len(rows)} pairs at most 1.0"
    return [table, took, peak]


def rebuild():
    repo = prepare()
    row = Row("rebuild", "full archive of the newest from kept content and a difference, three types", "s", "lower")
    for _ in range(ROUNDS):
        mine = peer = 0
        for type_ in TYPES:
            archive, old = path("rebuild.ar2"), tar(type_, VERSIONS - 1)
            patch, out, directory = path(f"rebuild-{type_}.xd3"), path("rebuilt.tar"), path("rebuilt")
            ours("build", repo, type_, VERSIONS - 1, VERSIONS, archive)
            if not os.path.exists(patch):
                timed(*MAKE["xdelta3"](old, tar(type_, VERSIONS), patch))
            os.sync()  # who comes next does not wait for what the one before has written
            mine += timed(PAIR, "rebuild", repo, type_, str(VERSIONS - 1), str(VERSIONS), archive, directory, path("rebuilt.ar2"))
            shutil.rmtree(directory)
            os.sync()
            peer += timed(*APPLY["xdelta3"](old, patch, out)) + timed("zstd", "-q", "-3", "-T0", "-f", out, "-o", out + ".zst")
        row.add("ours", mine)
        row.add("xdelta3 -d, zstd -3 -T0", peer)
    return [row]


ROWS = {"delta": delta, "apply": apply, "rebuild": rebuild}
