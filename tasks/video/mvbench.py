"""MVBench: twenty kinds of question about short videos, three to five choices each; the mean over the kinds.

A row of the hub set, of its configuration `action_sequence`: {"video": "ZS9XR.mp4", "question": "What
happened after the person took the food?", "candidates": ["Ate the medicine.", "Tidied up the blanket.", "Put
down the cup/glass/bottle.", "Took the box."], "answer": "Ate the medicine.", "start": 11.1, "end": 20.6};
`answer` is the text of a choice. Rows of other kinds have neither start nor end. Rows of all twenty
configurations are read, each with the name of its own under `config`.

Videos lie below the folder given with --media as the hub's archives unpack
(`star/Charades_v1_480/ZS9XR.mp4`), or all in one folder. Where `start` and `end` are given, that part of the
video is shown; the hub's revision `video` holds these parts as files of their own (`star/Charades_segment`),
which are shown whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vleval.model.io import Media
from vleval.tasks import choices
from vleval.tasks.base import Metric, Sample, Task
from vleval.tasks.data import rows
from vleval.tasks.data.configs import CONFIG
from vleval.tasks.prompts import WATCH
from vleval.tasks.video import choosing

FOLDERS: Mapping[str, tuple[str, ...]] = {
    "action_antonym": ("ssv2_video", "ssv2_video_mp4"),
    "action_count": ("perception/videos",),
    "action_localization": ("sta/sta_video", "sta/sta_video_segment"),
    "action_prediction": ("star/Charades_v1_480", "star/Charades_segment"),
    "action_sequence": ("star/Charades_v1_480", "star/Charades_segment"),
    "character_order": ("perception/videos",),
    "counterfactual_inference": ("clevrer/video_validation",),
    "egocentric_navigation": ("vlnqa",),
    "episodic_reasoning": ("tvqa/video_fps3_hq_segment",),
    "fine_grained_action": ("Moments_in_Time_Raw/videos",),
    "fine_grained_pose": ("nturgbd", "nturgbd_convert"),
    "moving_attribute": ("clevrer/video_validation",),
    "moving_count": ("clevrer/video_validation",),
    "moving_direction": ("clevrer/video_validation",),
    "object_existence": ("clevrer/video_validation",),
    "object_interaction": ("star/Charades_v1_480", "star/Charades_segment"),
    "object_shuffle": ("perception/videos",),
    "scene_transition": ("scene_qa/video",),
    "state_change": ("perception/videos",),
    "unexpected_action": ("FunQA_test/test",),
}
"""Kind of question (the hub's configurations) -> where its videos lie, whole or cut (`_segment`)."""

_ROOTS = ("", "video/", "data0613/", "video/data0613/")
_CUT = "_segment"


def media_files(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the hub's archives put a video."""
    places = (f"{root}{folder}/" for root in _ROOTS for folder in FOLDERS.get(str(row.get(CONFIG)), ()))
    return tuple(f"{place}{row['video']}" for place in ("", *places))


def samples(row: Mapping[str, Any], key: str) -> Iterator[Sample]:
    """The one sample of a row. Raises ValueError on a value that cannot be read."""
    texts = choosing.options(row["candidates"], "candidates")
    kind = rows.sentence(row[CONFIG], CONFIG)
    video = _part(rows.media(row["video"], "video"), row)
    name = str(row.get(rows.MEDIA_NAME) or (video.path.name if video.path else key))
    yield choosing.make_sample(
        video,
        name,
        id=f"{kind}#{key}",
        question=rows.sentence(row["question"], "question"),
        texts=texts,
        truth=choices.true_letter(row["answer"], texts, "answer"),
        tags={"kind": kind},
        form="({}) {}",
        heading=("Options:",),
    )


def _part(video: Media, row: Mapping[str, Any]) -> Media:
    """The part of the video that is asked about; a file that is this part already stays whole."""
    if row.get("start") is None or row.get("end") is None:
        return video
    if video.path is not None and any(part.endswith(_CUT) for part in video.path.parts):
        return video
    start, end = rows.ends([row["start"], row["end"]], "start, end")
    return replace(video, start=start, end=end)


TASK = Task(
    name="mvbench",
    title="MVBench",
    description="Choose the answer to a question about what happens in a short video, of twenty kinds.",
    version=1,
    media="video",
    target=choosing.TARGET,
    metrics=(
        Metric(
            "acc",
            "Accuracy",
            formula="mean over the kinds of question of the share of answers that state the true choice",
            strata=("kind",),
        ),
    ),
    prompt=WATCH.template,
    max_new_tokens=choosing.MAX_NEW_TOKENS,
    columns=("video", "question", "candidates", "answer", CONFIG),
    checks={"question": rows.sentence, "candidates": choosing.options, CONFIG: rows.sentence},
    hub=("OpenGVLab/MVBench",),
    hub_configs=tuple(FOLDERS),
    splits=("train",),
    default_split="train",
    bundled_splits=("train",),
    rows=samples,
    messages=choosing.asks(WATCH),
    read=choosing.read,
    judge=choices.judge,
    media_files=media_files,
    references=(
        f"prompt: {WATCH.source}",
        "metric: mean over the 20 kinds of the accuracy of each (MVBench; 200 questions a kind)",
    ),
    traps=(
        "The split is called train, and is the test.",
        "Rows with start and end ask about that part alone; whole videos hold other actions.",
        "An empty answer is wrong; lmms-eval leaves empty answers out of the mean.",
        "The videos of fine_grained_pose (NTU RGB+D) are not on the hub: without them its 200 questions "
        "fail.",
        "episodic_reasoning has folders of frames in the hub's main revision; use the videos of --revision "
        "video.",
        "The 20 annotation files were corrected more than once on the hub: pin --revision to compare.",
    ),
    comparability=(
        choosing.TALKATIVE,
        "MVBench's own script puts 'Best option: (' into the model's mouth; here the answer is its own.",
    ),
)
