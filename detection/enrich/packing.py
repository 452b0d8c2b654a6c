"""Makes a small file in MaxMind's format out of a list of address ranges and the networks that announce them.

Only what we ask is kept: one tree for IPv4 and IPv6 with equal branches laid together, and each network's number and
name once. 400,000 ranges take a tenth of the room of the list they come from.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

NUMBER, OWNER = "autonomous_system_number", "autonomous_system_organization"
MARK = b"\xab\xcd\xefMaxMind.com"
LONGEST_NAME = 100
BITS = 128
RECORD = 3  # bytes of a branch

Range = tuple[int, int, int]  # first and last address as numbers, and the network's number
Branches = tuple[int, int]  # the place of a node from 1 on, 0 for nobody, a network's number below zero


def pack(ranges: Iterable[Range], names: Mapping[int, str], built_at: int) -> bytes:
    """The file. IPv4 addresses are the first of IPv6's, as the format has it; where ranges overlap the earlier stands.
    Raises ValueError for more than the format's smallest size holds."""
    records, places = _records(names)
    nodes = _ordered(*_tree(_apart(ranges)))
    if len(nodes) + 16 + len(records) >= 1 << 8 * RECORD:
        raise ValueError("too many networks for branches of 24 bits")
    tree = bytearray()
    for branches in nodes:
        for branch in branches:
            place = len(nodes) + 16 + places[-branch] if branch < 0 else len(nodes) if branch == 0 else branch - 1
            tree += place.to_bytes(RECORD, "big")
    return bytes(tree) + bytes(16) + records + MARK + _about(len(nodes), built_at)


def _apart(ranges: Iterable[Range]) -> list[Range]:
    """The ranges in order, none over another."""
    apart: list[Range] = []
    for first, last, number in sorted(ranges, key=lambda row: (row[0], -row[1])):
        begin = max(first, apart[-1][1] + 1) if apart else first
        if begin <= last:
            apart.append((begin, last, number))
    return apart


def _tree(ranges: Sequence[Range]) -> tuple[dict[Branches, int], int]:
    """Every node that differs from all others by its place, and the place of the root."""
    ends = [last for _, last, _ in ranges]
    nodes: dict[Branches, int] = {}

    def grow(low: int, bits: int, at: int) -> int:
        high = low + (1 << bits) - 1
        if at == len(ranges) or ranges[at][0] > high:
            return 0
        if ranges[at][0] <= low and ends[at] >= high:
            return -ranges[at][2]
        middle = low + (1 << bits - 1)
        branches = grow(low, bits - 1, at), grow(middle, bits - 1, bisect_left(ends, middle, at))
        if branches[0] == branches[1] <= 0:
            return branches[0]
        return nodes.setdefault(branches, len(nodes) + 1)

    root = grow(0, BITS, 0)
    return (nodes, root) if root > 0 else ({(root, root): 1}, 1)


def _ordered(nodes: Mapping[Branches, int], root: int) -> list[Branches]:
    """The nodes level by level from the root, each branch by its new place: neighbours lie together and pack well."""
    by_place = {place: branches for branches, place in nodes.items()}
    queue, new = [root], {root: 1}
    for place in queue:  # grows while it is read
        for branch in by_place[place]:
            if branch > 0 and branch not in new:
                queue.append(branch)
                new[branch] = len(queue)
    return [(new.get(left, left), new.get(right, right)) for left, right in (by_place[place] for place in queue)]


def _records(names: Mapping[int, str]) -> tuple[bytes, dict[int, int]]:
    """What is said of each network, and where it begins. Keys and repeated names are written once and pointed at."""
    said = bytearray(_text(NUMBER) + _text(OWNER))
    keys = _pointer(0), _pointer(len(_text(NUMBER)))
    places: dict[int, int] = {}
    written: dict[str, int] = {}
    for number, given in sorted(names.items()):
        name = " ".join(given.split())[:LONGEST_NAME]
        places[number] = len(said)
        said += _head(7, 2) + keys[0] + _number(number) + keys[1]
        if name in written:
            said += _pointer(written[name])
        else:
            written[name] = len(said)
            said += _text(name)
    return bytes(said), places


def _about(nodes: int, built_at: int) -> bytes:
    told = {
        "node_count": _number(nodes),
        "record_size": _number(8 * RECORD, kind=5),
        "ip_version": _number(6, kind=5),
        "database_type": _text("Networks"),
        "languages": _head(11, 0),
        "binary_format_major_version": _number(2, kind=5),
        "binary_format_minor_version": _number(0, kind=5),
        "build_epoch": _number(built_at, kind=9),
        "description": _head(7, 0),
    }
    return _head(7, len(told)) + b"".join(_text(key) + value for key, value in told.items())


def _head(kind: int, size: int) -> bytes:
    """The control byte of a value: its kind and, up to 28 and in a byte more to 284, its size."""
    first, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([kind << 5 | first]) + more if kind < 8 else bytes([first, kind - 7]) + more


def _text(value: str) -> bytes:
    raw = value.encode()[:284]
    return _head(2, len(raw)) + raw


def _number(value: int, kind: int = 6) -> bytes:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _head(kind, len(raw)) + raw


def _pointer(place: int) -> bytes:
    """A pointer into the records, in the fewest bytes that hold it."""
    for size, (offset, bits) in enumerate(((0, 11), (2048, 19), (526336, 27))):
        value = place - offset
        if value < 1 << bits:
            raw = value.to_bytes(size + 2, "big")
            return bytes([1 << 5 | size << 3 | raw[0]]) + raw[1:]
    raise ValueError("the records are larger than a pointer reaches")
