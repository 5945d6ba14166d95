"""A world with known truth for whole runs: samples, and an engine that answers from the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vleval.grounding.frame import Frame
from vleval.model.io import EngineInfo, Failure, Media, Request, Response, Usage
from vleval.model.limits import smart_resize
from vleval.tasks.base import Sample

SIZE = (640, 448)
"""Width and height of every image and video of this world."""
DURATION = 10.0
"""Seconds of every video."""

Answer = Callable[[int, Sample, Frame], "str | Failure | BaseException"]
"""(index of the question, sample, frame) -> the raw text, a failure, or something to raise."""


def toy_samples(count: int = 40, per_image: int = 2) -> list[Sample]:
    """Boxes in images of one size, `per_image` questions each."""
    samples = []
    for index in range(count):
        x, y = 40 + 17 * index % 300, 30 + 23 * index % 200
        samples.append(
            Sample(
                id=f"toy-{index}",
                media=(Media("image", data=f"image {index // per_image}".encode()),),
                question=f"thing {index}",
                target={"bbox_xyxy": [x, y, x + 120, y + 90]},
                cluster=f"image-{index // per_image}",
                original_size=SIZE,
            )
        )
    return samples


def toy_clips(count: int = 12, per_video: int = 2) -> list[Sample]:
    """Spans in videos of DURATION seconds, `per_video` questions each."""
    samples = []
    for index in range(count):
        name = f"clip-{index // per_video}.mp4"
        samples.append(
            Sample(
                id=f"{name}#{index}",
                media=(Media("video", data=name.encode()),),
                question=f"event {index}",
                target={"span": [float(index % 5), index % 5 + 3.5]},
                cluster=name,
            )
        )
    return samples


def toy_frame(request: Request, size: tuple[int, int]) -> Frame:
    """The frame of an image or a video under the request's limits, by the real size rule."""
    width, height = size
    limits = {
        "min_pixels": request.vision.min_pixels or 784,
        "max_pixels": request.vision.max_pixels or 1003520,
    }
    h, w = smart_resize(height, width, **limits)
    if request.media()[0].kind == "image":
        return Frame(size, (w, h), (1, h // 14, w // 14), "torch")
    rate = request.vision.fps or 2.0
    stamps = tuple(index / rate for index in range(int(DURATION * rate)))
    grid = (len(stamps) // 2, h // 14, w // 14)
    return Frame(size, (w, h), grid, "torch", (), stamps, 2 / rate, "pts", DURATION)


def exact(index: int, sample: Sample, frame: Frame) -> str:
    """The true box in input pixels, or the true span, in the words of the model."""
    if "span" in sample.target:
        start, end = sample.target["span"]
        return f"The event happens in {start} - {end} seconds."
    (w, h), (iw, ih) = frame.original_size, frame.input_size
    x1, y1, x2, y2 = sample.target["bbox_xyxy"]
    box = [round(x1 * iw / w), round(y1 * ih / h), round(x2 * iw / w), round(y2 * ih / h)]
    return json.dumps([{"bbox_2d": box, "label": sample.question}])


def swapped(index: int, sample: Sample, frame: Frame) -> str:
    """The true box scaled by the wrong side: what a mix-up of width and height does."""
    (w, h), (iw, ih) = frame.original_size, frame.input_size
    x1, y1, x2, y2 = sample.target["bbox_xyxy"]
    return json.dumps(
        [{"bbox_2d": [round(y1 * iw / w), round(x1 * ih / h), round(y2 * iw / w), round(x2 * ih / h)]}]
    )


@dataclass
class ToyEngine:
    """Satisfies `Engine`; answers in reverse order, because order is the engine's business."""

    samples: Sequence[Sample]
    answer: Answer = exact
    family: str = "qwen2_5_vl"
    requests: list[Request] = field(default_factory=list)
    fingerprint: str = "f" * 64
    stopped: bool = False

    def run(self, requests: Iterable[Request]) -> Iterator[Response]:
        """One response per request."""
        known = {sample.id: (index, sample) for index, sample in enumerate(self.samples)}
        self.stopped = False
        for request in reversed(list(requests)):
            if self.stopped:
                return
            self.requests.append(request)
            index, sample = known[request.id]
            frame = toy_frame(request, SIZE)
            said = self.answer(index, sample, frame)
            if isinstance(said, BaseException):
                raise said
            if isinstance(said, Failure):
                yield Response(request.id, finish_reason="error", failure=said)
            else:
                usage = Usage(visual_tokens=frame.visual_tokens, prompt_tokens=40, completion_tokens=9)
                yield Response(request.id, said, frames=(frame,), usage=usage)

    def stop(self) -> None:
        """After the answer in hand."""
        self.stopped = True

    def info(self) -> EngineInfo:
        """As a model would introduce itself."""
        return EngineInfo("toy", "toy", self.family, "float32", "cpu", 0, self.fingerprint, 123_000_000)


def write_rows(folder: Path, samples: Sequence[Sample]) -> Path:
    """The samples as a JSONL file with RefCOCO's columns, beside image files that nobody decodes."""
    lines = []
    for sample in samples:
        name = f"{sample.cluster}.png"
        (folder / name).write_bytes(sample.media[0].read())
        x1, y1, x2, y2 = sample.target["bbox_xyxy"]
        row = {
            "question_id": sample.id,
            "image": name,
            "answer": [sample.question],
            "bbox": [x1, y1, x2 - x1, y2 - y1],
        }
        lines.append(json.dumps(row))
    file = folder / "val.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def write_clips(folder: Path, samples: Sequence[Sample]) -> Path:
    """The samples as a JSONL file with Charades-STA's columns, beside video files that nobody decodes."""
    lines = []
    for sample in samples:
        (folder / sample.cluster).write_bytes(sample.media[0].read())
        row = {"video": sample.cluster, "caption": sample.question, "timestamp": sample.target["span"]}
        lines.append(json.dumps(row))
    file = folder / "clips.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def only_run(root: Path) -> Path:
    """The one run folder under `root`."""
    (folder,) = root.iterdir()
    return folder
