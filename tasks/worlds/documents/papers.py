"""Rows of generated documents and charts, with the columns of the hub's DocVQA and ChartQA."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vleval.tasks.worlds.documents.charts import make_chart
from vleval.tasks.worlds.documents.forms import make_document
from vleval.tasks.worlds.documents.paper import encode


def docvqa_rows(split: str, seed: int, documents: int) -> Iterator[dict[str, Any]]:
    """One row per question, each with its page."""
    for index in range(documents):
        page = make_document(split, seed, index)
        image, name = encode(page.image), f"world_{split}_{index:06d}"
        for number, asked in enumerate(page.asked):
            yield {
                "questionId": f"{name}_{number}",
                "question": asked.text,
                "question_types": [asked.kind],
                "image": {"bytes": image, "path": f"{name}.png"},
                "docId": index,
                "ucsf_document_id": name,
                "ucsf_document_page_no": "1",
                "answers": list(asked.answers),
                "data_split": split,
            }


def chartqa_rows(split: str, seed: int, charts: int) -> Iterator[dict[str, Any]]:
    """One row per question, each with its chart."""
    for index in range(charts):
        chart = make_chart(split, seed, index)
        image, name = encode(chart.image), f"world_{split}_{index:06d}.png"
        for asked in chart.asked:
            yield {
                "type": asked.kind,
                "question": asked.text,
                "answer": asked.answers[0],
                "image": {"bytes": image, "path": name},
            }
