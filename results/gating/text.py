"""A verdict document in words: the rows, lines and sentences that every form of output shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vleval.results.comparing.table import difference_text, ratio_text
from vleval.results.table import value_text
from vleval.tasks.base import Metric

Json = Mapping[str, Any]

HEADINGS = ("", "task", "check", "value", "difference", "limit")


def headings(document: Json) -> list[str]:
    """HEADINGS with the level of the interval."""
    level = f"{document['policy']['level']:.0%}"
    return [f"{each} [{level} interval]" if each == "difference" else each for each in HEADINGS]


def verdict_line(document: Json) -> str:
    """`FAIL (exit code 10): 1 failed, 2 warnings, 3 passed`."""
    counts = document["counts"]
    words = {"error": "not comparable", "fail": "failed", "warn": "warned of", "pass": "passed"}
    said = ", ".join(f"{counts[state]} {word}" for state, word in words.items() if counts[state])
    return f"{document['outcome']} (exit code {document['exit_code']}): {said or 'nothing was demanded'}"


def check_row(check: Json) -> list[str]:
    """A row as wide as HEADINGS."""
    return [
        label(check),
        check["task"],
        check["title"],
        _value(check, "value"),
        _difference(check),
        _limit(check),
    ]


def label(check: Json) -> str:
    """`PASS`, `WARN`, `FAIL`, `ERROR`, or `IMPROVED`."""
    if check["state"] == "pass" and check["outcome"] == "IMPROVED":
        return "IMPROVED"
    return str(check["state"]).upper()


def needs_words(check: Json) -> bool:
    """Whether the label alone does not say it all."""
    return bool(check["state"] != "pass" or check["outcome"] not in ("PASS", "IMPROVED"))


def check_sentence(check: Json) -> str:
    """`refcoco Acc@0.5: FAIL, a drop beyond the margin is established (-5.7 [-8.4, -2.9], ...)`."""
    tier = " (informational)" if check["tier"] == "informational" else ""
    facts = _facts(check)
    shown = f" ({facts})" if facts else ""
    return f"{check['task']} {check['title']}: {check['outcome']}{tier}, {check['reason']}{shown}"


def _facts(check: Json) -> str:
    if check["kind"] == "drop" and check["paired"]:
        before, after = _value(check, "baseline"), _value(check, "value")
        return f"{before} -> {after}, {_difference(check)}, margin {_shown(check['limit'], check)}"
    if check["kind"] in ("floor", "cap"):
        return f"{_value(check, 'value')}, {check['kind']} {_shown(check['limit'], check)}"
    if check["kind"] == "ceiling":
        return f"{_value(check, 'value')}%, ceiling {_shown(check['limit'], check)}%"
    return ""


def _difference(check: Json) -> str:
    if check["latency"] and check["latency"]["ratio"] is not None:
        return ratio_text(check["latency"])
    if not check["paired"]:
        return ""
    return difference_text({**check["paired"], **_metric(check)})


def _limit(check: Json) -> str:
    if check["limit"] is None:
        return ""
    if check["kind"] == "latency":
        return f"<= {check['limit']:.2f}"
    sign = {"drop": "-", "floor": ">= ", "cap": "<= ", "ceiling": "<= "}[check["kind"]]
    return sign + _shown(check["limit"], check)


def _value(check: Json, key: str) -> str:
    if check[key] is None:
        return "-"
    return f"{check[key]:.2f}" if check["kind"] == "latency" else _shown(check[key], check)


def _shown(value: float, check: Json) -> str:
    return value_text(value, Metric(**_metric(check)))


def _metric(check: Json) -> dict[str, Any]:
    return {"name": check["name"], "title": check["title"], "percent": check["percent"]}
