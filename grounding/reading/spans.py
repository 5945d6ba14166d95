"""Reads time spans, in seconds, out of model text: never raises, takes linear time, and keeps a ledger.

A span is two times that belong together: `2.0 - 4.5`, `from 00:12 to 00:31.5`, `12s to 31 seconds`, `between
3 and 5`, `starts at 1.0 and ends at 2.5 seconds`, `[12.0, 31.0]`, `{"start": ..., "end": ...}`. Times are
seconds, m:ss, h:mm:ss or minutes and seconds in words. Whole numbers without a unit (`2 - 3`) need a word
before them that says they are times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from vleval.grounding.ledger import Parsed, ParsedSpan
from vleval.grounding.reading.items import ANSWER_KEYS, LABEL_KEYS, Draft, Object, Reader
from vleval.grounding.reading.scan import Token, number
from vleval.grounding.reading.strict import Dress, body_of, json_spans, sentence_spans

GRACE = 0.5
"""Seconds a span may end after the video: answers are rounded to whole seconds, durations are not."""

START_KEYS = frozenset(("start", "start_time", "begin", "from"))
END_KEYS = frozenset(("end", "end_time", "to"))
SPAN_KEYS = ANSWER_KEYS | frozenset(
    (
        *("span", "spans", "timestamp", "timestamps", "time", "times", "segment", "segments"),
        *("window", "windows", "interval", "moment", "event"),
    )
)
TEXT_KEYS = frozenset((*LABEL_KEYS, "description", "caption", "query", "think", "thinking", "reason"))
"""Keys whose strings talk about the video: numbers in them are no answer."""
_STRUCTURE = frozenset(("key", "list", "pairs", "points", "scalar", "think", "unclosed_think"))

_PLAIN = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_UNIT = r"\s{0,3}(?:seconds?|secs?|s)(?![a-zA-Z])"
_CLOCK = r"[0-9]{1,3}(?::[0-9]{1,2}){1,2}(?:\.[0-9]{1,9})?"
_WORDS = rf"[0-9]{{1,4}}\s{{0,2}}(?:minutes?|mins?|m)(?![a-zA-Z])(?:\s{{0,2}}(?:and\s)?{_PLAIN}{_UNIT})?"
_NEXT_TIME = rf"(?:{_CLOCK}|{_WORDS}|{_PLAIN})(?:{_UNIT})?"
_TIME = rf"(?<![\w.:/]){_NEXT_TIME}"
_END = r"(?![\w:/]|[.\-][0-9])"
_DASH = r"\s{0,3}(?:-|–|—|−|~|\bto\b|\buntil\b|\btill\b|\bthrough\b)\s{0,3}"
_PROSE = re.compile(
    rf"between\s{{1,3}}({_TIME})\s{{1,3}}and\s{{1,3}}({_TIME}){_END}"
    rf"|\b(?:start|begin)\w{{0,6}}[^0-9\n]{{0,40}}({_TIME})[^0-9]{{0,40}}\b(?:end|finish|stop)\w{{0,6}}[^0-9\n]{{0,24}}"
    rf"({_TIME}){_END}"
    rf"|({_TIME}){_DASH}({_NEXT_TIME}){_END}",
    re.IGNORECASE,
)
_CUE = re.compile(
    r"(?:\b(?:from|in|at|during|around|span|times?|seconds?|is|are)|[:(\[\"'])\s{0,3}$", re.IGNORECASE
)
_HMS = re.compile(r"(?:([0-9]+):)?([0-9]+):([0-9]+(?:\.[0-9]+)?)")
_MINUTES = re.compile(r"([0-9]+)\s*m[a-z]*(?:\s*(?:and\s)?([0-9.]+)\s*s[a-z]*)?", re.IGNORECASE)
_SECONDS = re.compile(r"(.*?)\s*(?:seconds?|secs?|s)?", re.IGNORECASE | re.DOTALL)


def parse_spans(
    text: str, *, expected: int | None = None, duration: float | None = None
) -> Parsed[ParsedSpan]:
    """The time spans of an answer in seconds, in reading order.

    `expected` is how many spans the question asked for: each further distinct one is entered as
    `extra_items`. `duration` is the length of the video in seconds: spans that end more than `GRACE` after it
    are entered as `out_of_frame`. All of them are kept. Never raises.

    >>> answer = parse_spans("It happens from 00:12 to 00:31.5.", duration=30.0)
    >>> [span.values for span in answer.items], [entry.kind for entry in answer.ledger]
    ([(12.0, 31.5)], ['out_of_frame'])
    >>> parse_spans("The event happens in 2.0 - 4.5 seconds.").strict
    True
    """
    limits = None if duration is None else (duration + GRACE,) * 2
    reader = _SpanReader(text)
    return reader.answer(reader.judge(expected=expected, limits=limits))


def seconds(text: str) -> float | None:
    """Seconds that a time spells (`12`, `12.5 s`, `01:02.5`, `1:02:03`, `1m 30s`); else None."""
    text = text.strip()
    if len(text) > 64:
        return number(text)
    if clock := _HMS.fullmatch(text):
        hours, minutes, rest = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)
    if words := _MINUTES.fullmatch(text):
        extra = number(words[2]) if words[2] else 0.0
        return None if extra is None else int(words[1]) * 60 + extra
    match = _SECONDS.fullmatch(text)
    return number(match[1]) if match else None


class _SpanReader(Reader):
    noun, arity, first_end, keys = "span", 2, 1, SPAN_KEYS
    part_keys = {**dict.fromkeys(START_KEYS, "start"), **dict.fromkeys(END_KEYS, "end")}
    named_by_key = False

    def __init__(self, text: str) -> None:
        self.hidden: list[tuple[int, int]] = []
        """Stretches of the text that the search in prose must not see."""
        super().__init__(text)

    def take(self, token: Token) -> None:
        if token.kind in _STRUCTURE:
            self.hidden.append((token.start, token.end))
        super().take(token)

    def value(self, key: str, token: Token) -> None:
        if key in TEXT_KEYS or key in self.part_keys:
            self.hidden.append((token.start, token.end))
        super().value(key, token)

    def number(self, text: str) -> float | None:
        return seconds(text)

    def parts(self, owner: Object) -> None:
        start, end = owner.parts.get("start"), owner.parts.get("end")
        if start is not None and end is not None:
            self.add([start[0], end[0]], min(start[1], end[1]), None)

    def end(self) -> None:
        super().end()
        for match in self._prose():
            first, second = (group for group in match.groups() if group is not None)
            self.add([seconds(first), seconds(second)], match.start(), None)

    def answer(self, drafts: list[Draft]) -> Parsed[ParsedSpan]:
        items = []
        for draft in drafts:
            start, end = draft.values
            items.append(ParsedSpan((start, end), draft.offset))
        if self.document is not None:
            strict = json_spans(self.document.value, seconds)
        else:
            body = body_of(self.text, Dress(self.fences, self.ledger.thoughts))
            strict = sentence_spans(self.text[slice(*body)]) if body else None
        same = self.ledger.in_order and strict == [item.values for item in items]
        return self.ledger.close(tuple(items), same)

    def _prose(self) -> Iterator[re.Match[str]]:
        """Spans in running text, with everything that is structure blanked out at its place."""
        pieces, position = [], 0
        for start, end in sorted(self.hidden):
            pieces += [self.text[position:start], " " * (end - max(start, position))]
            position = max(position, end)
        text = "".join(pieces) + self.text[position:]
        whole = text.strip().strip(".\"'`()[] ")
        for match in _PROSE.finditer(text):
            first, second = (group for group in match.groups() if group is not None)
            # A unit, a colon, a point or a word: something must say that these numbers are times.
            bare = match[5] is not None and (first + second).isdigit()
            if (
                bare
                and match[0] != whole
                and not _CUE.search(text[max(match.start() - 24, 0) : match.start()])
            ):
                self.ledger.note("ambiguous", f"{match[0][:40]!r} may be no time", match.start())
            else:
                yield match
