# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends in the middle: a program whose N-th call that changes something does not come through, and the power's end.

For the power cut a program works on a file system in a file, of which a copy is mounted after the program was
killed: what was not synced is not in the copy.
"""
import filecmp
import struct

from harness import *

SHIM = os.path.join(TOP, f"build/{VARIANT}/inject.so")
WITHOUT_SANITIZER = VARIANT in ("release", "cov")  # which makes calls of its own
_mounted = []


@atexit.register
def _unmount():
    while _mounted:
        subprocess.run(["umount", "-l", _mounted.pop()], check=False)


def injected(counter, at, what, sync="none"):
    """The environment of a program whose call number at is what: kill, EIO or ENOSPC (0: none); see test/crash/inject.c.
    Real syncs only take time where no power is cut."""
    with open(counter, "wb") as f:
        f.write(bytes(8))
    return dict(os.environ, LD_PRELOAD=SHIM, INJECT_COUNTER=counter, INJECT_AT=str(at), INJECT_DO=what, INJECT_SYNC=sync)


def calls(counter):
    """How many there were."""
    with open(counter, "rb") as f:
        return struct.unpack("<Q", f.read(8))[0]


def spread(points, total):
    """Which calls are tried: "all", or so many, spread evenly."""
    number = total if points == "all" else min(int(points), total)
    return sorted({1 + i * total // number for i in range(number)})


def mount(image, at):
    """Nothing in it is written unless somebody asks for it. Raises CalledProcessError: else who looks there sees an empty directory."""
    os.makedirs(at, exist_ok=True)
    subprocess.run(["mount", "-o", "loop,noauto_da_alloc,commit=300", image, at], check=True)
    _mounted.append(at)


def release(at):
    subprocess.run(["umount", at], check=True)
    _mounted.remove(at)


def copy_disk(image, to):
    """What is on the disk at one moment: its file system may still be writing, and half of one moment and half of another is
    what no power cut leaves. It is a new file: a loop device that has not let go of the one there yet would be shared, with
    what it has read of that."""
    while True:
        shutil.copyfile(image, to + ".new")
        if filecmp.cmp(image, to + ".new", shallow=False):
            os.rename(to + ".new", to)
            return


def make_image(image, size, directory):
    """A file system in a file, with a copy of the directory as its d. False: that cannot be had here."""
    if os.getuid() != 0 or not shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
        return False
    with open(image, "wb") as f:
        f.truncate(size)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        mount(image, image + ".disk")
    except subprocess.CalledProcessError:
        return False
    shutil.copytree(directory, image + ".disk/d", symlinks=True)
    release(image + ".disk")
    return True
