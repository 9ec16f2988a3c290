#!/usr/bin/env python3
"""Reads images as docs/image.md specifies them, with nothing but Python's standard library.

    reader.py FOLDER        sees that the images in the folder give the answers of the corpus there
    reader.py IMAGE ADDRESS...

It was written from that page alone, to see that the page suffices. It is no part of what users get.
"""

import bisect
import hashlib
import ipaddress
import pathlib
import struct
import sys
import unicodedata
import zlib

MAGIC = bytes.fromhex("89 63 69 64 72 0d 0a 1a")
DEFAULT = 0xFFFFFFFF
MAPPED = (0xFFFF_0000_0000, 0xFFFF_FFFF_FFFF)
PAINTING = [
    ("v4.edges", 4), ("v4.owner", 4), ("v6.edges", 16), ("v6.owner", 4),
    ("action", 1), ("line", 4), ("note", 4), ("note.end", 8), ("note.txt", 1),
]
VERDICTS = [("v4.allow", 4), ("v6.allow", 16)]


class Bad(Exception):
    """What is wrong with an image."""


def need(holds, what):
    if not holds:
        raise Bad(what)


def numbers(data, size):
    return [int.from_bytes(data[at:at + size], "little") for at in range(0, len(data), size)]


class Image:
    def __init__(self, data):
        need(data[:8] == MAGIC, "magic")
        need(len(data) >= 12, "length")
        (version,) = struct.unpack_from("<I", data, 8)
        need(version == 1, f"version {version}")
        need(len(data) >= 64, "length")
        checksum, length, contents, default = struct.unpack_from("<IQII", data, 12)
        need(length == len(data), "length")
        need(zlib.crc32(data[16:]) == checksum, "checksum")
        need(contents in (0, 1), "contents")
        need(default in (0, 1) and not (contents and default), "default")
        fingerprint = data[32:64]

        table = VERDICTS if contents else PAINTING
        end = 64 + 24 * len(table)
        need(len(data) >= end, "table")
        found = {}
        for number, (name, size) in enumerate(table):
            entry = 64 + 24 * number
            start = -(-end // 64) * 64
            need(data[entry:entry + 8] == name.encode().ljust(8, b"\0"), f"name {name}")
            offset, length = struct.unpack_from("<QQ", data, entry + 8)
            need(offset == start, f"offset of {name}")
            need(start + length <= len(data) and length % size == 0, f"length of {name}")
            need(not any(data[end:start]), f"padding before {name}")
            found[name] = data[start:start + length]
            end = start + length
        need(end == len(data), "end")

        self.verdicts_only = contents == 1
        self.default = default
        sizes = dict(table)
        found = {name: data if name == "note.txt" else numbers(data, sizes[name]) for name, data in found.items()}
        if self.verdicts_only:
            self.allowed = {4: found["v4.allow"], 6: found["v6.allow"]}
        else:
            self.edges = {4: found["v4.edges"], 6: found["v6.edges"]}
            self.owners = {4: found["v4.owner"], 6: found["v6.owner"]}
            self.actions, self.lines = found["action"], found["line"]
            need(len(self.actions) <= 1 << 31, "rules")
            need(all(action <= 1 for action in self.actions), "action")
            need(len(self.lines) == len(self.actions) == len(found["note"]), "rules")
            self.notes = self.read_notes(found["note"], found["note.end"], found["note.txt"])
            for family in (4, 6):
                self.check_owners(self.edges[family], self.owners[family])
            self.allowed = {family: list(self.join(family)) for family in (4, 6)}
        for family in (4, 6):
            for edges in [self.allowed[family]] + ([] if self.verdicts_only else [self.edges[family]]):
                need(all(a < b for a, b in zip(edges, edges[1:])), "edges that do not rise")
                need(len(edges) < 1 << 32, "too many edges")
                need(family == 4 or not any(MAPPED[0] <= edge <= MAPPED[1] for edge in edges), "mapped edge")

        digest = hashlib.sha256(b"cidrgate.verdict.1\0")
        for family, size in ((4, 4), (6, 16)):
            edges = self.allowed[family]
            digest.update(len(edges).to_bytes(8, "little"))
            digest.update(b"".join(edge.to_bytes(size, "little") for edge in edges))
        need(digest.digest() == fingerprint, "fingerprint")

    def check_owners(self, edges, owners):
        need(0 not in edges[:1], "edge 0")
        need(len(owners) == len(edges) + 1, "owners")
        need(all(owner == DEFAULT or owner < len(self.actions) for owner in owners), "owner")
        need(all(a != b for a, b in zip(owners, owners[1:])), "neighbours of one owner")

    def read_notes(self, note_of, ends, text):
        notes, start = [], 0
        for end in ends:
            need(start < end <= len(text) and end - start <= 65024, "note's end")
            try:
                note = text[start:end].decode("utf-8")
            except UnicodeDecodeError:
                raise Bad("UTF-8") from None
            need(note.strip(" \t") == note, "note with blanks around it")
            need(not any(unicodedata.category(char) == "Cc" and char != "\t" for char in note), "control character")
            notes.append(note)
            start = end
        need(start == len(text), "text after the notes")
        used = before = 0
        for number in note_of:
            if number not in (0, before) or number and not before:
                used += 1
                need(number == used <= len(notes), "number of a note")
                need(not before or notes[number - 1] != notes[before - 1], "note that is not shared")
            before = number
        need(used == len(notes), "note that no rule has")
        return [notes[number - 1] if number else None for number in note_of]

    def action(self, owner):
        return self.default if owner == DEFAULT else self.actions[owner]

    def join(self, family):
        before = 0
        for start, owner in zip([0] + self.edges[family], self.owners[family]):
            if self.action(owner) != before:
                before = self.action(owner)
                yield start

    def decide(self, address):
        """Whether it may come in; the rule, or None; the network."""
        address = ipaddress.ip_address(address)
        address = getattr(address, "ipv4_mapped", None) or address
        family, at = address.version, int(address)
        rank = bisect.bisect_right(self.allowed[family], at)
        allow = rank % 2 == 1
        edges, rule = self.allowed[family], None
        if not self.verdicts_only:
            edges = self.edges[family]
            rank = bisect.bisect_right(edges, at)
            owner = self.owners[family][rank]
            assert allow == (self.action(owner) == 1)
            rule = None if owner == DEFAULT else owner
        first = edges[rank - 1] if rank else 0
        last = (edges[rank] if rank < len(edges) else 1 << address.max_prefixlen) - 1
        for length in range(address.max_prefixlen + 1):
            net = ipaddress.ip_network((address, length), strict=False)
            low, high = int(net.network_address), int(net.broadcast_address)
            if first <= low and high <= last and not (family == 6 and MAPPED[0] <= high <= MAPPED[1]):
                return allow, rule, net
        raise AssertionError("no network")


def corpus(folder):
    answers = 0
    for path in sorted(pathlib.Path(folder).glob("*.image")):
        data = path.read_bytes()
        image = Image(data)
        name = path.name.split(".")[0]
        for line in path.with_name(name + ".answers").read_text().splitlines():
            address, verdict, decides = line.split(" ")
            allow, rule, _ = image.decide(address)
            found = "default" if rule is None else str(image.lines[rule])
            if allow != (verdict == "allow") or not image.verdicts_only and found != decides:
                sys.exit(f"{path}: {address}: {allow}, {found} instead of {line}")
            answers += 1
        # One bit changed anywhere is seen.
        for at in range(len(data)):
            changed = bytearray(data)
            changed[at] ^= 1 << at % 8
            try:
                Image(bytes(changed))
            except Bad:
                continue
            sys.exit(f"{path}: a change of byte {at} is not seen")
    print(f"{answers} answers")


def main():
    if len(sys.argv) == 2:
        return corpus(sys.argv[1])
    image = Image(pathlib.Path(sys.argv[1]).read_bytes())
    for address in sys.argv[2:]:
        allow, rule, net = image.decide(address)
        print(address, "allow" if allow else "deny", "-" if rule is None else rule, net)


if __name__ == "__main__":
    main()
