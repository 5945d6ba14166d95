"""TempCompass: speed, direction, order and change in short videos, asked in three forms that rules can score.

Rows of the hub set, by configuration:

    multi-choice: {"video_id": "1034419625", "question": "What is the man doing in the video?\\nA. dunking a
    basketball\\nB. dribbling a basketball\\nC. passing a basketball", "answer": "A. dunking a basketball",
    "dim": "action"}

    yes_no: {..., "question": "Is the man dunking a basketball?", "answer": "yes", "dim": "action"}

    caption_matching: {..., "question": "Which description is a more suitable match for the video?\\nOption 1:
    The man is dribbling a basketball.\\nOption 2: A man is dunking a basketball.", "answer": "Option 2: A man
    is dunking a basketball.", "dim": "action"}

The fourth configuration, `captioning`, needs a language model as a judge and is not scored here. Videos are
<video_id>.mp4, in `videos` below the folder given with --media or in it. The authors' folder `questions` is
read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from vleval.grounding.frame import Convention
from vleval.model.io import Message
from vleval.tasks import choices
from vleval.tasks.base import Answer, Metric, Reading, Sample, Target, Task
from vleval.tasks.data import rows
from vleval.tasks.data.choice_files import open_tempcompass
from vleval.tasks.data.configs import CONFIG
from vleval.tasks.prompts import BEST_OPTION, YES_OR_NO
from vleval.tasks.video.choosing import MAX_NEW_TOKENS

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMS = {"multi-choice": BEST_OPTION, "yes_no": YES_OR_NO, "caption_matching": BEST_OPTION}
"""Form of question (the hub's configurations) -> how it is asked."""
METRIC_OF = {form: form.replace("-", "_") for form in FORMS}

_CAPTION = re.compile(r"((?:Option|Sentence|Caption) ?([A-Z0-9])): ?(.*)")
_LABEL = re.compile(r"((?:Option |Sentence |Caption )?([A-Z0-9]))")
_FIRST_WORD = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)


def read_truth(value: Any, column: str) -> str:
    """What counts of a true answer: `yes`, `no`, or the letter or number of the choice."""
    text = rows.sentence(value, column)
    if text.lower() in ("yes", "no"):
        return text.lower()
    caption = _CAPTION.fullmatch(text)
    found = caption[2] if caption else text[0] if len(text) == 1 or text[1:2] in (".", ")") else ""
    if not found or not (found.isascii() and (found.isdecimal() or found.isupper())):
        raise ValueError(f"{column} must be yes, no or a choice such as 'B. text', not {value!r}")
    return found


TARGET = Target("yes, no, or the letter or number of the true choice", {"answer": read_truth})


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    form = rows.sentence(row[CONFIG], CONFIG)
    if form not in FORMS:
        raise ValueError(f"{CONFIG} must be one of {', '.join(FORMS)}, not {form!r}")
    name = str(row["video_id"])
    question = rows.sentence(row["question"], "question")
    truth = read_truth(row["answer"], "answer")
    letters = ascii_uppercase[: len(choices.split(question).choices)]
    if truth not in (_captions(question) or letters or ("yes", "no")):
        raise ValueError(f"answer {row['answer']!r} is none of the choices of its question")
    yield Sample(
        id=f"{form}#{key}",
        media=(rows.media(row["video"], "video"),),
        question=FORMS[form].fill(question),
        target={"answer": truth},
        cluster=name,
        tags={"kind": METRIC_OF[form]} | ({"dim": str(row["dim"])} if row.get("dim") else {}),
    )


def _captions(question: str) -> dict[str, str]:
    """The captions that a question lists: letter or number -> text."""
    found = (_CAPTION.fullmatch(line.strip()) for line in question.splitlines())
    return {caption[2]: _plain(caption[3]) for caption in found if caption}


def messages(sample: Sample) -> tuple[Message, ...]:
    """The video, then the question as the benchmark puts it."""
    return (Message("user", (*sample.media, sample.question)),)


def read(answer: Answer, convention: Convention) -> Reading:
    """`yes` or `no` as the first word, or the one choice that is stated by its letter, number or text."""
    question, text = answer.sample.question, answer.text
    kind = answer.sample.tags.get("kind")  # a file of answers alone does not tell
    if captions := _captions(question):
        found = _caption(text, captions)
    elif texts := choices.split(question).choices:
        found = choices.stated(text, texts)
    elif kind == METRIC_OF["yes_no"] or _FIRST_WORD.match(text):
        found = _yes_or_no(text)
    else:
        found = choices.stated(text)
    return Reading(found.letter, {"answer": found.letter}, found.reason)


def _yes_or_no(text: str) -> choices.Choice:
    match = _FIRST_WORD.match(text)
    if match is not None:
        return choices.Choice(match[1].lower())
    return choices.Choice(None, "neither yes nor no" if text.strip() else "empty answer")


def _caption(text: str, captions: Mapping[str, str]) -> choices.Choice:
    """`Option 1`, `Option 1: text`, `1` or the text; by a letter also as any other choice."""
    plain = _plain(text)
    if (match := _CAPTION.fullmatch(plain) or _LABEL.fullmatch(plain)) is not None:
        return choices.Choice(match[2]) if match[2] in captions else choices.Choice(None, "no such choice")
    same = [name for name, caption in captions.items() if caption == plain]
    if same:
        return choices.Choice(same[0]) if len(same) == 1 else choices.Choice(None, "two choices")
    if "A" in captions:
        return choices.stated(text, tuple(captions.values()))
    return choices.Choice(None, "no choice" if plain else "empty answer")


def _plain(text: str) -> str:
    return " ".join(text.split()).strip("\"'*() .")


def judge(said: Sequence[str], truths: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Whether answers are the true ones, under the name of every form; `applies` keeps the one that fits."""
    import numpy as np

    right = np.array([one == truth for one, truth in zip(said, truths, strict=True)])
    return dict.fromkeys(METRIC_OF.values(), right)


def applies(sample: Sample) -> tuple[str, ...]:
    """The metric of the question's form; every one where a file of answers does not tell it."""
    kind = sample.tags.get("kind")
    return (kind,) if kind else tuple(METRIC_OF.values())


TASK = Task(
    name="tempcompass",
    title="TempCompass",
    description="Tell speeds, directions, orders and changes in short videos: by choice, yes or no, caption.",
    version=1,
    media="video",
    target=TARGET,
    metrics=(
        Metric(
            "acc_rules",
            "Acc. by rules",
            formula="mean of the accuracies of the three forms that rules can score",
            parts=tuple(METRIC_OF.values()),
        ),
        *(
            Metric(name, form.replace("_", " "), formula=f"share of right answers, {form} questions alone")
            for form, name in METRIC_OF.items()
        ),
    ),
    prompt="{question}",
    max_new_tokens=MAX_NEW_TOKENS,
    columns=("question", "answer", CONFIG),
    checks={"question": rows.sentence, "answer": read_truth, CONFIG: rows.sentence},
    hub=("lmms-eval/TempCompass", "lmms-lab/TempCompass"),
    hub_configs=tuple(FORMS),
    splits=("test",),
    default_split="test",
    bundled_splits=("test",),
    rows=samples,
    messages=messages,
    read=read,
    judge=judge,
    applies=applies,
    media_columns=("video_id",),
    local=open_tempcompass,
    references=(
        f"prompt: {BEST_OPTION.source}; each form has its own request",
        "metric: share of right answers, those that match no rule are wrong (TempCompass's scripts without "
        "their language model)",
    ),
    traps=(
        "The share of unmatched answers is that of the unparsed ones; the benchmark sends these to a "
        "language model, and calls the others its match success rate.",
        "Captioning, the fourth form, is judged by a language model alone, and not scored here.",
        "'Not at all' begins with 'no' for the benchmark's script; here it says neither.",
    ),
    comparability=(
        "The report does not say what its average is over, and acc_rules is not it. The overall score of "
        "VLMEvalKit is the share of right answers among the 7,540 questions of all four forms together, "
        "captioning as a language model judges it. The three parts compare form by form with the benchmark's "
        "own tables.",
        "lmms-eval scores each form as a task of its own, and asks a language model about unmatched answers.",
    ),
)
