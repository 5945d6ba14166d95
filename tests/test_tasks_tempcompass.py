"""TempCompass: three forms of question, each by its own rule, and their mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vleval.model.io import Media
from vleval.tasks.base import Sample
from vleval.tasks.video.tempcompass import TASK

ROWS: dict[str, dict[str, Any]] = {
    "multi-choice": {
        "question": "What is he doing?\nA. dunking a ball\nB. passing a ball\nC. reading",
        "answer": "B. passing a ball",
    },
    "yes_no": {"question": "Is he passing a ball?", "answer": "yes"},
    "caption_matching": {
        "question": "Which fits better?\nOption 1: He dunks a ball.\nOption 2: He passes a ball.",
        "answer": "Option 2: He passes a ball.",
    },
}
LETTERED = {
    "question": "Which fits better?\nSentence A: He dunks.\nSentence B: He passes.",
    "answer": "Sentence A: He dunks.",
}


def sample(form: str, **changes: str) -> Sample:
    row = {"config": form, "video_id": "1034", "dim": "action", **ROWS[form], **changes}
    (found,) = TASK.rows({**row, "video": Media("video", path=Path("1034.mp4"))}, "3")
    return found


SAID = [
    ("multi-choice", "B", "B"),
    ("multi-choice", "B. passing a ball", "B"),
    ("multi-choice", "B)", "B"),
    ("multi-choice", "passing a ball", "B"),
    ("multi-choice", "A or B", None),
    ("multi-choice", "He plays", None),
    ("yes_no", "Yes", "yes"),
    ("yes_no", "Yes, there is no doubt", "yes"),
    ("yes_no", "no.", "no"),
    ("yes_no", "**No**", "no"),
    ("yes_no", "Not at all", None),
    ("yes_no", "Nobody does", None),
    ("yes_no", "I say yes", None),
    ("caption_matching", "Option 2", "2"),
    ("caption_matching", "Option 2: He passes a ball.", "2"),
    ("caption_matching", "2", "2"),
    ("caption_matching", "(2)", "2"),
    ("caption_matching", "He dunks a ball.", "1"),
    ("caption_matching", "Option 3", None),
    ("caption_matching", "Both options", None),
    ("caption_matching", "", None),
]


@pytest.mark.parametrize(("form", "text", "counts"), SAID, ids=[f"{form}: {text}" for form, text, _ in SAID])
def test_what_counts_of_an_answer(form: str, text: str, counts: str | None) -> None:
    score = TASK.score(sample(form), text, (), "absolute")
    assert score.parsed["answer"] == counts
    assert (score.status, bool(score.reason)) == (("scored", False) if counts else ("unparsed", True))
    right = float(counts == sample(form).target["answer"])
    assert score.metrics == {"acc_rules": right, form.replace("-", "_"): right}


@pytest.mark.parametrize(
    ("text", "counts"), [("Sentence A", "A"), ("B", "B"), ("He dunks", "A"), ("C", None)]
)
def test_captions_may_have_letters(text: str, counts: str | None) -> None:
    found = sample("caption_matching", **LETTERED)
    assert found.target == {"answer": "A"}
    assert TASK.score(found, text, (), "absolute").parsed["answer"] == counts


@pytest.mark.parametrize(
    ("form", "ending"),
    [
        ("multi-choice", "C. reading\nPlease directly give the best option:"),
        ("yes_no", "Is he passing a ball?\nPlease answer yes or no:"),
        ("caption_matching", "Option 2: He passes a ball.\nPlease directly give the best option:"),
    ],
)
def test_each_form_has_its_own_request(form: str, ending: str) -> None:
    (message,) = TASK.messages(sample(form))
    assert str(message.content[-1]).endswith(ending)


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        ("Yes", "yes"),
        ("C. reading", "C"),
        ("D", "D"),
        ("Option 1: A. x", "1"),
        ("Caption B: Yes: it is", "B"),
    ],
)
def test_forms_of_the_truth(value: str, truth: str) -> None:
    assert TASK.target.readers["answer"](value, "answer") == truth


@pytest.mark.parametrize("value", ["", None, "reading", "b. x", "Ä. x"])
def test_what_is_no_truth(value: Any) -> None:
    with pytest.raises(ValueError, match="answer must be"):
        TASK.target.readers["answer"](value, "answer")
