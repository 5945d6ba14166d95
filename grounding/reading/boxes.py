"""Reads boxes out of model text: never raises on any text, takes linear time, says what it could not read.

A box is four numbers in a flat list (`"bbox_2d": [x1, y1, x2, y2]`, `[[...], [...]]`, `[x1, y1, x2, y2]`
alone, the same in a string or in a fence or in prose), or two corner pairs (`<|box_start|>(x1,y1),(x2,y2)`).
Loose numbers in prose are never one. Reasoning inside `<think>` is not read. Numbers stay in the unit and
order they were written in: mapping is `frame.to_original`'s, and which box counts is the task's.
"""

from __future__ import annotations

import re

from vleval.grounding.ledger import Parsed, ParsedBox
from vleval.grounding.reading.items import BOX_KEYS, Draft, Reader
from vleval.grounding.reading.scan import Token, number

_CORNERS = (
    re.compile(r"top.?left|upper.?left|\(x1, ?y1\)", re.IGNORECASE),
    re.compile(r"bottom.?right|lower.?right|\(x2, ?y2\)", re.IGNORECASE),
)


def parse_boxes(
    text: str,
    *,
    expected: int | None = None,
    extent: tuple[float, float] | None = None,
    labelled: bool = False,
) -> Parsed[ParsedBox]:
    """The boxes of an answer, in reading order, in the unit they were written in.

    `expected` is how many boxes the question asked for: each further distinct one is entered as
    `extra_items`. `extent` is the largest (x, y) of the picture in the model's unit (`frame.extent`): boxes
    that leave it are entered as `out_of_frame`. `labelled` says that labels were asked for: boxes without one
    are entered as `unlabelled`. All of them are kept. Never raises.

    >>> answer = parse_boxes('[{"bbox_2d": [12, 40, 96, 310], "label": "cat"}, {"bbox_2d": [3, 4', expected=1)
    >>> [(box.values, box.label) for box in answer.items]
    [((12.0, 40.0, 96.0, 310.0), 'cat')]
    >>> [(entry.kind, entry.offset) for entry in answer.ledger], answer.strict
    ([('repaired', 0), ('truncated', 61)], False)
    """
    reader = _BoxReader(text)
    drafts = reader.judge(expected=expected, limits=extent and (*extent, *extent), labelled=labelled)
    return reader.answer(drafts)


class _BoxReader(Reader):
    noun, arity, first_end, keys = "box", 4, 2, BOX_KEYS

    def pairs(self, token: Token) -> None:
        parts = token.text.replace("(", " ").replace(")", " ").split(",")
        if len(parts) == 4:
            self.add([number(part.strip()) for part in parts], token.start, self.reference)
        elif len(parts) > 4 or self.in_box:
            self.ledger.note("wrong_arity", f"corners of a box: {len(parts) // 2}, not 2", token.start)

    def misleading(self, offset: int) -> bool:
        lead = self.text[max(offset - 96, 0) : offset].rpartition("\n")[2]
        if bool(_CORNERS[0].search(lead)) == bool(_CORNERS[1].search(lead)):
            return False
        self.ledger.note("ambiguous", "four numbers called one corner", offset)
        return True

    def answer(self, drafts: list[Draft]) -> Parsed[ParsedBox]:
        items = []
        for draft in drafts:
            x1, y1, x2, y2 = draft.values
            items.append(ParsedBox((x1, y1, x2, y2), draft.label, draft.offset, draft.score))
        return self.ledger.close(tuple(items), self.strict(drafts, "bbox_2d"))
