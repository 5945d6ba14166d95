"""A comparison's document as text: a table in the terminal, or Markdown. Legible at 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from vleval.results.escape import markdown, one_line
from vleval.results.table import value_text
from vleval.tasks.base import Metric

if TYPE_CHECKING:
    from rich.console import RenderableType

Json = Mapping[str, Any]

HEADINGS = ("", "baseline", "candidate", "difference", "p", "p (Holm)", "MDE")
"""MDE: the smallest true difference that these pairs show with 80% power."""
OVERVIEW = ("task", "", "difference", "p", "p (Holm)", "q (BH)")
"""Where there are several tasks. Holm's p-values hold together: not even one false alarm; q is the share of
false alarms to expect among all differences with as small a q."""
_SAID = 60
"""Characters of an answer in the list of flips."""


def comparison_tables(document: Json) -> Iterator[RenderableType]:
    """The whole document for a terminal, whose words must have been made safe for it."""
    from rich.text import Text

    for entry in document["candidates"]:
        for comparison in entry["comparisons"]:
            yield Text(title(comparison), style="bold")
            if comparison["metrics"]:
                yield _table(metric_rows(comparison), document["level"])
                yield from map(Text, remarks(comparison))
                yield from map(one_row, flip_lines(comparison))
            else:
                yield from (
                    Text(f"not comparable: {reason}", "bold red") for reason in comparison["refusals"]
                )
            yield from map(Text, change_lines(comparison))
            yield Text()
        if rows := overview_rows(entry):
            yield Text("all of them", style="bold")
            yield plain_table(_with_level(OVERVIEW, document["level"]), rows, left=2)
        if entry["overall"]:
            yield Text(f"{entry['candidate']}: {overall(entry['overall'])}")


def comparison_markdown(document: Json) -> str:
    """The whole document as Markdown."""
    blocks = []
    for entry in document["candidates"]:
        for comparison in entry["comparisons"]:
            blocks.append(f"### {markdown(title(comparison))}")
            if comparison["metrics"]:
                blocks.append(markdown_table(_headings(document["level"]), metric_rows(comparison)))
            blocks += markdown_details(comparison)
        if rows := overview_rows(entry):
            blocks.append(markdown_table(_with_level(OVERVIEW, document["level"]), rows))
        if entry["overall"]:
            blocks.append(f"Overall, {markdown(entry['candidate'])}: {overall(entry['overall'])}")
    return "\n\n".join(blocks) + "\n"


def markdown_details(comparison: Json) -> list[str]:
    """What stands below the numbers of a comparison, in blocks of Markdown."""
    said = [f"not comparable: {reason}" for reason in comparison["refusals"]]
    said += [*remarks(comparison), *change_lines(comparison)]
    blocks = ["\n".join(f"- {markdown(line)}" for line in said)]
    if flips := markdown_flips(comparison):
        blocks.append(flips)
    return blocks


def markdown_flips(comparison: Json) -> str:
    """The samples that changed, folded away; empty without any."""
    if not comparison["flips"]:
        return ""
    head = ("sample", "baseline", "candidate", "question", "baseline's answer", "candidate's answer")
    metric = _metric(comparison["metrics"][0])
    rows = [
        (
            flip["id"],
            value_text(flip["baseline"], metric),
            value_text(flip["candidate"], metric),
            *(_said(flip[key]) for key in ("question", "baseline_text", "candidate_text")),
        )
        for flip in comparison["flips"]
    ]
    summary = f"{metric.title}: {comparison['worse']} worse, {comparison['better']} better"
    table = markdown_table(head, rows)
    return f"<details><summary>{escape(one_line(summary))}</summary>\n\n{table}\n\n</details>"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are plain words."""
    lines = ["| " + " | ".join(map(markdown, cells)) + " |" for cells in (headings, *rows)]
    lines.insert(1, "|" + "---|" * len(headings))
    return "\n".join(lines)


def title(comparison: Json) -> str:
    """`refcoco: runs/b against runs/a`."""
    base, cand = comparison["baseline"], comparison["candidate"]
    bundled = " (bundled data)" if cand["data"]["bundled"] else ""
    return f"{comparison['task']}: {cand['name']} against {base['name']}{bundled}"


def metric_rows(comparison: Json) -> list[list[str]]:
    """A row per metric, as wide as HEADINGS."""
    return [
        [
            entry["title"],
            *(_value(entry[side]["value"], entry) for side in ("baseline", "candidate")),
            difference_text(entry),
            p_text(entry["p_value"]),
            p_text(entry["p_holm"]),
            _value(entry["detectable"], entry),
        ]
        for entry in comparison["metrics"]
    ]


def overview_rows(entry: Json) -> list[list[str]]:
    """A row per comparison, with its headline; none where there is only one."""
    compared = [each for each in entry["comparisons"] if each["metrics"]]
    if len(compared) < 2:
        return []
    one_each = len({each["task"] for each in compared}) == len(compared)
    return [
        [
            each["task"] if one_each else each["candidate"]["name"],
            head["title"],
            difference_text(head),
            *(p_text(head[key]) for key in ("p_value", "p_holm", "q_value")),
        ]
        for each in compared
        for head in [each["metrics"][0]]
    ]


def remarks(comparison: Json) -> list[str]:
    """Pairs, method, warnings: what a reader of the numbers must know."""
    pairs, lines = comparison["pairs"], []
    if pairs and comparison["metrics"]:
        method = comparison["metrics"][0]["method"]
        lines.append(f"{pairs['paired']:,} pairs in {pairs['clusters']:,} clusters; {method}")
        lines += [
            f"{count['baseline']} {status} in the baseline, {count['candidate']} in the candidate"
            for status, count in comparison["statuses"].items()
            if count["baseline"] or count["candidate"]
        ]
    if (latency := comparison["latency"]) and latency["ratio"] is not None:
        lines.append(f"seconds per answer: {ratio_text(latency)} times the baseline's")
    lines += [f"warning: {warning}" for warning in comparison["warnings"]]
    said: dict[str, list[str]] = {}
    for entry in comparison["metrics"]:
        for text in entry["warnings"]:
            said.setdefault(text, []).append(entry["title"])
    return lines + [f"{', '.join(titles)}: {text}" for text, titles in said.items()]


def change_lines(comparison: Json) -> list[str]:
    """What differs between the two runs, or that nothing does."""
    found = [
        f"{change['field']} {change['baseline']} -> {change['candidate']}" for change in comparison["changes"]
    ]
    return [f"differs: {', '.join(found)}" if found else "differs: nothing that is recorded"]


def flip_lines(comparison: Json) -> list[str]:
    """The samples that changed, the worst first."""
    if not comparison["metrics"]:
        return []
    metric = _metric(comparison["metrics"][0])
    lines = [f"{metric.title}: {comparison['worse']} samples worse, {comparison['better']} better"]
    for flip in comparison["flips"]:
        before, after = (value_text(flip[side], metric) for side in ("baseline", "candidate"))
        lines.append(f"  {one_line(flip['id'])}  {before} -> {after}  {_said(flip['question'])}")
        for side in ("baseline", "candidate"):
            if (text := flip[f"{side}_text"]) is not None:
                lines.append(f"    {side + ':':<10} {_said(text)}")
    return lines


def overall(entry: Json) -> str:
    """The mean difference over tasks."""
    shown = difference_text(
        {
            "difference": entry["value"],
            "interval": entry["interval"],
            "name": "",
            "title": "",
            "percent": True,
        }
    )
    return f"mean over {entry['tasks']} tasks: {shown}"


def difference_text(entry: Json) -> str:
    """`+1.2 [-0.4, +2.8]`, in the unit of the metric's column."""
    if entry["difference"] is None:
        return "-"
    metric = _metric(entry)
    shown = _signed(entry["difference"], metric)
    if entry["interval"] is None:
        return f"{shown} [no interval]"
    low, high = (_signed(end, metric) for end in entry["interval"])
    return f"{shown} [{low}, {high}]"


def ratio_text(entry: Json) -> str:
    """`1.07 [1.00, 1.14]`."""
    if entry["interval"] is None:
        return f"{entry['ratio']:.2f} [no interval]"
    low, high = entry["interval"]
    return f"{entry['ratio']:.2f} [{low:.2f}, {high:.2f}]"


def p_text(p_value: float | None) -> str:
    """Three decimals: more would feign precision."""
    if p_value is None:
        return "-"
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def one_row(line: str) -> RenderableType:
    """A line that is cut rather than wrapped: a row that began with a model's `::error::` would be a command
    to a CI system."""
    from rich.console import Group
    from rich.text import Text

    # Printed by itself, a Text is joined with others and forgets that it does not wrap.
    return Group(Text(line, no_wrap=True, overflow="ellipsis"))


def plain_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> RenderableType:
    """A table whose first `left` columns are words."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for index, heading in enumerate(headings):
        justify: Literal["left", "right"] = "left" if index < left else "right"
        table.add_column(Text(heading), justify=justify, no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _table(rows: Sequence[Sequence[str]], level: float) -> RenderableType:
    return plain_table([each.replace(" ", "\n", 1) for each in _headings(level)], rows, left=1)


def _headings(level: float) -> list[str]:
    return _with_level(HEADINGS, level)


def _with_level(headings: Sequence[str], level: float) -> list[str]:
    return [f"{each} [{level:.0%} interval]" if each == "difference" else each for each in headings]


def _value(value: float | None, entry: Json) -> str:
    return "-" if value is None else value_text(value, _metric(entry))


def _signed(value: float, metric: Metric) -> str:
    shown = value_text(value, metric)
    if float(shown) == 0:
        return shown.removeprefix("-")
    return shown if shown.startswith("-") else f"+{shown}"


def _metric(entry: Json) -> Metric:
    return Metric(entry["name"], entry["title"], entry["percent"])


def _said(text: str | None) -> str:
    line = one_line(text or "")
    return line if len(line) <= _SAID else f"{line[: _SAID - 3]}..."
