"""The colours of every picture, chart and page: safe for colour-blind readers, with the arithmetic behind it.

The eight colours are Okabe and Ito's (Color Universal Design, 2008). Truth has blue to itself, predictions
share the others, label by label. A hue alone never carries a meaning: the two roles differ in line style as
well (`DASH`), and every line has a halo of the tone, near black or white, that it stands out from most.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Role = Literal["predicted", "true"]

ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
DARK = "#111111"
GREY = "#595959"
PALE = "#E8E8E8"
WHITE = "#FFFFFF"

TRUE = BLUE
PREDICTED = (ORANGE, GREEN, PURPLE, YELLOW, VERMILION, SKY_BLUE)
"""Colours of the predicted labels, in the order of first appearance; a seventh label has the first again."""

DASH = (4.0, 3.0)
"""Lengths of dash and gap of a true line, in line widths."""


def label_colours(labels: Iterable[str | None]) -> dict[str | None, str]:
    """A colour for every distinct predicted label; None (no label) counts as one more.

    >>> label_colours(["car", "person", "car"])
    {'car': '#E69F00', 'person': '#009E73'}
    """
    distinct = list(dict.fromkeys(labels))
    return {label: PREDICTED[i % len(PREDICTED)] for i, label in enumerate(distinct)}


def ink(background: str) -> str:
    """Near black or white, whichever stands out more from `background`: for text and halos."""
    return max((DARK, WHITE), key=lambda tone: contrast(tone, background))


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours "#RRGGBB", 1 to 21, by WCAG 2.1 (text wants 4.5, graphics 3)."""
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.1: linear sRGB, weighed."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
