"""Reads time spans, in seconds, out of model text: never raises, takes linear time, and keeps a ledger.

A span is two times that belong together: `2.0 - 4.5`, `from 00:12 to 00:31.5`, `12s to 31 seconds`, `between
3 and 5`, `starts at 1.0 and ends at 2.5 seconds`, `[12.0, 31.0]`, `{"start": ..., "end": ...}`. Times are
seconds, m:ss, h:mm:ss or minutes and seconds in words. Whole numbers without a unit (`2 - 3`) need a word
before them that says they are times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from vleval.grounding.ledger import COORDINATE_LIMIT, Parsed, ParsedSpan, Problem, ProblemKind, cap
from vleval.grounding.read_boxes import LABEL_KEYS, looks_like_refusal
from vleval.grounding.scan import Token, entries, list_in_string, number, tokens

START_KEYS = frozenset(("start", "start_time", "begin", "from"))
END_KEYS = frozenset(("end", "end_time", "to"))
SPAN_KEYS = frozenset(
    (
        "span",
        "spans",
        "timestamp",
        "timestamps",
        "time",
        "times",
        "segment",
        "segments",
        "answer",
        "final_answer",
    )
    + ("window", "windows", "interval", "moment", "event")
)
TEXT_KEYS = LABEL_KEYS | {"description", "caption", "query", "think", "thinking", "reason"}
"""Keys whose strings talk about the video: numbers in them are no answer."""

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


def parse_spans(text: str, *, expected: int | None = None) -> Parsed[ParsedSpan]:
    """The time spans of an answer, in reading order.

    `expected` is how many spans the question asked for: more are kept, and entered as `extra_items`.
    """
    text, problems = cap(text)
    reader = _SpanReader(text, problems)
    for token in tokens(text):
        reader.take(token)
    return reader.finish(expected)


def seconds(text: str) -> float | None:
    """Seconds that a time spells (`12`, `12.5 s`, `01:02.5`, `1:02:03`, `1m 30s`); else None."""
    text = text.strip()[:64]
    if clock := _HMS.fullmatch(text):
        hours, minutes, rest = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)
    if words := _MINUTES.fullmatch(text):
        extra = number(words[2]) if words[2] else 0.0
        return None if extra is None else int(words[1]) * 60 + extra
    match = _SECONDS.fullmatch(text)
    return number(match[1]) if match else None


@dataclass(slots=True)
class _SpanReader:
    text: str
    problems: list[Problem]
    items: list[ParsedSpan] = field(default_factory=list)
    hidden: list[tuple[int, int]] = field(default_factory=list)
    """Stretches of the text that the search in prose must not see."""
    key: str | None = None
    start: tuple[float, int] | None = None
    """Start of a {"start", "end"} object that has no end yet, and its offset."""
    depth: int = 0
    open_at: int = 0

    def take(self, token: Token) -> None:
        if token.kind in ("key", "list", "pairs", "scalar", "think", "unclosed_think"):
            self.hidden.append((token.start, token.end))
        match token.kind:
            case "key":
                self.key = token.text
            case "string" | "scalar":
                self._value(token)
            case "list":
                self._list(token.text, token.start)
            case "open":
                self.depth, self.open_at = self.depth + 1, token.start
                self.start = None
            case "close":
                self.depth = max(self.depth - 1, 0)
                self.key = None
            case "think":
                if token.start == 0:  # all before was reasoning
                    self.items.clear()
                self.depth, self.start, self.key = 0, None, None
            case "unclosed_think":
                self._note("unclosed_think", "the reasoning has no end", token.start)
            case "fence" | "tag":
                self.depth, self.start, self.key = 0, None, None

    def finish(self, expected: int | None) -> Parsed[ParsedSpan]:
        self._prose()
        self.items.sort(key=lambda item: item.offset)
        if self.depth:
            self._note("truncated", "the text ends inside a list or object", self.open_at)
        self._judge()
        if expected is not None and len(self.items) > expected:
            self._note(
                "extra_items", f"{len(self.items)} spans, {expected} asked for", self.items[expected].offset
            )
        if not self.items:
            kind: ProblemKind = "refusal" if looks_like_refusal(self.text) else "nothing_found"
            self._note(kind, "no time span", 0)
        return Parsed(tuple(self.items), tuple(sorted(self.problems, key=lambda problem: problem.offset)))

    def _note(self, kind: ProblemKind, detail: str, offset: int) -> None:
        self.problems.append(Problem(kind, detail, offset))

    def _value(self, token: Token) -> None:
        if self.key in SPAN_KEYS and (content := list_in_string(token.text)):
            self._list(content, token.start)
        key, self.key = self.key, None
        if key in TEXT_KEYS:
            self.hidden.append((token.start, token.end))
        if key not in START_KEYS | END_KEYS:
            return
        self.hidden.append((token.start, token.end))
        time = seconds(token.text)
        if time is None:
            self._note("not_numbers", f"{key!r} is no time", token.start)
        elif key in START_KEYS:
            self.start = (time, token.start)
        elif self.start is not None:
            self._span(self.start[0], time, self.start[1])
            self.start = None

    def _list(self, content: str, offset: int) -> None:
        times = [seconds(entry) for entry in entries(content)]
        if self.key is not None and self.key not in SPAN_KEYS:
            self._note("foreign_key", f"{len(times)} numbers under {self.key!r}", offset)
        elif len(times) != 2:
            self._note("wrong_arity", f"{len(times)} numbers instead of 2", offset)
        elif times[0] is None or times[1] is None:
            self._note("not_numbers", "not two times", offset)
        else:
            self._span(times[0], times[1], offset)

    def _prose(self) -> None:
        """Spans in running text, with everything that is structure blanked out at its place."""
        pieces, position = [], 0
        for start, end in sorted(self.hidden):
            pieces += [self.text[position:start], " " * (end - max(start, position))]
            position = max(position, end)
        text = "".join(pieces) + self.text[position:]
        whole = text.strip().strip(".\"'`()[] ")
        for match in _PROSE.finditer(text):
            first, second = (group for group in match.groups() if group is not None)
            since, until = seconds(first), seconds(second)
            # A unit, a colon, a point or a word: something must say that these numbers are times.
            bare = match[5] is not None and (first + second).isdigit()
            cue = bare and (
                match[0] == whole or _CUE.search(text[max(match.start() - 24, 0) : match.start()])
            )
            if since is None or until is None or (bare and not cue):
                self._note("ambiguous", f"{match[0][:40]!r} may be no time", match.start())
            else:
                self._span(since, until, match.start())

    def _span(self, start: float, end: float, offset: int) -> None:
        if not max(abs(start), abs(end)) < float("inf"):
            self._note("non_finite", "NaN, infinity or a runaway number", offset)
        elif max(abs(start), abs(end)) > COORDINATE_LIMIT:
            self._note("out_of_range", f"a time of {max(abs(start), abs(end)):.3g} s", offset)
        else:
            self.items.append(ParsedSpan((start, end), offset))

    def _judge(self) -> None:
        seen: set[tuple[float, float]] = set()
        for item in self.items:
            if item.values[1] < item.values[0]:
                self._note("swapped", "the end lies before the start", item.offset)
            if item.values in seen:
                self._note("duplicate", "the same two times again", item.offset)
            seen.add(item.values)
