"""The verdict as JUnit XML: a test case per check, in the subset that every CI system reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from vleval.results.escape import xml
from vleval.results.gating.text import check_sentence

Json = Mapping[str, Any]


def junit(document: Json) -> bytes:
    """The document as XML: a `failure` or `error` (not judged) blocks the build, `skipped` is a warning."""
    checks = document["checks"]
    counts = {
        "tests": len(checks),
        "failures": sum(check["state"] == "fail" for check in checks),
        "errors": sum(check["state"] == "error" for check in checks),
        "skipped": sum(check["state"] == "warn" for check in checks),
    }
    numbers = {name: str(count) for name, count in counts.items()}
    suites = Element("testsuites", {"name": "vleval gate", **numbers})
    suite = SubElement(suites, "testsuite", {"name": "vleval gate", **numbers})
    for check in checks:
        _case(suite, check)
    indent(suites)
    return bytes(tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: Element, check: Json) -> None:
    name = check["name"] if check["kind"] == "drop" else f"{check['name']} {check['kind']}"
    case = SubElement(suite, "testcase", {"classname": xml(f"vleval.{check['task']}"), "name": xml(name)})
    properties = SubElement(case, "properties")
    for key, value in _facts(check).items():
        if value is not None:
            SubElement(properties, "property", {"name": key, "value": xml(str(value))})
    sentence = xml(check_sentence(check))
    if check["state"] == "fail":
        SubElement(case, "failure", {"type": check["outcome"], "message": sentence}).text = sentence
    elif check["state"] == "error":
        SubElement(case, "error", {"type": check["outcome"], "message": sentence}).text = sentence
    elif check["state"] == "warn":
        SubElement(case, "skipped", {"message": sentence})


def _facts(check: Json) -> dict[str, Any]:
    facts = {"outcome": check["outcome"], "value": check["value"], "limit": check["limit"]}
    paired = check["paired"]
    if not paired:
        return facts
    low, high = paired["interval"] or (None, None)
    return {
        **facts,
        "baseline": check["baseline"],
        "difference": paired["difference"],
        "low": low,
        "high": high,
        "n": paired["n"],
        "clusters": paired["clusters"],
        "method": paired["method"],
    }
