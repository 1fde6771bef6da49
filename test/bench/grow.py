# SPDX-License-Identifier: GPL-3.0-or-later
"""How cost grows: with types, archives, file sizes, older versions; and the load of 100,000 clients."""
from common import *
from harness import run
from serving import CLIENT, SERVER, Slow, craft_cache


def show(table):
    widths = [max(len(str(c)), *(len(str(r[i])) for r in table["rows"])) for i, c in enumerate(table["columns"])]
    print(f"\n{table['title']}")
    for line in (table["columns"], *table["rows"]):
        print("  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(line, widths))))


def plot(table, gnuplot):
    name = table["name"]
    with open(f"{OUT}/{name}.dat", "w", encoding="utf-8") as f:
        for r in table["rows"]:
            f.write(" ".join(f'"{c}"' if isinstance(c, str) else str(c) for c in r) + "\n")
    title = f'set title "{table["title"]}" noenhanced; set grid'
    if "bars" in table:
        columns = ", ".join(f'"{name}.dat" using {i + 1}:xtic(1) title "{table["columns"][i]}"' for i in table["bars"])
        gnuplot(name, f'{title}; set style data histograms; set style fill solid 0.6; set xtics rotate by -45 noenhanced; plot {columns}, 1 notitle')
    elif "log" in table:
        columns = ", ".join(f'"{name}.dat" using 1:{i + 1} with linespoints title "{table["columns"][i]}"' for i in table["lines"])
        gnuplot(name, f'{title}; set logscale {table["log"]}; set xlabel "{table["columns"][0]}" noenhanced; set key left top; plot {columns}')
    else:
        columns = ", ".join(f'"{name}.dat" using 1:{i + 1} with lines title "{table["columns"][i]}"' for i in table["lines"])
        gnuplot(name, f'{title}; set xlabel "{table["columns"][0]}" noenhanced; plot {columns}')



def growth(rows, x=0, y=1):
    """The exponent of y over x, from the first to the last row: 0 does not grow, 1 is linear."""
    import math
    (x1, y1), (x2, y2) = ((r[x], max(r[y], 1e-9)) for r in (rows[0], rows[-1]))
    return math.log(y2 / y1) / math.log(x2 / x1)


def poll_script(type_, version, cookie):
    """What a client that is current asks."""
    file = path("poll.lua")
    body = json.dumps({"client": "bench", "updates": [{"type": type_, "version": version, "cookie": cookie}]}).replace('"', '\\"')
    with open(file, "w", encoding="utf-8") as f:
        f.write(f'wrk.method = "POST"\nwrk.body = "{body}"\nwrk.headers["Content-Type"] = "application/json"\n')
    return file


def cpu_per_poll(process, port, newest):
    """In microseconds, the median of three."""
    script, found = poll_script(*newest), []
    for _ in range(3):
        before = cpu_seconds(process.pid)
        count, _, _, wrong = wrk(port, "/q", seconds=2, prefix=CLIENT, script=script)
        assert wrong == 0
        found.append(1e6 * (cpu_seconds(process.pid) - before) / count)
    return round(statistics.median(found), 2)


def exponent_row(name, what, rows, limit, x=0, y=1):
    row = Row(name, what, "exponent", "lower")
    row.limit = limit
    row.add("ours", max(growth(rows, x, y), 0))
    return row


def types():
    rows = []
    for count in (1, 10, 100, 1000):
        repo = path(f"types-{count}")
        newest = [(f"type-{i:04d}", 1001, "00000001") for i in range(count)]
        craft_query(repo, newest)
        process, port = guts2d("file://" + repo, path(f"root-types-{count}"), SERVER)
        until(lambda p=port: request(p, "GET", "/q")[0] == 200)
        rows.append([count, cpu_per_poll(process, port, newest[count // 2])])
        process.stop()
    table = {"name": "types", "title": "Server CPU per poll (POST /q) against the number of types", "columns": ["types", "us per poll"], "rows": rows,
             "lines": [1], "log": "x"}
    return [table, exponent_row("types", "CPU per poll over the number of types", rows, 1)]


def archives():
    rows = []
    for count in (100, 1000, 10_000, 100_000):
        root, repo = path(f"root-archives-{count}"), path(f"archives-{count}")
        types_, versions = 10, 10
        newest = craft_cache(os.path.join(root, "data/guts2/updates"), types_, versions, count // types_ // versions, 40)
        craft_query(repo, newest)
        process, port = guts2d("file://" + repo, root)
        process.stop()
        before = time.monotonic()
        process, port = guts2d("file://" + repo, root, SERVER, keepGuts2UpdatesCount=200)
        took = time.monotonic() - before
        rows.append([count, round(memory(process.pid) / 1e6, 1), round(took * 1000), cpu_per_poll(process, port, newest[3])])
        process.stop()
        shutil.rmtree(root)
    each = (rows[-1][1] - rows[0][1]) * 1e6 / (rows[-1][0] - rows[0][0])
    table = {"name": "archives", "title": "A server with many cached archives", "columns": ["archives", "memory MB", "start ms", "us per poll"], "rows": rows,
             "lines": [1, 3], "log": "xy"}
    flat = exponent_row("archives poll", "CPU per poll over the number of cached archives", rows, 0.05, y=3)
    linear = exponent_row("archives", "memory over the number of cached archives", rows, 1)
    linear.note = f"{each:.0f} bytes an archive"
    return [table, linear, flat]


def like_a_database(size, seed, changes):
    """Lines of hexadecimal, some of which are others than without changes."""
    import random
    source = random.Random(seed)
    lines = [source.randbytes(31).hex() + "\n" for _ in range(size // 63)]
    change = random.Random(changes)
    for _ in range(changes and max(size // 20_000, 1)):
        lines[change.randrange(len(lines))] = change.randbytes(31).hex() + "\n"
    return "".join(lines).encode()


def craft_versions(repo, name, contents):
    """Versions 1, 2 and so on of one file, published by hand: the full archives of a publisher take longer than all that is timed."""
    os.makedirs(os.path.join(repo, "stage"))
    version = 0
    for version, content in enumerate(contents, 1):
        digest, cookie = hashlib.sha256(content).hexdigest(), f"{version:08x}"
        put(repo, f"c/{digest}", content)
        craft_header(repo, "db", version, cookie, [{"filename": name, "sha256": digest, "size": len(content)}])
        stream = subprocess.run(["zstd", "-q", "-1", "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout
        put(repo, f"o;t=db;v={version};c={cookie}", {"guts2ar2": craft_full(repo, stream)})
    craft_query(repo, [("db", version, f"{version:08x}")])


def noise_and_changes(size):
    """Random bytes, and the same with 31 of each 20,000 changed."""
    import random
    for change in (None, random.Random(2)):
        source = random.Random(1)
        content = bytearray(b"".join(source.randbytes(1 << 20) for _ in range(size >> 20)))
        for at in range(10_000, size if change else 0, 20_000):
            content[at:at + 31] = change.randbytes(31)
        yield bytes(content)


def sizes():
    rows = []
    for megabytes in (1, 4, 16, 64, 256, 1024):
        repo = path(f"sizes-{megabytes}")
        craft_versions(repo, "db", noise_and_changes(megabytes << 20))
        # By way of time(1), since a process inherits the peak of the one that started it.
        command = ["/usr/bin/time", "-o", "/dev/null", PAIR, "build", repo, "db", "1", "2", path("sizes.ar2")]
        done = [json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout) for _ in range(3 if megabytes < 256 else 1)]
        rows.append([megabytes, round(statistics.median(d["seconds"] for d in done), 3), done[0]["bytes"], round(done[0]["rss_kb"] / 1024)])
        shutil.rmtree(repo)
    table = {"name": "sizes", "title": "Making a difference against the file's size (31 bytes in 20 kB changed)",
             "columns": ["MB", "s", "bytes", "resident MB, with both files"], "rows": rows, "lines": [1], "log": "xy"}
    return [table, exponent_row("sizes", "seconds over the file's size", rows, 1)]


def versions():
    repo, files = path("versions"), path("versions-files")
    run("guts2-publish", "init", repo)
    size, number = 300_000, 0
    for number in range(1, 201):
        put(files, "db", like_a_database(size, 2, number))
        run("guts2-publish", "add", repo, "--type", "db", "--diffs", 0, "--version", number, files)
    rows = []
    for count in (1, 10, 50, 100, 200):
        number += 1
        put(files, "db", like_a_database(size, 2, number))
        took = timed(os.path.join(BIN, "guts2-publish"), "add", repo, "--type", "db", "--diffs", str(count), "--version", str(number), files)
        rows.append([count, round(took, 2), round(took / count, 3)])
    table = {"name": "versions", "title": "Publishing a version of 300 kB against the number of older versions it has differences from",
             "columns": ["older", "s", "s each"], "rows": rows, "lines": [1]}
    return [table, exponent_row("versions", "seconds over the number of older versions", rows, 1)]


def edited(content, count):
    """A database and count - 1 versions after it, each with a hundred of its records replaced."""
    import random
    change = random.Random(4)
    yield content
    for _ in range(1, count):
        records = content.split(b"},")
        for _ in range(100):
            records[change.randrange(len(records))] = change.randbytes(20).hex().encode()
        content = b"},".join(records)
        yield content


def forty():
    """What the publisher is given two minutes for."""
    import delta
    delta.prepare()
    row = Row("forty", "40 differences of a 20 MB type, published on this machine", "s", "lower")
    row.limit = 120
    repo, files = path("forty"), path("forty-files")
    with open(os.path.join(delta.data("browser-compat", 1), "data.json"), "rb") as f:
        *older, newest = edited(f.read(), 41)
    craft_versions(repo, "data.json", older)
    put(files, "data.json", newest)
    row.add("ours", timed(os.path.join(BIN, "guts2-publish"), "add", repo, "--type", "db", "--version", "41", "--diffs", "40", files))
    row.note = "with the full archives in both formats"
    shutil.rmtree(repo)
    return [row]


# ---- A day at the office

def herd_of(clients, seconds, speed, prefetch):
    """Clients that are current, and a release after a third of the time."""
    name = f"load-{prefetch}"
    repo, files, root = path(name), path(name + "-files"), path(name + "-root")
    run("guts2-publish", "init", repo)
    for number in range(1, 7):
        put(files, "db", like_a_database(2_000_000, 3, number))
        run("guts2-publish", "add", repo, "--type", "db", "--version", 1000 + number, files)
    cloud = Slow(repo, 100e3)  # a difference takes a fraction of a second, which are seconds of the clients
    server, port = guts2d(f"http://127.0.0.1:{cloud.server_address[1]}", root, prefetchDifferences=prefetch, updatePollingInterval="2s")
    until(lambda: request(port, "GET", "/q")[0] == 200)
    load = subprocess.Popen([os.path.join(BIN, "guts2-load"), "--server", f"http://127.0.0.1:{port}/guts2", "--clients", str(clients), "--type", "db",
                             "--history", repo, "--versions", "0:90,1-3:8,4-5:2", "--speed", str(speed), "--seconds", str(seconds), "--json",
                             "--plot", f"{OUT}/{name}.svg"], stdout=subprocess.PIPE)
    before, began = cpu_seconds(server.pid), time.monotonic()
    put(files, "db", like_a_database(2_000_000, 3, 7))
    time.sleep(seconds / 3)
    run("guts2-publish", "add", repo, "--type", "db", "--version", 1007, files)
    result = json.loads(load.communicate()[0])
    share = (cpu_seconds(server.pid) - before) / (time.monotonic() - began)
    downloaded = fetched = 0
    with open(os.path.join(root, "logs/fspms-download-updates.log"), encoding="utf-8") as f:
        for line in f:
            if "event=downloaded" in line and "what=difference" in line:
                fetched += int(re.search(r"received=(\d+)", line)[1])
                downloaded += int(re.search(r" bytes=(\d+)", line)[1])
    with open(os.path.join(root, "logs/fspms-serve-updates.log"), encoding="utf-8") as f:
        later = sum(" status=503 " in line and ";v=1007;" in line for line in f)
    server.stop()
    cloud.shutdown()
    cloud.server_close()
    return result, share, fetched, downloaded, later


def load():
    clients, seconds, speed = 100_000, 120, 10
    rows, curves = [], []
    for prefetch in (0, 10):
        result, share, fetched, downloaded, later = herd_of(clients, seconds, speed, prefetch)
        asked = result["requests"]
        answered = result["wrong"] == 0 and all("0" not in one["status"] for one in asked.values())
        rows.append([prefetch, result["polls"], round(result["polls"] / result["seconds"]), "yes" if answered else "no", asked["q"]["latency_ms"]["p99"],
                     asked["f"]["latency_ms"]["p99"], f"{100 * share / 2:.1f} %", result["seconds_until_percent_current"]["99"],
                     later, fetched, downloaded, result["late"]])
        curves.append(result["curve"])
    table = {"name": "load", "title": f"{clients:,} clients, an interval of ten minutes, time {speed} times as fast; a release after a third",
             "columns": ["prefetch", "polls", "polls/s", "all answered", "q p99 ms", "f p99 ms", "CPU of two", "99 % after s", "503 after it", "upstream bytes",
                         "sum of archives", "late"], "rows": rows, "bars": [8]}
    with open(f"{OUT}/convergence.json", "w", encoding="utf-8") as f:
        json.dump(curves, f)
    return [table]


ROWS = {"types": types, "archives": archives, "sizes": sizes, "versions": versions, "forty": forty, "load": load}
