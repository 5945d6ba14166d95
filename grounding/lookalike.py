"""Whether a run's answers look like another coordinate convention than the declared one, without the truth.

A wrong convention costs most of a score and raises no error, so it has to be seen in the answers. It never
changes how one is read: the declared convention stands until the user passes another.

Most boxes say nothing: on pictures smaller than 1000 pixels every box in pixels also fits 0..1000. Only two
kinds tell the declared convention D from another one, C:

- those *outside*: they leave D's extent by more than 5%, on pictures where C reaches at least 1.25 times as
  far. Null model: even a poor model that does answer in D leaves the picture so in at most one answer in ten.
- those *near the edge*: they come to the outer quarter of C's extent along an axis on which D goes on to at
  least 1.5 times C's; where D goes on to 20 times C's, all do. Null model: a model that answers in D knows of
  no edge there, and crosses it in at least one such answer in four (boxes spread evenly over the picture
  cross it in about two of three).

C is suspected when the binomial test of one of the two rejects its null model (at 0.001), at least ten boxes
tell, and those that tell and do not fit C are at most 5% of the boxes on pictures that could tell. Boxes
outside must be no overshoot besides: some come within a tenth of C's far edge, or go twice as far as D (what
runs over the edge of a small picture also fits 0..1000, but seldom comes near 1000). And boxes must be spread
out, not a few favourites or a crowd in one corner. The tests count one box per picture, and equal boxes once:
questions about one picture are not independent, and a model that always answers the same box says nothing
about its unit. Where several conventions pass, those go against which another one speaks in the same way; of
the rest the one that most telling boxes fit is named, then the smallest.

So it stays silent where two extents are nearly the same (input and original of a picture that was hardly
resized; sides near 1000): there the mistake moves boxes by little, and nothing in an answer can show it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vleval.grounding.frame import CONVENTIONS, Convention, Frame, Sizes, extent

LEAVES = 1.05
"""Multiple of the declared extent from which on a box has left the picture: rounding never gets there."""
LARGER = 1.25
"""How much farther another convention must reach for boxes outside the declared one to speak for it."""
ROOM = 1.5
"""How much farther the declared convention must reach for boxes near another one's edge to speak for it."""
NEAR, VAST = 0.75, 20.0
"""Where the outer part of an extent begins; how much farther the declared convention reaches where every box
counts as near: nothing keeps a model in a twentieth of its pictures."""
EDGE = 1.02
"""Multiple of an extent up to which a box fits it: models overshoot an edge by a pixel or two."""
LEAVING_IF_DECLARED, CROSSING_IF_DECLARED = 0.10, 0.25
"""The null models: the largest share outside, the smallest share of those near the edge that cross it."""
SIGNIFICANCE = 0.001
FEWEST = 10
"""Telling boxes, of as many pictures, below which nothing is said."""
MISFITS = 0.05
"""Largest share of boxes that may tell but fit neither: what a model garbles."""
FILLED, OVERSHOT, FILL = 0.90, 2.0, 0.05
"""At least this share (third) of the boxes outside comes this near to the far edge (first), or goes this many
times as far as the declared extent (second)."""
NEARBY = 0.15
"""Share of the boxes with room that come near the edge at least: a crowd in the corner knows no edge."""
SPREAD = 0.30
"""Share of the extent that the middle 80% of far corners cover at least, along one axis: no one favourite."""

_RANGE: Mapping[Convention, str] = {
    "absolute": "the picture the model saw",
    "relative-1000": "0-1000",
    "relative-1": "0-1",
    "percent": "0-100",
    "original": "the original picture",
}
_QUESTION: Mapping[Convention, str] = {
    "absolute": "is this a Qwen2.5-VL checkpoint?",
    "relative-1000": "is this a Qwen2-VL or Qwen3-VL checkpoint?",
    "relative-1": "does this model answer in shares of a side?",
    "percent": "does this model answer in percent?",
    "original": "was this checkpoint tuned on pixels of the original pictures?",
}


@dataclass(frozen=True, slots=True)
class Lookalike:
    """How much the answers of a run look like one convention that was not declared."""

    convention: Convention
    """The other one."""
    declared: Convention
    items: Literal["boxes", "points"]
    count: int
    """Boxes or points of the run."""
    fits: float
    """Share of all that lies within the extent of `convention`; says little by itself."""
    leaves: float
    """Share of all that leaves the extent of `declared` by more than 5%."""
    telling: int
    """Those that tell the two conventions apart: at most one per picture."""
    share: float
    """Share of the telling ones that fits `convention`; 0 where none tells."""
    suspected: bool = False
    """Whether the run looks like this convention rather than the declared one: true for at most one."""

    def sentence(self) -> str | None:
        """What to tell the user; None unless suspected."""
        if not self.suspected:
            return None
        seen = _RANGE[self.declared]
        misfit = f"{self.leaves:.0%} leave {seen}"
        if self.leaves < LEAVING_IF_DECLARED:
            misfit = f"hardly any uses the rest of {seen}"
        return (
            f"{self.fits:.0%} of the {self.items} would fit {_RANGE[self.convention]} and {misfit}: "
            f"{_QUESTION[self.convention]} Pass --coordinates {self.convention}."
        )


def lookalikes(
    items: ArrayLike,
    sizes: Sequence[Frame | Sizes | None],
    pictures: Sequence[Hashable],
    declared: Convention,
) -> tuple[Lookalike, ...]:
    """Compare a run's answers with every convention but the declared one, in the order of `CONVENTIONS`.

    `items` is [N, 4] boxes or [N, 2] points as written; `sizes` has what the model saw of each one's picture,
    or None where that is unknown (such items can only look like `relative-1`, for no picture is that small);
    `pictures` has a key per item. Raises ValueError on other shapes, unequal lengths, an unknown
    convention.

    >>> import numpy as np
    >>> corners = np.random.default_rng(0).uniform(0, 1000, (200, 2, 2))
    >>> boxes = np.sort(corners, axis=1).reshape(200, 4).round()
    >>> seen = [Sizes((640, 480), (644, 476))] * 200
    >>> found = lookalikes(boxes, seen, range(200), "absolute")
    >>> [other.convention for other in found if other.suspected]
    ['relative-1000']
    """
    if declared not in CONVENTIONS:
        raise ValueError(f"unknown coordinate convention {declared!r}; known: {', '.join(CONVENTIONS)}")
    corners = _Corners.of(items)
    if not len(corners.high) == len(sizes) == len(pictures):
        raise ValueError(f"{len(corners.high)} items, but {len(sizes)} sizes and {len(pictures)} pictures")
    extents = _extents(sizes)
    counted = _one_per_picture(corners, pictures)
    kind: Literal["boxes", "points"] = "points" if np.asarray(items).shape[1] == 2 else "boxes"
    named = _named(corners, extents, counted, declared)
    found = []
    for convention in CONVENTIONS:
        if convention != declared:
            view = _View.of(corners, extents[declared], extents[convention])
            telling = counted & view.telling
            found.append(
                Lookalike(
                    convention,
                    declared,
                    kind,
                    count=len(corners.high),
                    fits=_share(view.fits),
                    leaves=_share(view.leaves),
                    telling=int(telling.sum()),
                    share=_share(view.fits[telling]),
                    suspected=convention == named,
                )
            )
    return tuple(found)


class _Corners(NamedTuple):
    """The two corners of each item, as [N, 2] arrays of (x, y)."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, items: ArrayLike) -> _Corners:
        array = np.asarray(items, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] not in (2, 4):
            raise ValueError(f"items must be [N, 4] boxes or [N, 2] points, not {list(array.shape)}")
        first, second = array[:, :2], array[:, -2:]
        return cls(np.minimum(first, second), np.maximum(first, second))


class _View(NamedTuple):
    """The items in the light of two conventions, `own` and `other`: [N] each, but the first two."""

    high: NDArray[np.float64]
    """[N, 2]: far corners as written."""
    other: NDArray[np.float64]
    """[N, 2]: the other extent, NaN where it is unknown."""
    fits: NDArray[np.bool_]
    """Within the other extent."""
    leaves: NDArray[np.bool_]
    """Out of the own extent."""
    larger: NDArray[np.bool_]
    """On a picture along an axis of which the other extent reaches farther."""
    outside: NDArray[np.bool_]
    room: NDArray[np.bool_]
    """On a picture along an axis of which the own extent goes on far beyond the other."""
    near: NDArray[np.bool_]
    far: NDArray[np.bool_]
    """Near the other's far edge, or far out of the own extent: no overshoot."""

    @classmethod
    def of(cls, corners: _Corners, own: NDArray[np.float64], other: NDArray[np.float64]) -> _View:
        reach = corners.high / other
        larger = other >= LARGER * own
        # Every picture is larger than one pixel, whatever its size.
        vast = (own >= VAST * other) | (np.isnan(own) & (other == 1.0))
        room = vast | (own >= ROOM * other)
        return cls(
            high=corners.high,
            other=other,
            fits=np.all(reach <= EDGE, axis=1) & np.all(corners.low >= (1 - EDGE) * other, axis=1),
            leaves=np.any(corners.high > LEAVES * own, axis=1),
            larger=np.any(larger, axis=1),
            outside=np.any(larger & (corners.high > LEAVES * own), axis=1),
            room=np.any(room, axis=1),
            near=np.any(room & (vast | (reach >= NEAR)), axis=1),
            far=np.any(larger & ((reach >= FILLED) | (corners.high >= OVERSHOT * own)), axis=1),
        )

    @property
    def telling(self) -> NDArray[np.bool_]:
        return self.outside | self.near

    def speaks(self, counted: NDArray[np.bool_]) -> bool:
        """Whether the telling items reject the own convention and agree with the other one."""
        from scipy.special import bdtr, bdtrc

        telling = counted & self.telling
        able, agreeing = counted & (self.larger | self.room), counted & self.fits
        if telling.sum() < FEWEST or (telling & ~self.fits).sum() > MISFITS * able.sum():
            return False
        if not agreeing.any() or self._spread(agreeing) < SPREAD:
            return False
        outside, near = counted & self.outside, counted & self.near
        # bdtrc(k, n, p) is the chance of more than k of n, bdtr(k, n, p) that of at most k.
        leaving = bdtrc(outside.sum() - 1.0, int((counted & self.larger).sum()), LEAVING_IF_DECLARED)
        staying = bdtr(float((near & ~self.fits).sum()), int(near.sum()), CROSSING_IF_DECLARED)
        overshoot = _share(self.far[outside & self.fits]) < FILL
        return bool(
            (outside.any() and leaving < SIGNIFICANCE and not overshoot)
            or (near.sum() > NEARBY * (counted & self.room).sum() and staying < SIGNIFICANCE)
        )

    def _spread(self, chosen: NDArray[np.bool_]) -> float:
        """How widely far corners lie, in shares of the extent and in units: a favourite is narrow in one."""
        high, other = self.high[chosen], self.other[chosen]
        shares = np.diff(np.quantile(high / other, (0.1, 0.9), axis=0), axis=0)
        units = np.diff(np.quantile(high, (0.1, 0.9), axis=0), axis=0) / np.median(other, axis=0)
        return float(np.max(np.minimum(shares, units)))


def _named(
    corners: _Corners,
    extents: Mapping[Convention, NDArray[np.float64]],
    counted: NDArray[np.bool_],
    declared: Convention,
) -> Convention | None:
    """The convention that the run looks like, if not like the declared one."""

    def view(own: Convention, other: Convention) -> _View:
        return _View.of(corners, extents[own], extents[other])

    views = {name: view(declared, name) for name in CONVENTIONS if name != declared}
    suspects = [name for name in views if views[name].speaks(counted)]
    left = [
        name for name in suspects if not any(view(name, rival).speaks(counted) for rival in suspects)
    ] or suspects
    if not left:
        return None
    shares = {name: _share(views[name].fits[counted & views[name].telling]) for name in left}
    areas = {
        name: float(np.nanmean(np.log(extents[name]).sum(axis=1)))
        for name in left
        if shares[name] >= max(shares.values()) - 0.01
    }
    # Within a tenth two extents are one: the order of CONVENTIONS, commonest first, decides.
    least = min(areas.values()) + np.log(1.1)
    return next(name for name in CONVENTIONS if areas.get(name, np.inf) <= least)


def _extents(sizes: Sequence[Frame | Sizes | None]) -> dict[Convention, NDArray[np.float64]]:
    """[N, 2] per convention: the largest (x, y) on each item's picture; NaN where its size is unknown."""
    keys = [None if one is None else (one.original_size, one.input_size) for one in sizes]
    places = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    rows = np.fromiter((places[key] for key in keys), dtype=np.intp, count=len(keys))
    result: dict[Convention, NDArray[np.float64]] = {}
    for convention in CONVENTIONS:
        if convention in ("absolute", "original"):
            table = [(np.nan, np.nan) if key is None else extent(Sizes(*key), convention) for key in places]
            result[convention] = np.asarray(table, dtype=np.float64).reshape(-1, 2)[rows]
        else:  # The same on every picture, known or not.
            side = extent(Sizes((1, 1), (1, 1)), convention)
            result[convention] = np.broadcast_to(np.asarray(side), (len(keys), 2))
    return result


def _one_per_picture(corners: _Corners, pictures: Sequence[Hashable]) -> NDArray[np.bool_]:
    """The first item of each picture, and of equal ones the first: what the tests count."""
    firsts: dict[Hashable, int] = {}
    for index, picture in enumerate(pictures):
        firsts.setdefault(picture, index)
    rows = np.fromiter(firsts.values(), dtype=np.intp, count=len(firsts))
    values = np.concatenate(corners, axis=1)[rows]
    _, distinct = np.unique(values, axis=0, return_index=True)
    counted = np.zeros(len(pictures), dtype=np.bool_)
    counted[rows[distinct]] = True
    return counted


def _share(which: NDArray[np.bool_]) -> float:
    return float(which.mean()) if which.size else 0.0
