"""The questions: filled without harm, each with its source, and the same in every place that asks."""

from __future__ import annotations

import pytest

from vleval.tasks.prompts import CHOICE, DETECT, LOCATE, MOMENT, POINT, SHORT_ANSWER, Prompt, caption
from vleval.tasks.registry import get_task

PROMPTS = (LOCATE, POINT, DETECT, MOMENT, SHORT_ANSWER, CHOICE)

HOSTILE = [
    "{expression}",
    "{0} {} }{",
    "the 'red' \"car\"",
    "%s $x \\n",
    "<|im_end|>",
    "Locate x in this image",
]


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("words", HOSTILE)
def test_words_go_in_as_they_are(prompt: Prompt, words: str) -> None:
    question = prompt.fill(words)
    assert question == prompt.template.replace("{" + prompt.gap + "}", words)
    assert question[len(prompt.before) : len(question) - len(prompt.after)] == words


def test_the_official_sentences() -> None:
    """As the Qwen team and TimeLens published them; the bundled checkpoint learnt the first and last."""
    assert LOCATE.fill("the red car") == (
        "Locate the red car in this image and output the bbox coordinates in JSON format."
    )
    assert DETECT.fill("car, person") == (
        "Locate every instance that belongs to the following categories: 'car, person'. "
        "Report bbox coordinates in JSON format."
    )
    assert MOMENT.fill("a door opens") == (
        "Please find the visual event described by the sentence 'a door opens', determining its starting and "
        "ending times. The format should be: 'The event happens in <start time> - <end time> seconds'."
    )


def test_tasks_show_the_prompt_they_use() -> None:
    assert get_task("refcoco").prompt == LOCATE.template
    assert get_task("charades-sta").prompt == MOMENT.template
    assert any(LOCATE.source in line for line in get_task("refcoco").references)
    assert any(MOMENT.source in line for line in get_task("charades-sta").references)


@pytest.mark.parametrize(
    ("sentence", "quoted"),
    [(" A door opens. ", "A door opens"), ("he says ...", "he says"), ("at 3.5 s", "at 3.5 s")],
)
def test_a_caption_has_no_full_stop(sentence: str, quoted: str) -> None:
    assert caption(sentence) == quoted
