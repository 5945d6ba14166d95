"""What benchmarks of short text answers share: the accepted answers, the sample of a row, and the reading.

An answer counts as it was written, without the white space around it. Nothing is searched for in it: "The
total is $5" is not "$5" unless a benchmark's own metric says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vleval.grounding.frame import Convention
from vleval.model.io import Message
from vleval.tasks.base import Answer, Reading, Sample, Target
from vleval.tasks.data import rows
from vleval.tasks.pictures import identity
from vleval.tasks.prompts import SHORT_ANSWER

if TYPE_CHECKING:
    from numpy.typing import NDArray

TextMetric = Callable[[str, Sequence[str]], float]
"""(answer, accepted answers) -> 0..1."""


def accepted(value: Any, column: str) -> list[str]:
    """The accepted answers, from a list, the text of a list, or one answer; an empty one may be among them.

    Numbers, as JSON has them, become text: 14 and 14.0 are "14". Raises ValueError where there is no answer,
    as in splits that are published without them.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = rows.sentences(value, column)
        except ValueError:  # "[2, 4]" is an answer, and no list of answers
            value = [value]
    found = [_written(item) for item in (value if isinstance(value, list | tuple) else [value])]
    if not any(isinstance(item, str) and item.strip() for item in found):
        raise ValueError(
            f"{column} must be accepted answers, not {value!r} (a split without answers cannot be scored)"
        )
    if not all(isinstance(item, str) for item in found):
        raise ValueError(f"{column} must be strings, not {value!r}")
    return found


def _written(answer: Any) -> Any:
    """A number as text; anything else, and what is no number, as it is."""
    number = isinstance(answer, int | float) and not isinstance(answer, bool) and answer == answer
    return f"{answer:.15g}" if number else answer


ANSWERS = Target("a list of accepted answers", {"answers": accepted, "answer": accepted})


def kept_back(value: Any) -> bool:
    """Whether a row's answers are kept back: none, an empty list, or one of blanks."""
    listed = [value] if isinstance(value, str) else value
    return value is None or (
        isinstance(listed, list | tuple)
        and all(isinstance(item, str) and not item.strip() for item in listed)
    )


def make_sample(
    row: Mapping[str, Any], key: str, *, id: str | None, answers: Any, tags: Mapping[str, str] | None = None
) -> Sample:
    """The sample of a row with `question` and `image`; `id` None: after the row, `answers` None: kept back.

    Raises ValueError.
    """
    image = rows.media(row["image"], "image")
    return Sample(
        id=id or f"row#{key}",
        media=(image,),
        question=rows.sentence(row["question"], "question"),
        target={} if answers is None else {"answers": answers},
        cluster=identity(image, row.get(rows.MEDIA_NAME) or key),
        tags=tags or {},
    )


def messages(sample: Sample) -> tuple[Message, ...]:
    """The image, then the question and the plea to be short."""
    return (Message("user", (*sample.media, SHORT_ANSWER.fill(sample.question))),)


def bare_messages(sample: Sample) -> tuple[Message, ...]:
    """The image, then the question as it stands."""
    return (Message("user", (*sample.media, sample.question)),)


def read(answer: Answer, convention: Convention) -> Reading:
    """The whole answer without the white space around it; nothing said is nothing read."""
    text = answer.text.strip()
    return Reading(text or None, {"answer": text}, None if text else "empty answer")


def judge_by(metrics: Mapping[str, TextMetric]) -> Callable[..., dict[str, NDArray[Any]]]:
    """A task's `judge`, from metrics of one answer each."""

    def judge(answers: Sequence[str], truths: Sequence[Sequence[str]]) -> dict[str, NDArray[Any]]:
        import numpy as np

        pairs = list(zip(answers, truths, strict=True))
        return {
            name: np.array([metric(said, truth) for said, truth in pairs], float)
            for name, metric in metrics.items()
        }

    return judge
