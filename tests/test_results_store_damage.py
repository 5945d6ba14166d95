"""Damaged files: cut at every byte, flipped bits, bad lines: what is whole survives, what is not is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from faulty_disk import FastDisk
from test_results_store import RUN, SAMPLE
from vleval.results.storage import disk
from vleval.results.storage.lines import decode, encode, is_whole, scan
from vleval.results.storage.store import SAMPLES_FILE, RunStore, StoreError, read_samples

TORN_FILE = SAMPLES_FILE + ".torn"
SHORT = replace(SAMPLE, id="short", text="x", frames=(), tags={}, parsed={})
THIRD = replace(SHORT, id="third")
ALL = [SAMPLE, SHORT, THIRD]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of three answers."""
    monkeypatch.setattr(disk, "DISK", FastDisk())
    with RunStore(tmp_path / "run") as store:
        store.save(RUN)
        for sample in ALL:
            store.append(sample)
    return store.folder


def test_a_cut_at_every_byte_costs_the_torn_answer_alone(folder: Path) -> None:
    """After each cut the folder is opened, the tail moved aside, and the next answer is readable."""
    file, torn = folder / SAMPLES_FILE, folder / TORN_FILE
    file.write_bytes(file.read_bytes().partition(b"\n")[2])
    whole = file.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        file.write_bytes(whole[:cut])
        torn.unlink(missing_ok=True)
        kept = [sample for sample, end in zip(ALL[1:], ends, strict=True) if end <= cut]
        assert list(read_samples(folder)) == kept, "a reader skips the torn end"
        tail = whole[max([0, *(end for end in ends if end <= cut)]) : cut]
        with RunStore(folder) as store:
            assert (store.healed is not None) == bool(tail)
            assert store.healed is None or store.healed.tail_bytes == len(tail)
            store.append(replace(SHORT, id="zz next"))
        assert [sample.id for sample in read_samples(folder)] == [*(s.id for s in kept), "zz next"]
        assert (torn.read_bytes() if torn.exists() else b"") == (tail + b"\n" if tail else b"")


def test_no_flipped_bit_is_ever_taken_for_an_answer() -> None:
    line = encode({"v": 2, "id": "a", "metrics": {"acc": 1.0}})[:-1]
    for place in range(8 * len(line)):
        flipped = bytearray(line)
        flipped[place // 8] ^= 1 << place % 8
        assert not is_whole(bytes(flipped)), bytes(flipped)
    assert decode(line)["metrics"] == {"acc": 1.0}


@pytest.mark.parametrize("number", [1, 2])
def test_damage_before_the_end_is_named_moved_aside_and_never_skipped(folder: Path, number: int) -> None:
    file = folder / SAMPLES_FILE
    lines = file.read_bytes().splitlines(keepends=True)
    bad = lines[number - 1] = lines[number - 1].replace(b"red", b"rad")
    file.write_bytes(b"".join(lines))
    with pytest.raises(StoreError, match=f"damaged at line {number}; the same command again"):
        list(read_samples(folder))
    with RunStore(folder) as store:
        assert store.healed is not None
        assert (store.healed.lines, store.healed.tail_bytes) == ((number,), 0)
        assert str(store.healed) == f"line {number}"
    assert list(read_samples(folder)) == [sample for sample in ALL if sample is not ALL[number - 1]]
    assert (folder / TORN_FILE).read_bytes() == bad
    with RunStore(folder) as store:
        assert store.healed is None


def test_a_damaged_last_line_is_named_to_readers_too(folder: Path) -> None:
    """It ends in a newline, so no kill has torn it: it was acknowledged."""
    file = folder / SAMPLES_FILE
    whole = file.read_bytes()
    file.write_bytes(whole[:-30] + b"?" + whole[-29:])
    with pytest.raises(StoreError, match="damaged at line 3"):
        list(read_samples(folder))
    with RunStore(folder) as store:
        assert store.healed is not None
        assert store.healed.tail_bytes == len(whole.splitlines()[2]) + 1
    assert list(read_samples(folder)) == ALL[:2]


def test_zeros_in_place_of_the_last_line(folder: Path) -> None:
    """What some file systems show after a loss of power."""
    file = folder / SAMPLES_FILE
    whole = file.read_bytes()
    ends = [line.end + 1 for line in scan(whole).whole]
    file.write_bytes(whole[: ends[1]] + bytes(len(whole) - ends[1]))
    assert list(read_samples(folder)) == ALL[:2]
    with RunStore(folder) as store:
        store.append(THIRD)
    assert list(read_samples(folder)) == ALL


def test_two_lines_glued_by_a_lost_newline_are_both_named(folder: Path) -> None:
    file = folder / SAMPLES_FILE
    lines = file.read_bytes().splitlines()
    file.write_bytes(lines[0] + lines[1] + b"\n" + lines[2] + b"\n")
    with RunStore(folder) as store:
        assert store.healed is not None
        assert store.healed.lines == (1,)
    assert list(read_samples(folder)) == [THIRD]
