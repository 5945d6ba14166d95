"""Lines of JSON that prove their own wholeness: the last key of each is the CRC-32 of what stands before it.

`{"v": 2, "id": "a", ..., "crc": "9ae0daaf"}`. A line stays plain JSON for every other program.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_CRC = re.compile(rb', "crc": "([0-9a-f]{8})"\}')
_CRC_LENGTH = len(', "crc": "00000000"}')
_BEFORE_CRC = re.compile(rb'\{"v": 1,')
"""Lines of version 1 carry no CRC."""


class DamagedLine(ValueError):
    """A line is not what was written."""


class Line(NamedTuple):
    """Where a line lies in its file, without its newline."""

    number: int
    start: int
    end: int


class Scan(NamedTuple):
    """A file of lines, told into whole and damaged ones."""

    whole: list[Line]
    damaged: list[Line]
    """Lines between whole ones."""
    tail: int
    """Offset behind the last whole line: whatever follows is a torn or damaged end."""


def encode(record: Mapping[str, Any]) -> bytes:
    """One line with its newline, in ASCII; `record` is not empty and has no key `crc`."""
    body = json.dumps(record, allow_nan=False).encode("ascii")[:-1]
    return b'%b, "crc": "%08x"}\n' % (body, zlib.crc32(body))


def decode(line: bytes) -> dict[str, Any]:
    """The record of one line. Raises DamagedLine."""
    if not is_whole(line):
        raise DamagedLine
    record: dict[str, Any] = json.loads(line)
    record.pop("crc", None)
    return record


def is_whole(line: bytes) -> bool:
    """Whether a line is what was written."""
    found = _CRC.fullmatch(line, max(0, len(line) - _CRC_LENGTH))
    if found:
        return int(found[1], 16) == zlib.crc32(line[: found.start()])
    if not _BEFORE_CRC.match(line):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def scan(data: bytes) -> Scan:
    """Tell whole lines from damaged ones."""
    whole: list[Line] = []
    damaged: list[Line] = []
    behind: list[Line] = []
    for line in _split(data):
        if is_whole(data[line.start : line.end]):
            damaged += behind
            behind = []
            whole.append(line)
        else:
            behind.append(line)
    return Scan(whole, damaged, whole[-1].end + 1 if whole else 0)


def _split(data: bytes) -> Iterator[Line]:
    """Lines that end in a newline; what follows the last newline is part of the tail."""
    number, start = 1, 0
    while (end := data.find(b"\n", start)) >= 0:
        yield Line(number, start, end)
        number, start = number + 1, end + 1
