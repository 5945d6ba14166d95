"""Matches the blocks of a page that was read with those of the true page: OmniDocBench's `quick_match`.

Source: the benchmark's `match_quick.py` (v1.0, and VLMEvalKit's copy), with its thresholds. A model may break
a paragraph in two or run two together, so neighbours are joined first where that brings them nearer to a true
block (joined by a blank); then blocks are paired with the least sum of normalised edit distances; pairs
further apart than 0.7 are undone, and true blocks that are left are looked for inside longer read ones.
Where pairs cost the same (a page that says something twice), the order of the page decides; upstream, chance.

Upstream gives up after 30 seconds of a clock and pairs blocks simply. Here the work is counted instead, so
that the same answer has the same score on every machine: see `WORK_LIMIT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from vleval.tasks.text.edit_distance import normalised_edit_distance
from vleval.tasks.text.pairing import pair_texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CERTAIN = 0.25
"""Distance below which blocks belong together without joining any."""
JOINED = 0.6
"""How far a part may be from its place in a true block to be joined with its neighbour."""
APART = 0.7
"""Distance beyond which a pair is none."""
INSIDE = 0.4
"""How near a true block must be to a stretch of a read one to be a part of it."""

WORK_LIMIT = 1_000_000_000
"""What one page's blocks may cost to look for inside each other, in units of `_count`: some seconds. Beyond,
blocks are paired simply, as upstream does after its 30 seconds."""


class Match(NamedTuple):
    """Blocks that belong together, by their places in the lists; one side may be empty."""

    said: tuple[int, ...]
    true: tuple[int, ...]


class Rules(NamedTuple):
    """What one may want of the benchmark's matching, or not."""

    missing_twice: bool = True
    """Whether true blocks without a match count twice where no read block is left: a slip upstream, which is
    part of every published score."""


OFFICIAL = Rules()


def quick_match(said: Sequence[str], true: Sequence[str], rules: Rules = OFFICIAL) -> list[Match]:
    """All true blocks, and the read ones that count; empty texts are in no match.

    Read blocks that are left over stand alone only where every true block has a match: else they are free,
    as upstream.
    """
    rows = [place for place, text in enumerate(true) if text]
    columns = [place for place, text in enumerate(said) if text]
    texts, truths = [said[place] for place in columns], [true[place] for place in rows]
    if not rows:
        found = [Match((place,), ()) for place in range(len(columns))]
    elif not columns:
        found = [Match((), (place,)) for place in range(len(rows))]
    elif len(rows) == len(columns) == 1:
        found = [Match((0,), (0,))]
    else:
        try:
            found = _Matching(texts, truths).matches(rules)
        except _TooMuchWork:
            found = simple_match(texts, truths)
    return [
        Match(tuple(columns[place] for place in match.said), tuple(rows[place] for place in match.true))
        for match in found
    ]


def simple_match(said: Sequence[str], true: Sequence[str]) -> list[Match]:
    """One to one with the least sum of distances; all read blocks that are left over are one match."""
    pairs = {row: column for column, row, _ in pair_texts(said, true)}
    found = [Match((pairs[row],) if row in pairs else (), (row,)) for row in range(len(true))]
    rest = tuple(sorted(set(range(len(said))) - set(pairs.values())))
    return found + ([Match(rest, ())] if rest else [])


class _TooMuchWork(Exception):
    """The blocks are too many and too long."""


class _Matching:
    def __init__(self, said: Sequence[str], true: Sequence[str]) -> None:
        self.said, self.true = said, true
        self.work = 0.0

    def matches(self, rules: Rules) -> list[Match]:
        groups = self._joined()
        texts = [" ".join(self.said[place] for place in group) for group in groups]
        pairs = {row: groups[column] for column, row, _ in pair_texts(texts, self.true, limit=APART)}
        found: dict[tuple[int, ...], list[int]] = {group: [row] for row, group in sorted(pairs.items())}
        taken = set(pairs)
        left = [row for row in range(len(self.true)) if row not in taken]
        for place, text in enumerate(self.said):
            inside = [row for row in left if self._lies_in(self.true[row], text, INSIDE, strictly=True)]
            if inside:
                found.setdefault((place,), []).extend(row for row in inside if row not in taken)
                taken.update(inside)
        return self._with_the_rest(found, rules)

    def _with_the_rest(self, found: dict[tuple[int, ...], list[int]], rules: Rules) -> list[Match]:
        """The matches, and what is left on either side."""
        result = [Match(group, tuple(sorted(rows))) for group, rows in found.items() if rows]
        matched = {row for rows in found.values() for row in rows}
        missing = [row for row in range(len(self.true)) if row not in matched]
        used = {place for group in found for place in group}
        rest = [place for place in range(len(self.said)) if place not in used]
        if missing and rest:
            pairs = _nearest([self.said[place] for place in rest], [self.true[row] for row in missing])
            result += [Match((rest[column],), (missing[row],)) for row, column in pairs]
            paired = {row for row, _ in pairs}
            return result + [Match((), (row,)) for at, row in enumerate(missing) if at not in paired]
        if rest:
            result.append(Match(tuple(rest), ()))
        alone = [Match((), (row,)) for row in missing]
        return result + alone * (2 if rules.missing_twice else 1)

    def _joined(self) -> list[tuple[int, ...]]:
        """The read blocks, neighbours joined where that brings them nearer to a true block."""
        certain = _distances(self.said, self.true) < CERTAIN
        rows = [row for row in range(len(self.true)) if not certain[row].any()]
        free = [place for place in range(len(self.said)) if not certain[:, place].any()]
        chosen: list[_Run] = []
        unsure = set(free)
        for row in rows:
            runs = [self._run(place, row, unsure) for place in free]
            if runs:
                chosen.append(min(runs, key=lambda run: run.cost))
        joined = {run.places[0]: run.places for run in _without_overlap(chosen)}
        groups, place = [], 0
        while place < len(self.said):
            group = joined.get(place, (place,))
            groups.append(group)
            place = group[-1] + 1
        return groups

    def _run(self, first: int, row: int, free: set[int]) -> _Run:
        """The blocks from this one on that together come nearest to a true one."""
        true, places = self.true[row], [first]
        text = self.said[first]
        distance = self._distance(text, true)
        while places[-1] + 1 in free:
            longer = f"{text} {self.said[places[-1] + 1]}"
            with_next = self._distance(longer, true)
            if with_next > distance or not self._all_lie_in(true, places):
                break
            places.append(places[-1] + 1)
            text, distance = longer, with_next
            if len(text) > len(true):
                break
        return _Run(tuple(places), distance)

    def _all_lie_in(self, true: str, places: Sequence[int]) -> bool:
        """Whether the blocks of a run and the next one are each somewhere in a true block."""
        return all(
            self._lies_in(self.said[place], true, JOINED, strictly=False) for place in places
        ) and self._lies_in(self.said[places[-1] + 1], true, JOINED, strictly=True)

    def _lies_in(self, part: str, whole: str, limit: float, *, strictly: bool) -> bool:
        """Whether some stretch of `whole`, as long as `part`, is nearer to it than `limit`."""
        from rapidfuzz.distance import Levenshtein

        length = len(part)
        if length > len(whole):
            return False
        cutoff = int(limit * length)
        for start in range(len(whole) - length + 1):
            self._count(length, length)
            distance = Levenshtein.distance(whole[start : start + length], part, score_cutoff=cutoff)
            if distance / length < limit or (not strictly and distance / length == limit):
                return True
        return False

    def _distance(self, one: str, other: str) -> float:
        self._count(len(one), len(other))
        return normalised_edit_distance(one, other)

    def _count(self, length: int, other: int) -> None:
        """One comparison of texts of these lengths: the call itself, and 64 letters at once."""
        self.work += 500 + length * other / 40
        if self.work > WORK_LIMIT:
            raise _TooMuchWork


class _Run(NamedTuple):
    places: tuple[int, ...]
    cost: float


def _without_overlap(runs: Sequence[_Run]) -> list[_Run]:
    """Runs that share no block: of those that do, the set with the least mean distance, built greedily."""
    groups: list[list[_Run]] = []
    for run in sorted(runs, key=lambda run: run.places[0]):
        if groups and any(set(run.places) & set(other.places) for other in groups[-1]):
            groups[-1].append(run)
        else:
            groups.append([run])
    chosen: list[_Run] = []
    for group in groups:
        ways: list[list[_Run]] = [[group[0]]]
        for run in group[1:]:
            _add(run, ways)
        best = min(ways, key=_mean_cost)
        chosen += best
    return chosen


def _mean_cost(way: Sequence[_Run]) -> float:
    return sum(run.cost for run in way) / len(way)


def _add(run: _Run, ways: list[list[_Run]]) -> None:
    """To each way that it fits in; where it fits in none, as a way of its own."""
    placed = False
    for way in ways:
        same = next((place for place, other in enumerate(way) if other.places == run.places), None)
        if same is not None:
            way[same] = min(way[same], run, key=lambda each: each.cost)
            placed = True
        elif not any(set(run.places) & set(other.places) for other in way):
            way.append(run)
            placed = True
    if not placed:
        ways.append([run])


def _distances(said: Sequence[str], true: Sequence[str]) -> NDArray[np.float64]:
    """[true, said]: normalised edit distances."""
    import numpy as np
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    found: NDArray[np.float64] = cdist(true, said, scorer=Levenshtein.normalized_distance, dtype=np.float64)
    return found


def _nearest(said: Sequence[str], true: Sequence[str]) -> list[tuple[int, int]]:
    """(true, said) pairs with the least sum of edits, whatever the lengths."""
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cdist(true, said, scorer=Levenshtein.distance))
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
