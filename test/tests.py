# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to run: the suites of the unit tests, the fuzz targets over their corpus, the scenarios.

A Test is one command, its environment, and a way to count what it said.
"""
import os
import re
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def all_tests(variant):
    """Of a build variant, in the order in which their results are shown."""
    return [*unit_tests(variant), *fuzz_tests(variant), *scenarios(variant)]


def unit_tests(variant):
    with open(os.path.join(TOP, "test/unit/suites.def"), encoding="utf-8") as f:
        suites = re.findall(r"^SUITE\((\w+)\)", f.read(), re.M)
    return [Test(f"unit/{suite}", variant, [f"build/{variant}/unit-tests"], suite_counts, CK_RUN_SUITE=suite) for suite in suites]


def fuzz_tests(variant):
    """Every target over every input that is kept for it."""
    targets = [entry[:-2] for entry in sorted(os.listdir(os.path.join(TOP, "test/fuzz"))) if entry.endswith(".c")]
    return [Test(f"fuzz/{target}", variant, [f"build/{variant}/fuzz/{target}", *kept_inputs(target)], fuzz_counts) for target in targets]


def kept_inputs(target):
    folders = [f"test/fuzz/{kind}/{target}" for kind in ("corpus", "regress")]
    return [os.path.join(folder, f) for folder in folders if os.path.isdir(os.path.join(TOP, folder))
            for f in sorted(os.listdir(os.path.join(TOP, folder)))]


def scenarios(variant):
    names = [entry for entry in sorted(os.listdir(os.path.join(TOP, "test/scenario"))) if re.match(r"\d{3}-", entry)]
    return [Test(f"scenario/{name}", variant, [sys.executable, f"test/scenario/{name}"], scenario_counts) for name in names]


def suite_counts(output, code):
    match = re.search(r"Checks: (\d+), Failures: (\d+), Errors: (\d+)", output)
    total, bad = (int(match[1]), int(match[2]) + int(match[3])) if match else (1, 1)
    return total - bad, bad or int(code != 0)


def fuzz_counts(output, code):
    good = code == 0 and not output.startswith("0 ")
    return int(good), int(not good)


def scenario_counts(output, code):
    lines = output.splitlines()
    bad = sum(line.startswith("not ok - ") for line in lines)
    return sum(line.startswith("ok - ") for line in lines), bad or int(code != 0)


class Test:
    """One of them. name: its kind and what it is called, "unit/num", "fuzz/archive", "scenario/100-decisions"."""

    def __init__(self, name, variant, command, counts, **environment):
        self.name = name
        self.command = command
        self.counts = counts  # (output, exit code) -> (how many claims hold, how many do not)
        self.limit_s = 1800 if variant != "release" or "CRASH_POINTS" in os.environ else 420
        self.environment = dict(VARIANT=variant, PYTHONDONTWRITEBYTECODE="1", ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:exitcode=99",
                                UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1", TSAN_OPTIONS="halt_on_error=0:exitcode=99",
                                **environment)

    def run(self, prefix=(), top=TOP, limit_s=None, **more):
        """(how many claims hold, how many do not, what was said, seconds). prefix: what the command is started by; more: of its environment"""
        started = time.monotonic()
        with subprocess.Popen([*prefix, *self.command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              cwd=top, env={**os.environ, **self.environment, **more}, text=True, errors="replace") as process:
            try:
                output, _ = process.communicate(timeout=limit_s or self.limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                output = (process.communicate()[0] or "") + f"not ok - {self.name} ends in time\n"
        good, bad = self.counts(output, process.returncode)
        return good, bad, output + f"== {self.name}: {good} passed, {bad} failed, {time.monotonic() - started:.1f} s", time.monotonic() - started
