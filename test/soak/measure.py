# SPDX-License-Identifier: GPL-3.0-or-later
"""What the soak measures: samples, phases, the table and the picture."""
import csv
import statistics
import subprocess
import threading
import time

from harness import *

OUT = os.path.join(TOP, "build/soak")
COLUMNS = ("time_s", "phase", "rss_mib", "relay_rss_mib", "descriptors", "relay_descriptors", "disk_mib", "longest_poll_ms",
           "polls_failed", "restarted", "current", "behind_s")
MEBI = 1 << 20
FILLER = "filler"  # what fills the disk, and is nobody's


def rss(pid):
    """MiB; None for a process that is not there."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return None


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def used(directory):
    """MiB of all files below a directory."""
    total = 0
    for base, _, names in os.walk(directory):
        for name in set(names) - {FILLER}:
            try:
                total += os.lstat(os.path.join(base, name)).st_size
            except OSError:
                pass  # it went meanwhile
    return total / MEBI


class Phase:
    """A time in which somebody does his worst; recovered_s: until all honest clients were current after it."""

    def __init__(self, name):
        self.name, self.begin, self.end, self.recovered_s = name, time.monotonic(), None, None


class Sampler:
    """A row each second."""

    def __init__(self, soak):
        self.soak, self.rows, self.over = soak, [], False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        soak, last = self.soak, time.monotonic()
        with open(f"{OUT}/soak.csv", "w", encoding="utf-8", newline="") as f:
            out = csv.DictWriter(f, COLUMNS)
            out.writeheader()
            while not self.over:
                time.sleep(max(0.0, last + 1 - time.monotonic()))
                now = time.monotonic()
                answers = soak.prober.between(last, now, soak.away)
                newest = soak.publisher.newest()
                behind = [c.behind(newest) for c in soak.clients]
                row = {"time_s": round(now - soak.began, 1), "phase": soak.phases[-1].name if soak.phases and not soak.phases[-1].end else "",
                       "rss_mib": rss(soak.server.pid), "relay_rss_mib": rss(soak.relay.pid), "descriptors": descriptors(soak.server.pid),
                       "relay_descriptors": descriptors(soak.relay.pid), "disk_mib": used(soak.server.cache()),
                       "longest_poll_ms": max(((b - a) * 1000 for a, b, _ in answers), default=None),
                       "polls_failed": sum(s != 200 for _, _, s in answers), "restarted": int(any(w[1] > last and w[0] < now for w in soak.away)),
                       "current": sum(b == 0 for b in behind), "behind_s": max(behind)}
                self.rows.append(row)
                out.writerow({k: round(v, 2) if isinstance(v, float) else v for k, v in row.items()})
                f.flush()
                last = now

    def stop(self):
        self.over = True
        self.thread.join(10)

    def column(self, name, begin=0.0, end=float("inf")):
        """What was measured of it in that time, since the soak began."""
        return [r[name] for r in self.rows if begin <= r["time_s"] <= end and r[name] is not None]

    def quarters(self, name, begin):
        """The median of the first quarter and of the last, of the time from begin on."""
        values = self.column(name, begin)
        quarter = max(1, len(values) // 4)
        return statistics.median(values[:quarter]), statistics.median(values[-quarter:])


def table(soak):
    """A row for each phase, with the time until the next one begins."""
    rows = []
    ends = [p.begin for p in soak.phases[1:]] + [time.monotonic()]
    lags = [lag for c in soak.clients for lag in c.lags]
    for phase, end in zip(soak.phases, ends):
        span = phase.begin - soak.began, end - soak.began
        answers = soak.prober.between(phase.begin, end, soak.away)
        loads = soak.loads(phase.begin, end)
        rows.append({
            "phase": phase.name, "seconds": round(phase.end - phase.begin), "recovered_s": phase.recovered_s,
            "longest_poll_ms": round(max(((b - a) * 1000 for a, b, _ in answers), default=0)), "polls_failed": sum(s != 200 for _, _, s in answers),
            "to_current_s": round(max((s for _, _, when, s in lags if phase.begin <= when < end), default=0), 1),
            "memory_mib": round(max(soak.sampler.column("rss_mib", *span), default=0), 1), "descriptors": max(soak.sampler.column("descriptors", *span), default=0),
            "disk_mib": round(max(soak.sampler.column("disk_mib", *span), default=0), 1), "wrong": sum(r["wrong"] for r in loads),
            "load_polls": sum(r["polls"] for r in loads), "load_updates": sum(r["updates"] for r in loads)})
    return rows


def write_table(rows):
    with open(f"{OUT}/phases.csv", "w", encoding="utf-8", newline="") as f:
        out = csv.DictWriter(f, rows[0])
        out.writeheader()
        out.writerows(rows)
    width = max(len(r["phase"]) for r in rows)
    print(f"{'phase':{width}} " + " ".join(f"{k:>{len(k)}}" for k in rows[0] if k != "phase"))
    for r in rows:
        print(f"{r['phase']:{width}} " + " ".join(f"{'never' if v is None else v:>{len(k)}}" for k, v in r.items() if k != "phase"))


PANELS = (("longest poll, ms", True, (("longest_poll_ms", "longest answer to a poll"),)),
          ("honest clients", False, (("current", "honest clients that are current"), ("behind_s", "seconds that the last is behind"))),
          ("memory, MiB", False, (("rss_mib", "server"), ("relay_rss_mib", "relay below it"))),
          ("descriptors", True, (("descriptors", "server"), ("relay_descriptors", "relay below it"))),
          ("disk, MiB", False, (("disk_mib", "below updates/"),)))


def plot(soak, limit_mib):
    """build/soak/soak.svg and .png: a panel for each of PANELS, with the phases as bands behind it. None, or what gnuplot says."""
    minutes = soak.sampler.rows[-1]["time_s"] / 60
    script = [f"set datafile separator ','\nset multiplot layout {len(PANELS)},1 margins 0.05,0.99,0.035,0.78 spacing 0.03",
              f"set xrange [0:{minutes:.3f}]\nset grid y\nset key top left opaque\nset style line 1 lc rgb '#2255aa'\nset style line 2 lc rgb '#cc6622'"]
    for number, phase in enumerate(soak.phases):
        begin, end = ((t - soak.began) / 60 for t in (phase.begin, phase.end))
        script.append(f"set object {number + 1} rectangle from {begin:.3f}, graph 0 to {end:.3f}, graph 1 behind fc rgb '#e8e8f0' fs solid noborder")
        script.append(f"set label {number + 1} '{phase.name}' at {(begin + end) / 2:.3f}, graph 1.03 rotate by 90 font ',12' noenhanced")
    for number, (title, logarithmic, lines) in enumerate(PANELS):
        if number:
            script.append("unset label")
        script.append(f"set ylabel '{title}'\n{'set' if logarithmic else 'unset'} logscale y\nset yrange [{'*' if logarithmic else 0}:*]")
        if number == len(PANELS) - 1:
            script.append("set xlabel 'minutes'")
        parts = [f"'{OUT}/soak.csv' using ($1/60):(column('{c}')) with lines ls {i + 1} title '{t}'" for i, (c, t) in enumerate(lines)]
        if title.startswith("disk"):
            parts.append(f"{limit_mib} with lines dt 2 lc rgb '#aa2222' title 'cacheMaxBytes'")
        script.append("plot " + ", ".join(parts))
    for kind, terminal in (("svg", "svg size 1800,1600 font 'sans,13' background 'white'"), ("png", "pngcairo size 1800,1600 font 'sans,10'")):
        done = subprocess.run(["gnuplot"], input="\n".join([f"set terminal {terminal}\nset output '{OUT}/soak.{kind}'", *script, ""]), text=True,
                              capture_output=True, check=False)
        if done.returncode:
            return done.stderr
    return None
