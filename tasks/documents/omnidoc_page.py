"""OmniDocBench's page: its annotation as truth, and its four edit distances and TEDS for a page in Markdown.

Source: the benchmark's `end2end_dataset.py` and `cal_metric.py` (v1.0, and VLMEvalKit's copy).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from rapidfuzz.distance import Levenshtein

from vleval.tasks.text.markdown_page import Parts, split_page
from vleval.tasks.text.page_words import plain_formula, plain_table, plain_text
from vleval.tasks.text.quick_match import Match, quick_match, simple_match
from vleval.tasks.text.teds import teds

LANGUAGES = {"english": "en", "simplified_chinese": "zh"}
"""As annotated -> as scores are called; other pages are in no published score."""

COUNTED = ("text_block", "title", "code_txt", "code_txt_caption", "reference")
IGNORED = (
    *("equation_caption", "figure_caption", "figure_footnote", "table_caption", "table_footnote"),
    *("code_algorithm", "code_algorithm_caption", "header", "footer", "page_footnote", "page_number"),
)
"""Blocks that are matched, so that reading them costs nothing, and then left out."""
FORMULA, TABLE = "equation_isolated", "table"

_CONTENT = {FORMULA: "latex", TABLE: "html"}
_KEYS = ("category_type", "order", "anno_id", "text", "latex", "html")


class Block(NamedTuple):
    """One true block."""

    category: str
    order: float
    content: str


class Truth(NamedTuple):
    """What a page says, in reading order."""

    language: str
    """`en` or `zh`; else as annotated."""
    text: tuple[Block, ...]
    formulas: tuple[Block, ...]
    tables: tuple[Block, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The scores that the page counts in."""
        text = any(block.category in COUNTED and plain_text(block.content) for block in self.text)
        has = {
            "text": text,
            "formula": self.formulas,
            "table": self.tables,
            "order": text,
            "teds": self.tables,
        }
        return tuple(name for name, found in has.items() if found)


def annotation(value: Any, column: str) -> dict[str, Any]:
    """A page's annotation, from an object or JSON text, without what is not scored. ValueError in words."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{column} must be a page's annotation in JSON ({error})") from error
    try:
        language = value["page_info"]["page_attribute"]["language"]
        blocks = [{key: block[key] for key in _KEYS if key in block} for block in value["layout_dets"]]
        relations = [dict(relation) for relation in (value.get("extra") or {}).get("relation", [])]
        page = {
            "layout_dets": blocks,
            "page_info": {"page_attribute": {"language": str(language)}},
            "extra": {"relation": [each for each in relations if each["relation_type"] == "truncated"]},
        }
        found = _truth(json.dumps(page, sort_keys=True))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{column} must have layout_dets and page_info.page_attribute.language as OmniDocBench has them "
            f"({type(error).__name__}: {error})"
        ) from error
    if not found.parts:
        raise ValueError(f"{column} has no text, formula or table that could be scored")
    return page


def truth(page: Mapping[str, Any]) -> Truth:
    """What an annotation says."""
    return _truth(json.dumps(page, sort_keys=True))


@lru_cache(maxsize=2048)
def _truth(page: str) -> Truth:
    annotated = json.loads(page)
    language = annotated["page_info"]["page_attribute"]["language"]
    blocks = _merged(annotated["layout_dets"], annotated["extra"]["relation"])
    blocks = sorted(blocks, key=lambda block: block.order)
    return Truth(
        LANGUAGES.get(language, language),
        tuple(block for block in blocks if block.category in (*COUNTED, *IGNORED)),
        tuple(block for block in blocks if block.category == FORMULA and block.content),
        tuple(block for block in blocks if block.category == TABLE and block.content),
    )


def _merged(blocks: Sequence[Mapping[str, Any]], relations: Sequence[Mapping[str, Any]]) -> list[Block]:
    """The blocks, those that a column or a page break cut in two joined again."""
    groups: list[set[Any]] = []
    for relation in relations:
        ends = {relation["source_anno_id"], relation["target_anno_id"]}
        known = next((group for group in groups if group & ends), None)
        if known is None:
            groups.append(ends)
        else:
            known |= ends
    of = {name: number for number, group in reversed(list(enumerate(groups))) for name in group}
    parts: dict[int, list[Block]] = {}
    found = []
    for block in blocks:
        one = _block(block)
        group = of.get(block.get("anno_id"))
        if group is None:
            found.append(one)
        else:
            parts.setdefault(group, []).append(one)
    for group in parts.values():
        group.sort(key=lambda block: block.order)
        found.append(group[0]._replace(content="".join(block.content for block in group)))
    return found


def _block(block: Mapping[str, Any]) -> Block:
    category = str(block["category_type"])
    content = block.get(_CONTENT.get(category, "text"))
    return Block(category, float(block.get("order") or 0), "" if content is None else str(content))


def compare(markdown: str, true: Truth) -> dict[str, float]:
    """Distances `text`, `formula`, `table` and `order`, 0 (equal) to 1, and `teds`, for the page's parts."""
    said = split_page(markdown)
    wanted = true.parts
    scores: dict[str, float] = {}
    if "text" in wanted:
        scores |= _text(said, true)
    if true.formulas:
        written = [plain_formula(piece.text) for piece in said.formulas]
        truths = [plain_formula(block.content) for block in true.formulas]
        matches = [match for match in quick_match(written, truths) if match.true]
        scores["formula"] = _distance(matches, written, truths)
    if true.tables:
        scores |= _tables(said, true)
    return scores


def _text(said: Parts, true: Truth) -> dict[str, float]:
    written, truths = (
        [plain_text(piece.text) for piece in said.text],
        [plain_text(b.content) for b in true.text],
    )
    matches = [match for match in quick_match(written, truths) if _counts(match, true.text)]
    placed = [(said.text[match.said[0]].start, match.true) for match in matches if match.said and match.true]
    orders = [true.text[row].order for _, rows in sorted(placed) for row in rows if true.text[row].order]
    right = sorted(true.text[row].order for match in matches for row in match.true if true.text[row].order)
    longest = max(len(orders), len(right), 1)
    return {
        "text": _distance(matches, written, truths),
        "order": Levenshtein.distance(orders, right) / longest,
    }


def _counts(match: Match, blocks: Sequence[Block]) -> bool:
    """Whether a match is about text that counts; read blocks that match nothing do."""
    return not match.true or any(blocks[row].category in COUNTED for row in match.true)


def _distance(matches: Sequence[Match], said: Sequence[str], true: Sequence[str]) -> float:
    """The sum of edits over the sum of the longer lengths, all matches of a page together."""
    pairs = [
        ("".join(said[place] for place in match.said), "".join(true[row] for row in match.true))
        for match in matches
    ]
    lengths = sum(max(map(len, pair)) for pair in pairs)
    return sum(Levenshtein.distance(*pair) for pair in pairs) / lengths if lengths else 0.0


def _tables(said: Parts, true: Truth) -> dict[str, float]:
    written, truths = [piece.text for piece in said.tables], [block.content for block in true.tables]
    matches = [match for match in simple_match(written, truths) if match.true]
    plain, plain_true = [plain_table(text) for text in written], [plain_table(text) for text in truths]
    pairs = [(plain[match.said[0]] if match.said else "", plain_true[match.true[0]]) for match in matches]
    return {
        "table": _distance(matches, plain, plain_true),
        "teds": sum(teds(*pair) for pair in pairs) / len(pairs),
    }
