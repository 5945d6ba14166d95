"""The answers of a run as the file that a benchmark's own server takes, for splits whose truths it keeps.

A server refuses a file as a whole for one question too many or too few, so that is found here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from vleval.results.exports.samples import encodable
from vleval.results.record import SampleRecord
from vleval.tasks.base import Submission


class SubmissionError(Exception):
    """The answers make no file that the server takes; the message is one plain sentence."""


class Submitted(NamedTuple):
    """What a file holds."""

    answers: int
    empty: int
    """Of these, questions that failed, or to which nothing was said: the server counts them as wrong."""


def write_submission(
    path: Path, submission: Submission, samples: Iterable[SampleRecord], expected: int | None
) -> Submitted:
    """Write the answers in the order of their ids, as ASCII; `expected` is how many there must be, None any.

    Raises SubmissionError for an id that is no whole number, for one that comes twice, and for too few.
    """
    answers: dict[int, str] = {}
    for sample in samples:
        if not (sample.id.isascii() and sample.id.isdecimal()):
            raise SubmissionError(
                f"question {sample.id!r} has no whole number for an id, as {submission.server} asks"
            )
        if int(sample.id) in answers:
            raise SubmissionError(f"question {int(sample.id)} is answered twice")
        answers[int(sample.id)] = "" if sample.status == "failed" else encodable(sample.text.strip())
    if expected is not None and len(answers) != expected:
        raise SubmissionError(f"{len(answers)} of {expected} questions are answered, and all have to be")
    entries = [{submission.id: id, submission.answer: answers[id]} for id in sorted(answers)]
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="ascii")
    return Submitted(len(entries), sum(not answer for answer in answers.values()))
