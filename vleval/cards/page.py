"""docs/benchmarks.md, made of the cards: what is on the page is what the program says and does."""

from __future__ import annotations

from collections.abc import Iterator

from vleval.cards.card import card_lines
from vleval.results.escape import markdown
from vleval.tasks.base import Task
from vleval.tasks.groups import REPORT, groups
from vleval.tasks.published import QWEN25, published
from vleval.tasks.registry import GROUPS

LONGEST = 1000
"""Characters of a prompt on the page."""
_HEAD = """# The benchmarks

Written by `make docs` out of the cards that `vleval tasks show NAME` prints; edit the tasks, not this page.

`vleval run --task GROUP` runs all tasks of a group: {groups}. `vleval tasks show {report}` lists every
row of the Qwen2.5-VL technical report, the setting that is run for it, and the rows that are not covered.
`vleval reproduce TASK --model ID` sets a run beside the published score.
"""


def benchmarks_page() -> str:
    """The page as Markdown."""
    names = ", ".join(f"`{name}`" for name in groups())
    parts = [_HEAD.format(groups=names, report=REPORT)]
    for name, tasks in GROUPS.items():
        parts.append(f"## {name.capitalize()}\n\n" + "\n".join(_table(tasks)) + "\n")
    parts += ["\n".join(_section(task)) + "\n" for tasks in GROUPS.values() for task in tasks]
    return "\n".join(parts)


def _table(tasks: tuple[Task, ...]) -> Iterator[str]:
    yield "| task | what it asks | headline | default split | published for 7B |"
    yield "|---|---|---|---|---|"
    for task in tasks:
        cells = (
            f"`{task.name}`",
            markdown(task.description),
            markdown(task.metrics[0].title),
            markdown(task.default_split),
            markdown(_seven(task)),
        )
        yield f"| {' | '.join(cells)} |"


def _seven(task: Task) -> str:
    known = {metric.name for metric in task.metrics}
    rows = [row for row in published(task.name) if row.family == QWEN25 and "7B" in row.scores]
    figures = [
        f"{row.split} {row.scores['7B']:g}" + ("" if row.metric in known else f" ({markdown(row.metric)})")
        for row in rows
    ]
    return ", ".join(figures) or "-"


def _fenced(prompt: str, task: Task) -> Iterator[str]:
    """The prompt with its line ends; the declaration of a tool takes a page, and is cut."""
    yield ""
    yield "  ~~~~text"
    yield from (f"  {line}".rstrip() for line in prompt[:LONGEST].splitlines())
    if len(prompt) > LONGEST:
        yield f"  ... (vleval tasks show {task.name} has all of it)"
    yield "  ~~~~"
    yield ""


def _section(task: Task) -> Iterator[str]:
    yield f"## {markdown(task.name)}"
    yield ""
    label = ""
    for given, text in card_lines(task):
        if given == "prompt":
            yield f"- **{given}**:"
            yield from _fenced(text, task)
        elif given and given != label:
            label = given
            yield f"- **{label}**: {markdown(text)}"
        else:
            yield f"  - {markdown(text)}"
