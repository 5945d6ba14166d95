"""The setting of the makers' published scores, field by field, each with where it is known from.

Few fields were ever published. What was not is chosen here, and says so: a score is reproduced at a setting
that can be named, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vleval.tasks import prompts
from vleval.tasks.base import Task

OURS = "not published, ours"
REPORT_334 = "Qwen2.5-VL Technical Report, section 3.3.4"
LVBENCH = "QwenLM/Qwen3-VL issue 715 (Qwen team)"


class Choice(NamedTuple):
    """One field of a setting."""

    field: str
    """A flag of `vleval run` without its hyphens, or `prompt`, `answer`, `decoding`."""
    value: str | None
    """As the flag takes it; None where vleval's default is meant."""
    shown: str
    """The value in words."""
    source: str
    """Where it is known from; starts with OURS where it is not."""


def reported_setting(task: Task) -> list[Choice]:
    """Everything that decides a score of the task and that a flag or the task chooses."""
    return [
        *(_video(task) if task.media == "video" else _image()),
        Choice("prompt", None, task.prompt, _prompt_source(task)),
        Choice("answer", None, f"at most {task.max_new_tokens} tokens", OURS),
        Choice("decoding", None, "greedy, repetition penalty 1.0", OURS),
    ]


def flags(task: Task) -> dict[str, str]:
    """The fields that a flag of `vleval run` has to set, as settings are named there."""
    choices = reported_setting(task)
    return {each.field.replace("-", "_"): each.value for each in choices if each.value is not None}


def _image() -> Iterator[Choice]:
    shown = "the checkpoint's own range (4t to 16384t as released)"
    yield Choice("pixels", None, shown, f"{OURS}: what the released processor does")


def _video(task: Task) -> Iterator[Choice]:
    if task.name == "lvbench":
        yield Choice("min-pixels", "48t", "48t per frame", LVBENCH)
        yield Choice("max-pixels", "128t", "128t per frame", LVBENCH)
        yield Choice("fps", "2", "2 frames per second", LVBENCH)
    else:
        shown = "the checkpoint's own range (128t to 768t per frame as released)"
        yield Choice("pixels", None, shown, f"{OURS}: what the released processor does")
        yield Choice("fps", "2", "2 frames per second", "QwenLM/Qwen3-VL issue 925 (Qwen team)")
    yield Choice("max-frames", "768", "at most 768 frames", REPORT_334)
    yield Choice("total-pixels", "24576t", "at most 24,576 visual tokens a video", REPORT_334)


def _prompt_source(task: Task) -> str:
    """Of the task's prompt; words that are not Qwen's own are our choice, wherever they come from."""
    known = [prompt for prompt in vars(prompts).values() if isinstance(prompt, prompts.Prompt)]
    found = [prompt.source for prompt in known if prompt.template == task.prompt]
    found += [line.partition(":")[2].strip() for line in task.references if line.startswith("prompt:")]
    if not found:
        return OURS
    return found[0] if "QwenLM/" in found[0] else f"{OURS}: {found[0].removeprefix('ours: ')}"
