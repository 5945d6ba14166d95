"""Average precision from short evidence of each picture, so that it can be computed again without its boxes.

`image_evidence` lets pycocotools match one picture and keeps what the figures need: per label how many
objects there are, and of each find its score, at which overlaps it hits, and at which it is left out (it lies
in a crowd, or its object or itself is of another size). `figures` then ranks the finds of all pictures and
gives what pycocotools gives for them together (to 1e-12: its precision is 1 - 2e-16 at best). Pictures may
count several times or not at all, as in a resample of a bootstrap. Precision falls at every miss and rises at
every hit, so its envelope is known from the hits alone.

All twelve figures of a setting (`detection.FIGURES`) are there, and computed only where they are asked for.
Evidence is made by `tasks`, stored with each answer, and read by `results`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vleval.grounding.detection import FIGURES, MAX_DETECTIONS, Setting, matched
from vleval.grounding.objects import FoundObjects, Id, TrueObjects, gather

AREAS = ("all", "small", "medium", "large")
"""pycocotools' classes of area, in its order: small is under 32 x 32 pixels, large from 96 x 96."""
THRESHOLDS = 10
"""IoU 0.50:0.05:0.95. Bit t of a number of evidence is about 0.50 + 0.05 t."""
LEVELS = np.linspace(0.0, 1.0, 101)
"""Recalls at which precision is read."""


class Figure(NamedTuple):
    """What one of the twelve is the mean of."""

    recall: bool
    """Average recall instead of precision."""
    threshold: int | None
    """The one overlap that counts; None: all."""
    area: int
    """Index into AREAS."""
    most: int
    """Finds of one picture and label that count."""


def image_evidence(
    true_boxes: ArrayLike,
    true_labels: Sequence[Id],
    found_boxes: ArrayLike,
    found_labels: Sequence[Id],
    *,
    scores: Sequence[float] | None = None,
    crowd: Sequence[bool] | None = None,
    areas: Sequence[float] | None = None,
    setting: Setting = "coco",
) -> dict[str, Any]:
    """What one picture adds to average precision; boxes [N, 4] are (x1, y1, x2, y2) in one unit.

    `scores` rank the finds (None: all alike, and the order given decides), `crowd` marks true boxes that
    stand for a group, `areas` are those annotated to true objects (None: of their boxes). Finds with a label
    that the picture lacks are kept: another picture may have it. JSON-able. Raises ValueError as
    `objects.gather`.

    >>> found = image_evidence([[0, 0, 10, 10]], ["cat"], [[0, 0, 10, 8], [50, 50, 60, 60]], ["cat"] * 2)
    >>> found["labels"]["cat"]["true"], found["labels"]["cat"]["hit"][0], found["labels"]["cat"]["out"][3]
    ([1, 1, 0, 0], [127, 0], [1023, 1023])
    """
    picture: Id = 0
    world = gather(
        {picture: TrueObjects(true_boxes, list(true_labels), crowd)},
        {picture: FoundObjects(found_boxes, list(found_labels), scores)},
    )
    if areas is not None:
        if len(areas) != len(world.true):
            raise ValueError(f"{len(areas)} areas for {len(world.true)} true boxes")
        given = zip(world.true, areas, strict=True)
        world = world._replace(true=tuple(each._replace(area=float(area)) for each, area in given))
    labels = tuple(dict.fromkeys((*world.labels, *(each.label for each in world.found))))
    found: dict[str, dict[str, Any]] = {}
    for number, judged in _by_label(matched(world._replace(labels=labels), setting)):
        found[str(labels[number])] = judged
    return {"setting": setting, "labels": found}


def nothing_found(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The evidence of the same picture under an answer that names nothing."""
    labels = {
        label: {"true": judged["true"], "score": [], "hit": [[]] * len(AREAS), "out": [[]] * len(AREAS)}
        for label, judged in evidence["labels"].items()
        if any(judged["true"])
    }
    return {"setting": evidence["setting"], "labels": labels}


def figures(
    evidences: Sequence[Mapping[str, Any]],
    *,
    weights: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, float | None]:
    """Figures of pictures together, by name; picture i counts weights[i] times, a whole number >= 0.

    Finds of equal score are ranked by their pictures' order, then by their own. None where no object is to
    be found. `names` are some of `detection.FIGURES` (None: all). Raises ValueError on evidence of several
    settings and on a name that the setting lacks.

    >>> cat = image_evidence([[0, 0, 10, 10]], ["cat"], [[0, 0, 10, 10]], ["cat"])
    >>> missed = image_evidence([[0, 0, 10, 10]], ["cat"], [], [])
    >>> round(figures([cat, missed])["AP"], 3), figures([cat, missed], weights=[2, 0])["AP"]
    (0.505, 1.0)
    """
    return Precision(evidences, names).figures(None if weights is None else np.asarray(weights, np.int64))


class Precision:
    """Pictures made ready for figures under many weights: everything is sorted once."""

    def __init__(self, evidences: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None) -> None:
        """As `figures`."""
        settings = {evidence["setting"] for evidence in evidences}
        if len(settings) > 1:
            raise ValueError(f"evidence of several settings: {', '.join(sorted(settings))}")
        self._wanted = _wanted(next(iter(settings), None), names)
        self._count = len(evidences)
        self._true = _Objects(evidences)
        keys = dict.fromkeys((each.area, each.most) for each in self._wanted.values())
        finds = _Finds(evidences, self._true.labels)
        self._ranked = {key: finds.ranked(*key) for key in keys}

    def figures(self, weights: NDArray[np.int64] | None = None) -> dict[str, float | None]:
        """The figures, by name, where picture i counts weights[i] times (None: once)."""
        if weights is None:
            weights = np.ones(self._count, np.int64)
        true = self._true.count(weights)
        counted = {key: _Counted(ranked, weights, true[key[0]]) for key, ranked in self._ranked.items()}
        return {
            name: counted[figure.area, figure.most].mean(figure.recall, figure.threshold)
            for name, figure in self._wanted.items()
        }


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Finds that may count at one size and maximum, by label, then from the surest to the least sure."""

    hit: NDArray[np.bool_]
    """(T, D)"""
    miss: NDArray[np.bool_]
    """(T, D)"""
    label: NDArray[np.intp]
    """(D,)"""
    picture: NDArray[np.intp]
    """(D,)"""
    run: NDArray[np.intp]
    """(R,): where each run of finds begins that share label, score and picture. A picture that counts twice
    says them all, and then all again."""

    def repeated(self, weights: NDArray[np.int64]) -> NDArray[np.intp]:
        """Indices of the finds as they are ranked when pictures count weights[i] times."""
        if not len(self.run):
            return np.zeros(0, np.intp)
        lengths = np.diff([*self.run.tolist(), len(self.label)])
        copies = np.repeat(np.arange(len(self.run)), weights[self.picture[self.run]])
        size = lengths[copies]
        ends = np.cumsum(size)
        return np.repeat(self.run[copies] - ends + size, size) + np.arange(ends[-1] if len(ends) else 0)


class _Objects:
    """How many objects of each label and size each picture has."""

    def __init__(self, evidences: Sequence[Mapping[str, Any]]) -> None:
        rows = [
            (picture, label, judged["true"])
            for picture, evidence in enumerate(evidences)
            for label, judged in evidence["labels"].items()
            if any(judged["true"])
        ]
        names = sorted({label for _, label, _ in rows})
        self.labels = {label: place for place, label in enumerate(names)}
        self._picture = np.array([picture for picture, _, _ in rows], np.intp)
        self._label = np.array([self.labels[label] for _, label, _ in rows], np.intp)
        self._true = np.array([counts for _, _, counts in rows], np.int64).reshape(len(rows), len(AREAS))

    def count(self, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        """(areas, labels)"""
        found = np.zeros((len(self.labels), len(AREAS)), np.int64)
        np.add.at(found, self._label, self._true * weights[self._picture][:, None])
        return found.T


class _Finds:
    """All finds of labels that have an object, in columns."""

    def __init__(self, evidences: Sequence[Mapping[str, Any]], labels: Mapping[str, int]) -> None:
        rows: list[tuple[int, int, int]] = []
        scores: list[float] = []
        bits: list[tuple[Sequence[int], ...]] = []
        for picture, evidence in enumerate(evidences):
            for label, judged in evidence["labels"].items():
                if label in labels and judged["score"]:
                    count = len(judged["score"])
                    rows += [(picture, labels[label], rank) for rank in range(count)]
                    scores += judged["score"]
                    bits += zip(*judged["hit"], *judged["out"], strict=True)
        table = np.array(rows, np.intp).reshape(len(rows), 3)
        order = np.lexsort((np.arange(len(rows)), -np.array(scores, np.float64), table[:, 1]))
        self._picture, self._label, self._rank = table[order].T
        self._score = np.array(scores, np.float64)[order]
        self._bits = np.array(bits, np.uint16).reshape(len(bits), 2 * len(AREAS))[order]

    def ranked(self, area: int, most: int) -> _Ranked:
        """Those that count at a size and among the `most` surest of their picture and label."""
        hit, out = self._bits[:, area], self._bits[:, len(AREAS) + area]
        kept = np.flatnonzero((self._rank < most) & (out != 2**THRESHOLDS - 1))
        shift = np.arange(THRESHOLDS, dtype=np.uint16)[:, None]
        is_hit, is_out = ((bits[kept] >> shift & 1).astype(np.bool_) for bits in (hit, out))
        label, picture, score = self._label[kept], self._picture[kept], self._score[kept]
        new = (np.diff(label) != 0) | (np.diff(picture) != 0) | (np.diff(score) != 0)
        run = np.flatnonzero(np.concatenate([[True], new])) if len(kept) else np.zeros(0, np.intp)
        return _Ranked(is_hit & ~is_out, ~is_hit & ~is_out, label, picture, run)


class _Counted:
    """Ranked finds under weights, and the objects there are: (labels,)."""

    def __init__(self, ranked: _Ranked, weights: NDArray[np.int64], true: NDArray[np.int64]) -> None:
        self._ranked, self._weights = ranked, weights
        self._known = np.flatnonzero(true > 0)
        self._true = true[self._known]
        self._place = np.full(len(true), -1, np.intp)
        self._place[self._known] = np.arange(len(self._known))
        self._order: NDArray[np.intp] | None = None
        self._precision: dict[int, NDArray[np.float64]] = {}
        needed = np.ceil(self._true[:, None] * LEVELS)
        # As pycocotools compares recalls, to the last bit: the fewest hits whose share reaches the level.
        needed -= (needed - 1) / self._true[:, None] >= LEVELS
        needed += needed / self._true[:, None] < LEVELS
        self._needed = np.maximum(needed, 1).astype(np.intp)

    def mean(self, recall: bool, threshold: int | None) -> float | None:
        """The mean over thresholds, labels and, of precision, levels; None where no label has an object."""
        if not len(self._known):
            return None
        chosen = range(THRESHOLDS) if threshold is None else (threshold,)
        read = self._recall if recall else self._read
        return float(np.mean([read(each) for each in chosen]))

    def _recall(self, threshold: int) -> NDArray[np.float64]:
        """(labels,): the share of the objects that is found."""
        ranked = self._ranked
        copies = self._weights[ranked.picture] * ranked.hit[threshold]
        hits = np.bincount(ranked.label, copies, minlength=len(self._place))
        found: NDArray[np.float64] = hits[self._known] / self._true
        return found

    def _read(self, threshold: int) -> NDArray[np.float64]:
        """(labels, levels): the largest precision at a recall of at least the level, 0 beyond the last."""
        if threshold not in self._precision:
            self._precision[threshold] = self._interpolated(threshold)
        return self._precision[threshold]

    def _interpolated(self, threshold: int) -> NDArray[np.float64]:
        ranked = self._ranked
        if self._order is None:
            order = ranked.repeated(self._weights)
            self._order = order[self._place[ranked.label[order]] >= 0]
        order = self._order
        place = self._place[ranked.label[order]]
        at = np.flatnonzero(ranked.hit[threshold][order])
        misses = np.concatenate([[0], np.cumsum(ranked.miss[threshold][order])])
        starts = np.searchsorted(place, np.arange(len(self._known)))
        of = place[at]
        first = np.searchsorted(of, np.arange(len(self._known) + 1))
        hits = np.arange(len(at)) - first[of] + 1
        precision = hits / (misses[at] - misses[starts[of]] + hits)
        envelope = _falling(precision, of)
        wanted = first[:-1, None] + self._needed - 1
        there = wanted < first[1:, None]
        found = np.zeros(self._needed.shape)
        found[there] = envelope[wanted[there]]
        return found


def _falling(values: NDArray[np.float64], groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """The largest of each value and those behind it in its group; `groups` ascend, values are 0..1."""
    # A group's values are raised above all of the groups behind it, so that the running maximum starts anew.
    lift = 2.0 * (groups[-1] - groups) if len(groups) else np.zeros(0)
    raised = np.maximum.accumulate((values + lift)[::-1])[::-1]
    lowered: NDArray[np.float64] = raised - lift
    return lowered


def _by_label(evaluation: Any) -> list[tuple[int, dict[str, Any]]]:
    """Of each label of one evaluated picture, by its place: what counts, in pycocotools' order of finds."""
    found: dict[int, dict[str, Any]] = {}
    for judged in filter(None, evaluation.evalImgs):
        area = [list(pair) for pair in evaluation.params.areaRng].index(list(judged["aRng"]))
        entry = found.setdefault(
            judged["category_id"] - 1,
            {"true": [0] * len(AREAS), "score": [], "hit": [[]] * len(AREAS), "out": [[]] * len(AREAS)},
        )
        entry["true"][area] = int(np.count_nonzero(np.asarray(judged["gtIgnore"]) == 0))
        entry["score"] = [float(score) for score in judged["dtScores"]]
        powers = 2 ** np.arange(THRESHOLDS)
        for key, flags in (("hit", judged["dtMatches"]), ("out", judged["dtIgnore"])):
            entry[key][area] = (powers @ (np.asarray(flags) != 0)).astype(int).tolist()
    return sorted(found.items())


def _wanted(setting: Setting | None, names: Sequence[str] | None) -> dict[str, Figure]:
    if setting is None:
        return {name: Figure(False, None, 0, 0) for name in names or ()}
    known = dict(zip(FIGURES[setting], _twelve(setting), strict=True))
    if unknown := [name for name in names or () if name not in known]:
        raise ValueError(f"no figure of {setting}: {', '.join(unknown)}")
    return {name: known[name] for name in (known if names is None else names)}


def _twelve(setting: Setting) -> list[Figure]:
    """In pycocotools' order. It takes the headline at 100 finds, everything else at the maximum."""
    few, some, most = MAX_DETECTIONS[setting]
    return [
        Figure(False, None, 0, 100),
        Figure(False, 0, 0, most),
        Figure(False, 5, 0, most),
        *(Figure(False, None, area, most) for area in (1, 2, 3)),
        *(Figure(True, None, 0, count) for count in (few, some, most)),
        *(Figure(True, None, area, most) for area in (1, 2, 3)),
    ]
