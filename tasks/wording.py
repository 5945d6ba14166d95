"""A task asked in other words: `--prompt` in place of its own template, with the same gaps."""

from __future__ import annotations

import re
from dataclasses import replace

from vleval.model.io import Media, Message
from vleval.tasks.base import DataError, Sample, Task

_GAP = re.compile(r"\{([a-z][a-z_ ]*)\}")
"""`{expression}`, `{question and choices}`; no JSON, which has quotes after its braces."""


def gaps(template: str) -> tuple[str, ...]:
    """Names of the gaps of a template, in order, each once."""
    return tuple(dict.fromkeys(_GAP.findall(template)))


def reworded(task: Task, prompt: str) -> Task:
    """The task with another prompt: what its own messages say in the gaps goes into those of `prompt`.

    All else of the messages (media, their order, a system turn) stays. Raises DataError unless both have the
    same gaps; messages raise it for a sample that the task's own template does not describe.
    """
    wanted = gaps(task.prompt)
    if missing := [name for name in wanted if name not in gaps(prompt)]:
        raise DataError(
            f"--prompt lacks {', '.join(f'{{{name}}}' for name in missing)}, where {task.name} puts its "
            f"question; its own prompt is: {_short(task.prompt)}"
        )
    if extra := [name for name in gaps(prompt) if name not in wanted]:
        raise DataError(
            f"--prompt: {task.name} has nothing for {{{extra[0]}}}; it has "
            f"{', '.join(f'{{{name}}}' for name in wanted) or 'no gap, and asks the same every time'}."
        )
    pattern = _pattern(task.prompt)

    def messages(sample: Sample) -> tuple[Message, ...]:
        asked = task.messages(sample)
        found = [pattern.fullmatch(part) for turn in asked for part in turn.content if isinstance(part, str)]
        if sum(match is not None for match in found) != 1:
            raise DataError(
                f"--prompt: question {sample.id!r} of {task.name} is not asked by one filled template, so "
                "its prompt cannot be replaced."
            )
        return tuple(replace(turn, content=tuple(map(swap, turn.content))) for turn in asked)

    def swap(part: str | Media) -> str | Media:
        match = pattern.fullmatch(part) if isinstance(part, str) else None
        return part if match is None else _GAP.sub(lambda gap: match[_group(gap[1])], prompt)

    return replace(task, prompt=prompt, messages=messages)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 200 else f"{flat[:197]}..."


def _group(gap: str) -> str:
    """A gap's name as regular expressions take it."""
    return gap.replace(" ", "_")


def _pattern(template: str) -> re.Pattern[str]:
    """Matches what the template makes of any words; a gap that comes twice holds the same words twice."""
    parts: list[str] = []
    at, named = 0, set()
    for gap in _GAP.finditer(template):
        parts.append(re.escape(template[at : gap.start()]))
        name = _group(gap[1])
        parts.append(f"(?P={name})" if name in named else f"(?P<{name}>.*?)")
        named.add(name)
        at = gap.end()
    return re.compile("".join([*parts, re.escape(template[at:])]), re.DOTALL)
