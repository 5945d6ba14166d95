"""Known truth through the real preprocessing: a right mapping scores full, a wrong one cannot pass unseen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vleval.grounding.boxes import iou
from vleval.grounding.frame import Convention, Frame, Sizes, to_input, to_original
from vleval.model.images import load_image
from vleval.model.io import Media, VisionSettings
from vleval.model.preprocess import prepare_array, prepare_image
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.tasks.base import Sample
from vleval.tasks.grounding import refcoco

# original (w, h) and the pixel budget that resizes it by at least 1.5 along each axis
RESIZED = [
    ((320, 480), VisionSettings(min_pixels=480 * 720)),
    ((1120, 672), VisionSettings(max_pixels=720 * 420)),
    ((280, 560), VisionSettings(min_pixels=560 * 1120)),
    ((900, 300), VisionSettings(max_pixels=450 * 150)),
]


def written_by_a_perfect_model(truth: list[float], frame: Frame) -> str:
    """The true box in input pixels, from grid x 14 and by arithmetic of its own."""
    _, rows, columns = frame.grid_thw
    width, height = frame.original_size
    x1, y1, x2, y2 = truth
    numbers = [
        x1 * columns * 14 / width,
        y1 * rows * 14 / height,
        x2 * columns * 14 / width,
        y2 * rows * 14 / height,
    ]
    return f'[{{"bbox_2d": {[round(number) for number in numbers]}, "label": "it"}}]'


def known_truth_accuracy(convention: Convention, fault: str = "") -> float:
    """Acc@0.5 of perfect answers on non-square images that were really resized."""
    generator = np.random.default_rng(7)
    hits = []
    for original, settings in RESIZED:
        blank = np.zeros((original[1], original[0], 3), dtype=np.uint8)
        seen = prepare_array(blank, settings, PreprocessSpec()).frame
        factors = np.divide(seen.input_size, original)
        assert (factors >= 1.5).all() or (factors <= 1 / 1.5).all()
        for _ in range(50):
            x1, y1 = generator.uniform(0.1, 0.6, 2) * original
            x2, y2 = (x1, y1) + generator.uniform(0.15, 0.35, 2) * original
            truth = [float(value) for value in (x1, y1, x2, y2)]
            text = written_by_a_perfect_model(truth, seen)
            used = seen
            if fault == "swapped":
                used = replace(seen, input_size=seen.input_size[::-1])
            elif fault == "unmapped":
                used = replace(seen, input_size=original)
            sample = Sample("s", (Media("image", data=b""),), "it", {"bbox_xyxy": truth}, "c")
            hits.append(refcoco.TASK.score(sample, text, (used,), convention).metrics["acc@0.5"])
    return 100 * float(np.mean(hits))


def test_known_truth_scores_full_only_when_mapped_rightly() -> None:
    assert known_truth_accuracy("absolute") == 100.0
    assert known_truth_accuracy("absolute", "swapped") < 50.0
    assert known_truth_accuracy("absolute", "unmapped") < 50.0
    assert known_truth_accuracy("original") < 50.0
    assert known_truth_accuracy("relative-1000") < 50.0


MARK = (200, 40, 360, 120)
"""A white box on a black picture of 480 x 320, as it is seen upright."""


def marked_picture() -> Image.Image:
    picture = np.zeros((320, 480, 3), dtype=np.uint8)
    picture[MARK[1] : MARK[3], MARK[0] : MARK[2]] = 255
    return Image.fromarray(picture)


def bright_box(pixels: NDArray[np.uint8]) -> list[int]:
    """(x1, y1, x2, y2) around the white pixels of [H, W, 3]."""
    rows, columns = np.nonzero(pixels[..., 0] > 127)
    return [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]


def bright_input_box(image: Media, seen: Frame, settings: VisionSettings) -> list[int]:
    """Around the white pixels of what the vision tower is fed, put together from its patches."""
    ready = prepare_image(image, settings, PreprocessSpec())
    _, rows, columns = seen.grid_thw
    blocks = ready.pixels.reshape(rows // 2, columns // 2, 2, 2, 3, 14, 14).permute(0, 2, 5, 1, 3, 6, 4)
    fed = blocks.reshape(rows * 14, columns * 14, 3).numpy()
    return bright_box(np.where(fed > fed.max() / 2, 255, 0).astype(np.uint8))


STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation -> how a camera lays down the upright picture (the inverse of how it is turned back)."""


@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_box_lands_on_the_marked_pixels_of_a_turned_file(orientation: int, tmp_path: Path) -> None:
    """From a file on disk to original pixels: the model writes what it sees, the box meets the mark."""
    stored = marked_picture().transpose(STORED_AS[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    stored.save(path, exif=exif)
    image, settings = Media("image", path=path), VisionSettings(max_pixels=252 * 168)
    upright = np.asarray(load_image(image))
    assert upright.shape == (320, 480, 3)
    assert bright_box(upright) == list(MARK)
    seen = prepare_image(image, settings, PreprocessSpec()).frame
    assert seen.original_size == (480, 320)
    answer = bright_input_box(image, seen, settings)
    mapped = to_original([answer], seen)
    assert iou(mapped, [MARK])[0] > 0.95
    as_stored = replace(seen, original_size=stored.size)
    if stored.size != (480, 320):
        assert iou(to_original([answer], as_stored), [MARK])[0] < 0.5


@pytest.mark.parametrize(
    ("canvas", "corner", "size"),
    [
        ((448, 448), (0, 75), (448, 299)),
        ((896, 308), (217, 0), (462, 308)),
        ((960, 1120), (0, 240), (960, 640)),
    ],
    ids=["bars above and below", "bars at the sides", "enlarged"],
)
def test_a_box_lands_on_the_marked_pixels_between_bars(
    canvas: tuple[int, int], corner: tuple[int, int], size: tuple[int, int]
) -> None:
    """Pillow really pastes the picture on a grey canvas: bars and mark are found by no arithmetic of ours."""
    picture = marked_picture()
    shown = Image.new("RGB", canvas, (60, 60, 60))
    shown.paste(picture.resize(size, Image.Resampling.BICUBIC), corner)
    answer = bright_box(np.asarray(shown))
    sizes = Sizes.letterboxed(picture.size, canvas)
    np.testing.assert_allclose(sizes.content, [*corner, *np.add(corner, size)], atol=1.0)
    assert iou(to_original([answer], sizes), [MARK])[0] > 0.95
    assert iou(to_original([answer], Sizes(picture.size, canvas)), [MARK])[0] < 0.75
    np.testing.assert_allclose(to_input([MARK], sizes)[0], answer, atol=1.5)
