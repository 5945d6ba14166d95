"""Reads points out of model text: never raises on any text, takes linear time, says what it could not read.

A point is two numbers in a flat list (`"point_2d": [x, y]`, `"coordinate": [x, y]` of a tool call, `[[x, y],
[x, y]]`, `[x, y]` alone), a pair (`(x, y)`, `<|box_start|>(x,y)<|box_end|>`), two keys of an object (`{"x":
..., "y": ...}`) or the XML of Molmo, which Qwen2.5-VL writes too (`<points x1="..." y1="..." alt="...">`).
Four numbers are a box and no point: whether its centre may count is the task's to say.
"""

from __future__ import annotations

import re

from vleval.grounding.ledger import Parsed, ParsedPoint
from vleval.grounding.reading.items import POINT_KEYS, Draft, Object, Reader
from vleval.grounding.reading.scan import NUMBER, Token, number, without_entities

_SIZE_KEYS = frozenset(("size", "image_size", "img_size", "input_size", "original_size", "resolution"))
"""Keys whose two numbers are never a place."""
_ATTRIBUTE = re.compile(
    rf"""(?<=[\s"'])(?:(?P<axis>[xy])(?P<index>[0-9]{{0,4}})|alt)\s{{0,4}}=\s{{0,4}}"""
    rf"""(?:"(?P<double>[^"<>]*+)"|'(?P<single>[^'<>]*+)'|(?P<bare>{NUMBER})(?=[\s/>]))"""
)


def parse_points(
    text: str,
    *,
    expected: int | None = None,
    extent: tuple[float, float] | None = None,
    labelled: bool = False,
) -> Parsed[ParsedPoint]:
    """The points of an answer, in reading order, in the unit they were written in.

    `expected`, `extent` and `labelled` are those of `parse_boxes`. Never raises.

    >>> answer = parse_points('<tool_call>{"arguments": {"action": "click", "coordinate": [935, 406]}}')
    >>> [point.values for point in answer.items], answer.ledger
    ([(935.0, 406.0)], ())
    >>> [entry.kind for entry in parse_points("[50, 41, 78, 69]").ledger]
    ['wrong_arity', 'nothing_found']
    """
    reader = _PointReader(text)
    return reader.answer(reader.judge(expected=expected, limits=extent, labelled=labelled))


class _PointReader(Reader):
    noun, arity, first_end, keys = "point", 2, 0, POINT_KEYS
    part_keys = {"x": "x", "y": "y", "width": "width", "height": "height", "w": "width", "h": "height"}

    def numbers(self, content: str, offset: int, key: str | None) -> None:
        if key in _SIZE_KEYS:
            self.ledger.note("foreign_key", f"a size under {key!r}", offset)
        else:
            super().numbers(content, offset, key)

    def pairs(self, token: Token) -> None:
        parts = token.text.replace("(", " ").replace(")", " ").split(",")
        if self.in_box and len(parts) > 2:
            self.ledger.note("wrong_arity", f"{len(parts) // 2} corners, not a point", token.start)
            return
        offset = token.start
        for x, y in zip(parts[::2], parts[1::2], strict=True):
            self.add([number(x.strip()), number(y.strip())], offset, self.reference)
            offset = self.text.find("(", offset + 1, token.end)

    def parts(self, owner: Object) -> None:
        x, y = owner.parts.get("x"), owner.parts.get("y")
        if x is None or y is None:
            return
        if "width" in owner.parts or "height" in owner.parts:
            self.ledger.note("ambiguous", "x and y of something with a size", min(x[1], y[1]))
            return
        draft = self.add([x[0], y[0]], min(x[1], y[1]), owner.label or self.reference)
        if draft and owner.key in self.keys and len(self.objects) > 1:
            self.objects[-2].drafts.append(draft)  # {"point": {"x": 1, "y": 2}, "label": "cat"}

    def xml(self, token: Token) -> None:
        axes: dict[str, dict[str, tuple[str, int]]] = {"x": {}, "y": {}}
        label = None
        for match in _ATTRIBUTE.finditer(self.text, token.start, token.end):
            value = next(match[name] for name in ("double", "single", "bare") if match[name] is not None)
            if match["axis"]:
                axes[match["axis"]].setdefault(match["index"], (value, match.start()))
            else:
                label = without_entities(value)
        self._xml_points(axes, label, token)
        if not token.text.endswith(">"):
            self.ledger.note("truncated", "the text ends inside a tag", token.start)

    def _xml_points(
        self, axes: dict[str, dict[str, tuple[str, int]]], label: str | None, token: Token
    ) -> None:
        whole = [index for index in axes["x"] if index in axes["y"]]
        for index in whole:
            (x, offset), (y, _) = axes["x"][index], axes["y"][index]
            self.add([number(x.strip()), number(y.strip())], offset, label)
        if token.text.endswith(">") and (len(whole) < max(map(len, axes.values())) or not whole):
            self.ledger.note("wrong_arity", "a tag without an x and a y for each point", token.start)

    def answer(self, drafts: list[Draft]) -> Parsed[ParsedPoint]:
        items = []
        for draft in drafts:
            x, y = draft.values
            items.append(ParsedPoint((x, y), draft.label, draft.offset))
        return self.ledger.close(tuple(items), self.strict(drafts, "point_2d"))
