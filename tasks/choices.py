"""Reads which of several lettered choices an answer takes: "B", "(B)", "B. dog", "The answer is B", "dog".

Benchmarks differ in how far they search an answer for a letter, and every rule here has a name:

- `exact`: the letter and no more, or the letter before its text (AI2D as lmms-eval scores it);
- `stated`: one choice, said plainly by its letter or its text; two choices are none (the video benchmarks);
- `first_capital`: the first capital that is a letter, wherever it stands, even in "Definitely" (the scripts
  of Video-MME and LongVideoBench);
- `bracketed`: the first character in the first brackets, else of the whole answer (LVBench's script).

Model text is hostile: every rule takes time in proportion to the length of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, NamedTuple

from vleval.tasks.base import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WITH_TEXT = re.compile(r"\s*([A-Z])\.")
_NO_LETTERS = re.compile(r"[\W_]+")

_OPEN, _CLOSE = r"[\"'*`(\[ ]{0,4}", r"[\"'*`)\]. ]{0,4}"
_BEGINS = re.compile(_OPEN + r"([A-Z])[\"'*`]{0,3}[).:\]]")
"""A line that begins with a letter as choices are lettered: `B.`, `(B)`, `**B**:`."""
_MARKED = re.compile(r"\(([A-Z])\)")
_JOINED = re.compile(r"(?:[,;/]|\b(?:or|and)\b) ?\(?([A-Z])[).:]")
"""A further one in the line: `B. dog or C. cat`."""
_NAMED = re.compile(
    r"\b(?i:answer|option|choice)(?i: is)?[ :]{0,3}(?i:option |choice )?"
    + _OPEN
    # "The answer is A man" says a man, while no other letter is a word.
    + r"(?:(A)(?![\w' ])|([B-Z])(?![\w']))"
)
_MORE = re.compile(_CLOSE + r"(?:,|/|&|or\b|and\b)" + _OPEN + r"([A-Z])(?![\w'])")
_BEFORE = re.compile(r"(?i:the )?(?i:best |correct |right )?(?i:answer|option|choice)(?i: is)?[ :]{1,3}")
_LISTED = re.compile(r"(?:([A-Z])[.):]|\(([A-Z])\)) ?(.*)")
_JOINS = {"or", "and"}

PHRASES = ("The best answer is", "The correct answer is", "The answer is", "The answer")
"""What Video-MME's script takes out before it looks: four more phrases run into each other in its list by a
missing comma, so that the B of "Best answer: C" counts."""
MORE_PHRASES = (*PHRASES, "The best option is", "The correct option is", "Best answer:", "Best option:")
"""The whole list, as LongVideoBench has it in lmms-eval."""


class Choice(NamedTuple):
    """What an answer takes."""

    letter: str | None
    reason: str | None = None
    """Why there is none, in a few words."""


def letter(value: Any, column: str) -> str:
    """The letter of a choice, from a letter."""
    text = str(value).strip().upper()
    if len(text) != 1 or text not in ascii_uppercase:
        raise ValueError(f"{column} must be the letter of a choice, not {value!r}")
    return text


def letter_of_index(value: Any, column: str) -> str:
    """The letter of a choice, from its index (0 is A), a number or its text."""
    text = str(value).strip()
    if not (text.isdecimal() and text.isascii() and int(text) < len(ascii_uppercase)):
        raise ValueError(f"{column} must be the index of a choice, from 0, not {value!r}")
    return ascii_uppercase[int(text)]


TARGET = Target("the letter of the true choice", {"letter": letter, "index": letter_of_index})


def judge(letters: Sequence[str], truths: Sequence[str]) -> dict[str, NDArray[Any]]:
    """A task's `judge`: whether letters are the true ones."""
    import numpy as np

    return {"acc": np.array([said == truth for said, truth in zip(letters, truths, strict=True)])}


def judge_rules(said: Sequence[Mapping[str, str | None]], truths: Sequence[str]) -> dict[str, NDArray[Any]]:
    """A task's `judge`, of what several rules read: metric -> whether its rule's letter is the true one."""
    import numpy as np

    return {
        name: np.array([rules[name] == truth for rules, truth in zip(said, truths, strict=True)], bool)
        for name in said[0]
    }


def lettered(texts: Sequence[str], form: str = "{}. {}") -> list[str]:
    """Choices as a question lists them, a line each, from A."""
    # A choice of several lines would look like several.
    lines = (" ".join(text.split()) for text in texts)
    return [form.format(name, line) for name, line in zip(ascii_uppercase, lines, strict=False)]


def unlettered(texts: Sequence[str]) -> list[str]:
    """Choices without letters of their own, where every one of them has its: `A. dog`, `B. cat`."""
    found = [_LISTED.fullmatch(text.strip()) for text in texts]
    plain = [
        match[3]
        for match, name in zip(found, ascii_uppercase, strict=False)
        if match and name in (match[1], match[2])
    ]
    return plain if len(plain) == len(texts) else list(texts)


class Asked(NamedTuple):
    """A question and the texts of its choices."""

    words: str
    choices: tuple[str, ...]


def split(question: str) -> Asked:
    """A question that lists its choices, one per line from A: `A. dog` or `(A) dog`; the last list counts.

    A question without a list has no choices.
    """
    lines = question.splitlines()
    run: list[str] = []
    before, found = len(lines), run
    for number, line in enumerate(lines):
        match = _LISTED.match(line.strip())
        name = (match[1] or match[2]) if match else None
        if match is not None and name == "A":
            run = [match[3].strip()]
        elif match is not None and run and name == ascii_uppercase[len(run) % len(ascii_uppercase)]:
            run.append(match[3].strip())
        else:
            run = []
        if len(run) > 1:
            before, found = number + 1 - len(run), run
    return Asked("\n".join(lines[:before]).strip(), tuple(found) if len(found) > 1 else ())


def true_letter(value: Any, texts: Sequence[str], column: str) -> str:
    """The letter of the true choice, from its text (the first that has it) or from its letter.

    Raises ValueError, in words for the user.
    """
    names = ascii_uppercase[: len(texts)]
    said = value.strip() if isinstance(value, str) else ""
    for name, text in zip(names, texts, strict=True):
        if said and said == text.strip():
            return name
    if len(said) == 1 and said.upper() in names:
        return said.upper()
    raise ValueError(
        f"{column} must be one of the {len(texts)} choices or its letter, not {value!r} "
        "(a split without answers cannot be scored)"
    )


def exact(text: str) -> Choice:
    """The letter that an answer is, or begins with as "B. text"; sentences are not searched for one."""
    begins = _WITH_TEXT.match(text)
    bare = begins[1] if begins else _NO_LETTERS.sub("", text).upper()
    if len(bare) == 1 and bare in ascii_uppercase:
        return Choice(bare)
    return Choice(None, "no letter" if text.strip() else "empty answer")


def stated(text: str, choices: Sequence[str] = ()) -> Choice:
    """The one choice that an answer states, by its letter or by its text.

    `choices` are the texts; () where they are not known: then any letter will do, and no text. An answer
    that states two choices states none. `<think>` and what stands outside of `<answer>` is no answer.
    """
    lines = [" ".join(line.split()) for line in _undressed(text).splitlines()]
    flat = " ".join(line for line in lines if line)
    if not flat:
        return Choice(None, "empty answer")
    bare = _NO_LETTERS.sub("", flat).upper()
    if len(bare) == 1 and bare in ascii_uppercase:
        return _among({bare}, choices)
    if (by_text := _by_text(flat, choices)) is not None:
        return by_text
    said = {found for line in lines for found in _marks(line)}
    if not said and _only_letters(flat):
        return Choice(None, "two choices")
    return _among(said, choices)


def first_capital(text: str, letters: str = "ABCD", phrases: Sequence[str] = PHRASES) -> str | None:
    """The first of `letters` in an answer, once stock phrases are taken out of it; None without one."""
    for phrase in phrases:
        text = text.replace(phrase, "")
    return next((character for character in text if character in letters), None)


def bracketed(text: str) -> str | None:
    """The first character of what stands before the first `)`, after a `(` where there is one."""
    found = text.strip().partition(")")[0].strip()
    if "(" in found:
        found = found.split("(")[1].strip()
    return found[:1] or None


def _undressed(text: str) -> str:
    """What a reasoning model puts forward as its answer."""
    said = text.rpartition("</think>")[2].partition("<think>")[0]
    return said.rpartition("<answer>")[2].partition("</answer>")[0]


def _marks(line: str) -> Iterator[str]:
    """Letters that a line states, those joined to one by "or" or a comma too."""
    matches = [*_MARKED.finditer(line), *_JOINED.finditer(line), *_NAMED.finditer(line)]
    if (begins := _BEGINS.match(line)) is not None:
        matches.append(begins)
    for match in matches:
        yield next(group for group in match.groups() if group)
        if (more := _MORE.match(line, match.end())) is not None:
            yield more[1]


def _only_letters(flat: str) -> bool:
    """Whether an answer is a list of letters: "A, B", "A or B", "A B"."""
    words = [word for word in _NO_LETTERS.sub(" ", flat).split() if word.lower() not in _JOINS]
    return len(words) > 1 and all(len(word) == 1 and word in ascii_uppercase for word in words)


def _among(said: set[str], choices: Sequence[str]) -> Choice:
    there = said & set(ascii_uppercase[: len(choices)]) if choices else said
    if len(there) > 1:
        return Choice(None, "two choices")
    if not there:
        return Choice(None, "no such choice" if said else "no choice")
    return Choice(there.pop())


def _by_text(flat: str, choices: Sequence[str]) -> Choice | None:
    """The choice whose text an answer is, alone or after its letter or after "The answer is"."""
    before = _BEFORE.match(flat)
    forms = {_plain(flat), _plain(flat[before.end() :])} if before else {_plain(flat)}
    plain = [_plain(choice) for choice in choices]
    found = {
        name
        for name, choice in zip(ascii_uppercase, plain, strict=False)
        if choice and any(form in (choice, f"{name.lower()} {choice}") for form in forms)
    }
    if not found:
        return None
    return Choice(found.pop()) if len(found) == 1 else Choice(None, "two choices")


def _plain(text: str) -> str:
    """A text without case, quotes and full stop."""
    return " ".join(text.split()).strip("\"'*`. ").casefold()
