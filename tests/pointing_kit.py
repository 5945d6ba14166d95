"""For the direct commands: an engine that sees real files as a real one does, and answers as told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from vleval.cli import app
from vleval.grounding.frame import Frame
from vleval.model.errors import MediaError
from vleval.model.io import EngineInfo, Failure, Request, Response, Usage
from vleval.model.locations import BUNDLED_CHECKPOINT
from vleval.model.preprocess import prepare_image
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.video import prepare_video
from vleval.running.engines import Loaded

EXAMPLES = Path(__file__).parents[1] / "examples"

Say = Callable[[Path, Frame], "str | BaseException"]


@dataclass
class Witness:
    """Satisfies `Engine`; answers backwards, because order is the engine's business."""

    say: Say
    requests: list[Request] = field(default_factory=list)
    runs: int = 0

    def run(self, requests: Iterable[Request]) -> Iterator[Response]:
        """One response per request; a file that cannot be read is an input error, as in the real engines."""
        self.runs += 1
        spec = PreprocessSpec.from_folder(BUNDLED_CHECKPOINT)
        for request in reversed(list(requests)):
            self.requests.append(request)
            (medium,) = request.media()
            prepare = prepare_image if medium.kind == "image" else prepare_video
            try:
                frame = prepare(medium, request.vision, spec).frame
            except MediaError as fault:
                failure = Failure("input_error", str(fault))
                yield Response(request.id, finish_reason="error", failure=failure)
                continue
            assert medium.path is not None
            said = self.say(medium.path, frame)
            if isinstance(said, BaseException):
                raise said
            usage = Usage(visual_tokens=frame.visual_tokens, decode_seconds=0.25)
            yield Response(request.id, said, frames=(frame,), usage=usage)

    def info(self) -> EngineInfo:
        """Nobody may ask: a real engine would read every weight for the fingerprint."""
        raise AssertionError("a direct question needs no fingerprint")


def use(monkeypatch: pytest.MonkeyPatch, say: Say) -> Witness:
    """Let every model be one that answers like this."""
    witness = Witness(say)
    monkeypatch.setattr("vleval.running.engines.open_engine", lambda config, choice: Loaded(witness, 2.0))
    return witness


def write_image(path: Path, size: tuple[int, int], exif_orientation: int | None = None) -> Path:
    """A grey picture of (width, height) as it is shown; stored turned where its EXIF says so."""
    image = Image.new("RGB", size, (120, 120, 120))
    if exif_orientation is None:
        image.save(path)
        return path
    assert exif_orientation == 6, "shown after a quarter turn clockwise"
    exif = Image.Exif()
    exif[0x0112] = exif_orientation
    image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    return path


def seen(frame: Frame, place: tuple[float, ...]) -> list[int]:
    """A place in original pixels as a perfect model writes it: whole pixels of grid x 14."""
    _, rows, columns = frame.grid_thw
    sides = (columns * 14 / frame.original_size[0], rows * 14 / frame.original_size[1])
    return [round(value * sides[i % 2]) for i, value in enumerate(place)]


def vleval(*words: str | Path, stdin: bytes | None = None) -> Result:
    """The command line, in this process."""
    return CliRunner().invoke(app, [str(word) for word in words], input=stdin)
