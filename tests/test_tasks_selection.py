"""Which questions are asked: by id, in a random order, from an offset on, up to a count or a share."""

from __future__ import annotations

import pytest

from toy import toy_samples
from vleval.tasks.base import DataError, Sample
from vleval.tasks.data.selection import select

SAMPLES = toy_samples(30)
IDS = [sample.id for sample in SAMPLES]


def ids(samples: list[Sample]) -> list[str]:
    return [sample.id for sample in samples]


def test_an_offset_leaves_out_the_first_and_a_limit_counts_from_there() -> None:
    assert ids(select(SAMPLES, "toy", offset=4, limit=3)) == IDS[4:7]
    assert ids(select(SAMPLES, "toy", offset=28, limit=10)) == IDS[28:]
    assert ids(select(SAMPLES, "toy")) == IDS
    with pytest.raises(DataError, match="--offset 30 leaves no question of toy"):
        select(SAMPLES, "toy", offset=30)


@pytest.mark.parametrize(("share", "count"), [(0.1, 3), (0.101, 4), (0.01, 1), (1.0, 30), (1 / 3, 10)])
def test_a_share_is_of_all_questions_rounded_up(share: float, count: int) -> None:
    assert ids(select(SAMPLES, "toy", limit=share)) == IDS[:count]
    assert ids(select(SAMPLES, "toy", limit=share, offset=6)) == IDS[6 : 6 + count]


def test_shares_from_offset_to_offset_are_the_whole() -> None:
    parts = [select(SAMPLES, "toy", limit=0.1, offset=3 * number, seed=5) for number in range(10)]
    assert ids([sample for part in parts for sample in part]) == ids(select(SAMPLES, "toy", seed=5))


def test_a_seed_keeps_the_questions_of_a_medium_together() -> None:
    found = select(SAMPLES, "toy", seed=1, limit=6)
    assert len({sample.cluster for sample in found}) == 3
    assert ids(found) != IDS[:6]
    assert ids(found) == ids(select(SAMPLES, "toy", seed=1))[:6], "a longer limit extends a shorter one"


def test_ids_are_asked_in_the_order_of_the_data_and_unknown_ones_are_named() -> None:
    assert ids(select(SAMPLES, "toy", ids=["toy-9", "toy-2", "toy-9"])) == ["toy-2", "toy-9"]
    with pytest.raises(DataError, match=r"toy has no question with the id 'toy_3', 'x'; .* such as 'toy-3'"):
        select(SAMPLES, "toy", ids=["toy-1", "toy_3", "x"])


def test_no_more_is_read_than_asked_for() -> None:
    stream = iter(SAMPLES)
    select(stream, "toy", offset=2, limit=3)
    assert next(stream).id == IDS[5]
