"""What benchmarks of choices about videos share: the sample of a row, the question, the reading.

The headline counts answers that plainly state one choice (`choices.stated`); all others are unparsed and
wrong, and their share is the unmatched rate. Where a benchmark's own script guesses, its figure stands beside
as `acc_official`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from vleval.grounding.frame import Convention
from vleval.model.io import Media, Message
from vleval.tasks import choices
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target
from vleval.tasks.data import rows
from vleval.tasks.prompts import Prompt

ACCURACY = Metric("acc", "Accuracy", formula="share of answers that state the true choice, and no other")
MAX_NEW_TOKENS = 16

TARGET = Target("the letter of the true choice", {**choices.TARGET.readers, "answer": choices.letter})

TALKATIVE = (
    "An answer that states no choice, or two, is unparsed and counts as wrong; lmms-eval searches sentences "
    "for some letter, by rules that changed with its versions, and VLMEvalKit may ask a language model."
)


def official(formula: str) -> Metric:
    """The figure of the benchmark's own script."""
    return Metric("acc_official", "Official acc.", formula=formula)


def options(value: Any, column: str) -> list[str]:
    """Two or more choices, as texts; numbers are texts too. Raises ValueError."""
    found = (
        [str(item) for item in value] if isinstance(value, list | tuple) else rows.sentences(value, column)
    )
    if not 2 <= len(found) <= len(ascii_uppercase):
        raise ValueError(f"{column} must be a list of choices, not {value!r}")
    return found


def asked(question: Any, texts: Any, column: str) -> choices.Asked:
    """A question and its choices, which it lists itself or the value `texts` of `column` holds.

    Raises ValueError.
    """
    found = choices.split(rows.sentence(question, "question"))
    if found.choices:
        return found
    if texts is None:
        raise ValueError(f"question lists no choices, '(A) ...' and so on, a line each, nor does {column}")
    return choices.Asked(found.words, tuple(choices.unlettered(options(texts, column))))


def make_sample(
    video: Media,
    name: str,
    *,
    id: str,
    question: str,
    texts: Sequence[str],
    truth: str,
    tags: Mapping[str, Any],
    form: str = "{}. {}",
    heading: Sequence[str] = (),
) -> Sample:
    """The sample of a question about the video `name`; `heading` are lines between it and its choices."""
    return Sample(
        id=id,
        media=(video,),
        question="\n".join([question, *heading, *choices.lettered(texts, form)]),
        target={"letter": truth},
        cluster=name,
        tags={tag: str(value) for tag, value in tags.items() if value not in (None, "", [])},
    )


def asks(prompt: Prompt) -> Callable[[Sample], tuple[Message, ...]]:
    """A task's `messages`: the video, then the filled prompt."""

    def messages(sample: Sample) -> tuple[Message, ...]:
        return (Message("user", (*sample.media, prompt.fill(sample.question))),)

    return messages


def read(answer: Answer, convention: Convention) -> Reading:
    """The one choice that the answer states."""
    found = choices.stated(answer.text, choices.split(answer.sample.question).choices)
    return Reading(found.letter, {"letter": found.letter}, found.reason)


def reads_both(rule: Callable[[str], str | None]) -> Callable[[Answer, Convention], Reading]:
    """A task's `read`: what the answer states, and what the benchmark's own script takes it for."""

    def both(answer: Answer, convention: Convention) -> Reading:
        stated, taken = read(answer, convention), rule(answer.text)
        parsed = {**stated.parsed, "official": taken}
        said = {"acc": stated.counts, "acc_official": taken}
        return Reading(said if any(said.values()) else None, parsed, stated.reason)

    return both
