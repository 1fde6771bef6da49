# SPDX-License-Identifier: GPL-3.0-or-later
"""GUTS2AR2 from guts2(7) alone: written and read in a few lines that know nothing of ours.

ZSTD and VCDIFF are the stock programs' work, LZMA is liblzma's, and BSDIFF is here. A version is {path: bytes}.
"""
import ctypes
import hashlib
import json
import lzma
import os
import struct
import subprocess
import tempfile

from harness import header_name, offer_name

MAGIC = b"GUTS2AR2"
ZSTD, LZMA, VCDIFF, BSDIFF = 1, 2, 3, 4
GROUP_BYTES, WINDOW = 16 << 20, 24 << 20
COLUMN_WINDOW = 2 << 20


class Bad(Exception):
    """An archive that is against the rules."""


def demand(condition, what):
    if not condition:
        raise Bad(what)


# ---- Numbers

def number(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def get_number(data, at):
    """(value, where it ends)"""
    value = 0
    for i in range(9):
        demand(at + i < len(data), "a number is cut short")
        byte = data[at + i]
        value |= (byte & 127) << 7 * i
        if byte < 128:
            demand(byte or not i, "a number is longer than it needs to be")
            return value, at + i + 1
    raise Bad("a number is of more than nine bytes")


def get_numbers(data, at, count):
    found = []
    for _ in range(count):
        value, at = get_number(data, at)
        found.append(value)
    return found, at


def all_numbers(data):
    found, at = [], 0
    while at < len(data):
        value, at = get_number(data, at)
        found.append(value)
    return found


# ---- What both sides know

def contents(version):
    """The distinct contents, in the order of paths (by bytes)."""
    return list(dict.fromkeys(version[path] for path in sorted(version, key=str.encode)))


def missing(new, old=None):
    had = set((old or {}).values())
    return [content for content in contents(new) if content not in had]


# ---- Entries

def entry(encoding, stream, count=1, bases=(), total=None, contents=None):
    """bases: numbers, in ascending order where it is not said how many there are in all. contents: [(number of a missing file from 1, how
    many)] and [sizes of unlisted ones] instead of a count."""
    runs, end = [], 0
    for base in bases:
        if runs and base == end:
            runs[-1][1] += 1
        else:
            runs.append([(base - end) % total if total else base - end, 1])
        end = base + 1
    told = b""
    for one in contents or ():
        told += number(len(one)) + number(0) + b"".join(map(number, one)) if isinstance(one, list) else number(one[1]) + number(one[0])
    return (number(encoding) + (number(0) + number(len(contents)) + told if contents else number(count)) +
            number(len(runs)) + b"".join(map(number, sum(runs, []))) + number(len(stream)) + stream)


def archive(*entries):
    return MAGIC + b"".join(entries)


def walk(data):
    """(encoding, count or what was told, [(skip, take)] of bases, stream) of each entry."""
    demand(data[:8] == MAGIC, "no magic")
    at = 8
    while at < len(data):
        (encoding, count), at = get_numbers(data, at, 2)
        if not count:
            count = []
            runs, at = get_number(data, at)
            for _ in range(runs):
                (take, first), at = get_numbers(data, at, 2)
                demand(take, "a run that is none")
                sizes, at = get_numbers(data, at, 0 if first else take)
                count += [(first + i, 0) for i in range(take)] if first else [(0, size) for size in sizes]
        runs, at = get_number(data, at)
        numbers, at = get_numbers(data, at, 2 * runs)
        length, at = get_number(data, at)
        demand(count and length, "an entry without files, or without a stream")
        demand(at + length <= len(data), "a stream is cut short")
        yield encoding, count, list(zip(numbers[::2], numbers[1::2])), data[at:at + length]
        at += length


def find_bases(runs, total):
    bases, end = [], 0
    for skip, take in runs:
        first = (end + skip) % total if skip < total else total
        end = first + take
        demand(take and end <= total, "a base is not there")
        bases += range(first, end)
    demand(len(bases) <= total, "more bases than there are numbers")
    return bases


def read(data, new, old=None):
    """[(encoding, contents, bases)] of an archive of this version, which has all that is missing in the old one, and is right."""
    wanted, given, seen, unlisted, read_bytes = missing(new, old), set(), [], 0, 0
    numbered = contents(old) if old else []
    for encoding, count, runs, stream in walk(data):
        bases = find_bases(runs, len(numbered))
        base = [numbered[i] for i in bases]
        read_bytes += sum(map(len, base))
        demand(read_bytes <= 16 * sum(map(len, contents(new) + contents(old or {}))), "bases of too many bytes, of all entries")
        if isinstance(count, int):
            places = [i for i in range(len(wanted)) if i not in given][:count]
            demand(len(places) == count, "more files than are missing")
            count = [(i + 1, 0) for i in places]
        places = [place - 1 for place, _ in count if place]
        demand(not given & set(places) and len(set(places)) == len(places) and all(i < len(wanted) for i in places), "a file is repeated")
        given |= set(places)
        sizes = [len(wanted[place - 1]) if place else size for place, size in count]
        unlisted += sum(size for place, size in count if not place)
        demand(unlisted <= 2 * sum(map(len, contents(new))), "unlisted contents of too many bytes")
        size = sum(sizes)
        demand(len(stream) <= 2 * size + 4096, "a stream that is longer than its files can need")
        demand(len(sizes) == 1 or size <= GROUP_BYTES, "a group of too many bytes")
        demand(len(base) < 2 or sum(map(len, base)) <= GROUP_BYTES, "bases of too many bytes")
        out, at, files = decoders[encoding](stream, b"".join(base), size), 0, []
        for (place, _), length in zip(count, sizes):
            files.append(out[at:at + length])
            demand(not place or files[-1] == wanted[place - 1], f"encoding {encoding} gives something else")
            at += length
        seen.append((encoding, files, base))
        numbered += files
    demand(len(given) == len(wanted), "a file is missing")
    return seen


# ---- The programs of two encodings

class Scratch:
    """Files for a program, as long as it runs."""

    def __init__(self, **files):
        self.directory = tempfile.TemporaryDirectory(prefix="guts2-archives-")
        for name, content in files.items():
            with open(self.at(name), "wb") as f:
                f.write(content)

    def at(self, name):
        return os.path.join(self.directory.name, name)


def output(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **more)
    demand(done.returncode == 0, f"{command[0]}: {done.stderr.decode()[-200:]}")
    return done.stdout


def zstd(data, base=b"", *more):
    files = Scratch(data=data, base=base)
    return output(["zstd", "-q", "-c", *more, *(["--long=27", f"--patch-from={files.at('base')}"] if base else []), files.at("data")])


def unzstd(stream, base=b"", _=None):
    files = Scratch(stream=stream, base=base)
    return output(["zstd", "-q", "-d", "-c", "--long=31", *([f"--patch-from={files.at('base')}"] if base else []), files.at("stream")])


def zstd_8_mib(delta):
    return output(["zstd", "-q", "-c", "--zstd=wlog=23"], input=delta)


def vcdiff(data, base):
    files = Scratch(data=data, base=base)
    return zstd_8_mib(output(["xdelta3", "-e", "-9", "-c", "-S", "none", "-A=", "-n", "-W", str(4 << 20), "-s", files.at("base"), files.at("data")]))


def unvcdiff(stream, base, _=None):
    demand(base, "VCDIFF without a base")
    files = Scratch(delta=output(["zstd", "-q", "-d", "-c", "--memory=8MiB"], input=stream), base=base)
    return output(["xdelta3", "-d", "-c", "-s", files.at("base"), files.at("delta")])


# ---- LZMA

class Options(ctypes.Structure):
    """lzma_options_lzma of lzma/lzma12.h."""
    _fields_ = [("dict_size", ctypes.c_uint32), ("preset_dict", ctypes.c_char_p), ("preset_dict_size", ctypes.c_uint32),
                ("lc", ctypes.c_uint32), ("lp", ctypes.c_uint32), ("pb", ctypes.c_uint32), ("mode", ctypes.c_int),
                ("nice_len", ctypes.c_uint32), ("mf", ctypes.c_int), ("depth", ctypes.c_uint32), ("ext_flags", ctypes.c_uint32),
                ("ext_size_low", ctypes.c_uint32), ("ext_size_high", ctypes.c_uint32), ("reserved", ctypes.c_uint64 * 16)]


class Filter(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint64), ("options", ctypes.c_void_p)]


_liblzma = ctypes.CDLL("liblzma.so.5")
LZMA1EXT, VLI_UNKNOWN, PRESET_BEST = 0x4000000000000002, 2 ** 64 - 1, 9 | 1 << 31


def _filters(options, size, base):
    options.dict_size = min(max(size + len(base), 4096), WINDOW)
    options.preset_dict, options.preset_dict_size = base or None, len(base)
    options.ext_flags, options.ext_size_low, options.ext_size_high = 0, size & 0xffffffff, size >> 32
    return (Filter * 2)(Filter(LZMA1EXT, ctypes.addressof(options)), Filter(VLI_UNKNOWN, None))


def pack_lzma(data, base=b"", lc=3, lp=0, pb=2, preset=PRESET_BEST):
    options, end = Options(), ctypes.c_size_t(0)
    _liblzma.lzma_lzma_preset(ctypes.byref(options), ctypes.c_uint32(preset))
    options.lc, options.lp, options.pb = lc, lp, pb
    out = ctypes.create_string_buffer(len(data) + len(data) // 3 + 128)
    code = _liblzma.lzma_raw_buffer_encode(_filters(options, len(data), base), None, data, ctypes.c_size_t(len(data)), out,
                                           ctypes.byref(end), ctypes.c_size_t(len(out)))
    demand(code == 0, f"lzma_raw_buffer_encode: {code}")
    return bytes([(pb * 5 + lp) * 9 + lc]) + out.raw[:end.value]


def unlzma_after(stream, base, size):
    """Python's own module has no way to say a base."""
    demand(len(base) + size <= WINDOW, "LZMA with a base, of too many bytes")
    options, at, end = Options(), ctypes.c_size_t(0), ctypes.c_size_t(0)
    options.lc, options.lp, options.pb = stream[0] % 9, stream[0] // 9 % 5, stream[0] // 45
    out = ctypes.create_string_buffer(size + 1)
    code = _liblzma.lzma_raw_buffer_decode(_filters(options, size, base), None, stream[1:], ctypes.byref(at), ctypes.c_size_t(len(stream) - 1),
                                           out, ctypes.byref(end), ctypes.c_size_t(size))
    demand(code == 0 and at.value == len(stream) - 1 and end.value == size, f"LZMA: code {code}, {at.value} bytes for {end.value}")
    return out.raw[:size]


def unlzma(stream, base, size, window=WINDOW):
    demand(stream[0] % 9 + stream[0] // 9 % 5 <= 4, "LZMA: lc and lp are too large together")
    strict = unlzma_after(stream, base, size)
    if base:
        return strict
    # The same as a file of its first program, whose head says the size; it may have a mark at its end.
    reader = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    out = reader.decompress(stream[:1] + struct.pack("<IQ", window, size) + stream[1:])
    demand(reader.eof and not reader.unused_data and out == strict, "LZMA: not of the stated size")
    return out


# ---- BSDIFF

def find_parts(data, base):
    """(where in the base, bytes like there, new bytes behind) one after the other; up to eight bytes in a row may differ."""
    block, parts, at = 32, [], 0
    places = {base[i:i + block]: i for i in range(0, len(base) - block + 1)}
    while at < len(data):
        begin = at
        while at < len(data) and data[at:at + block] not in places:
            at += 1
        if at > begin or not parts:
            where, add, _ = parts.pop() if parts else (0, 0, 0)
            parts.append((where, add, at - begin))
        if at < len(data):
            where, like, end = places[data[at:at + block]], 0, 0
            while at + end < len(data) and where + end < len(base) and end - like < 8:
                end += 1
                like = end if data[at + end - 1] == base[where + end - 1] else like
            parts.append((where, like, 0))
            at += like
    return [part for part in parts if part[1] or part[2]]


def bsdiff(data, base, parts=None):
    """parts: those of find_parts, which takes long for many megabytes."""
    seeks, gaps, words, extra, at, ends, gap = [], [], b"", b"", 0, [0, 0], 0
    parts = parts or find_parts(data, base)
    for n, (where, add, insert) in enumerate(parts):
        which = n % 2  # either is right
        distance = where - ends[which]
        seeks.append((distance * 2 if distance >= 0 else -distance * 2 - 1) << 1 | which)
        i = 0
        while i < add:
            if data[at + i] == base[where + i]:
                i, gap = i + 1, gap + 1
                continue
            count = min(3, add - i)
            new, old = (int.from_bytes(x[k:k + count], "little") for x, k in ((data, at + i), (base, where + i)))
            gaps.append(gap)
            words += ((new - old) % (1 << 8 * count)).to_bytes(count, "little")
            i, gap = i + count, 0
        extra += data[at + add:at + add + insert]
        at += add + insert
        ends = [where + add, ends[0]]
    columns = [b"".join(map(number, column)) for column in (seeks, [p[1] for p in parts], [p[2] for p in parts], gaps)] + [words, extra]
    packed = [pack_lzma(column) if i % 2 and column else column for i, column in enumerate(columns)]
    packed = [column if len(column) == len(p) else p for column, p in zip(columns, packed)]
    return b"".join(number(len(column)) + number(len(p)) for column, p in zip(columns, packed)) + b"".join(packed)


def unbsdiff(stream, base, size):
    demand(base, "BSDIFF without a base")
    lengths, at = get_numbers(stream, 0, 12)
    columns = []
    for length, packed in zip(lengths[::2], lengths[1::2]):
        column = stream[at:at + packed]
        columns.append(column if length == packed else unlzma(column, b"", length, COLUMN_WINDOW))
        at += packed
    demand(at == len(stream), "bytes behind the last column")
    word, extra, out, copied, ends = columns[4], columns[5], bytearray(), [], [0, 0]
    for seek, add, insert in zip(*map(all_numbers, columns[:3]), strict=True):
        distance = seek >> 1
        begin = ends[seek & 1] + (distance // 2 if distance % 2 == 0 else -(distance + 1) // 2)
        demand(add + insert and 0 <= begin <= begin + add <= len(base), "a part that is nothing, or outside")
        copied.append((len(out), add))
        out += base[begin:begin + add] + extra[:insert]
        extra = extra[insert:]
        ends = [begin + add, ends[0]]
    # Differences: places count over all that was copied.
    places, place = [(start + i, start + add) for start, add in copied for i in range(add)], 0
    for gap in all_numbers(columns[3]):
        place += gap
        at, end = places[place]
        count = min(3, end - at)
        value = int.from_bytes(out[at:at + count], "little") + int.from_bytes(word[:count], "little")
        out[at:at + count] = (value % (1 << 8 * count)).to_bytes(count, "little")
        word, place = word[count:], place + count
    demand(not word and not extra and len(out) == size, "columns do not end where the files do")
    return bytes(out)


encoders = {ZSTD: zstd, LZMA: pack_lzma, VCDIFF: vcdiff, BSDIFF: bsdiff}
decoders = {ZSTD: unzstd, LZMA: unlzma, VCDIFF: unvcdiff, BSDIFF: unbsdiff}


# ---- A published tree that is written by hand

class ByHand:
    """Every document is as the scenario says, true or not; beside what guts2-publish wrote, or alone."""

    def __init__(self, directory):
        self.path = directory
        self.url = "file://" + directory
        os.makedirs(os.path.join(directory, "f"), exist_ok=True)

    def put(self, name, content):
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(content if isinstance(content, bytes) else json.dumps(content).encode())

    def announce(self, type_, ident):
        self.put("q", {"updates": [{"type": type_, "version": ident[0], "cookie": ident[1]}]})

    def header(self, type_, ident, version, executable=()):
        """Of {path: bytes}, or {path: (sha256, size)}."""
        listed = []
        for path, content in version.items():
            digest, size = content if isinstance(content, tuple) else (hashlib.sha256(content).hexdigest(), len(content))
            listed.append({"filename": os.path.basename(path), "sha256": digest, "size": size,
                           **({"path": os.path.dirname(path)} if "/" in path else {}), **({"executable": True} if path in executable else {})})
        self.put(header_name(type_, ident), {"cookie": ident[1], "files": listed, "title": "t", "type": type_, "version": ident[0]})

    def offer(self, type_, new, old=None, **archives):
        """Archives by format. The id of the last."""
        offer = {}
        for format_, data in archives.items():
            offer[format_] = {"id": hashlib.sha256(data).hexdigest() + "_archive", "size": len(data)}
            self.put("f/" + offer[format_]["id"], data)
        self.put(offer_name(type_, new, old), offer)
        return offer[format_]["id"]
