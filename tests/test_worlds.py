"""Generated worlds: the promises about scenes, clips and bundled files, checked by readers written here."""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

import vleval.tasks
from vleval.tasks.worlds import write
from vleval.tasks.worlds.encode import mp4, png
from vleval.tasks.worlds.grounding.scenes import VOCABULARY, Scene, SceneObject, make_scene
from vleval.tasks.worlds.shapes import COLORS, SHAPES, Box, draw, outline
from vleval.tasks.worlds.video.clips import FPS, make_clip, render

BUNDLED = Path(vleval.tasks.__file__).parent / "bundled"
SPLITS = ("train", "val", "test")
SEED = 7


@cache
def scenes(split: str = "train", count: int = 150, **limits: int) -> tuple[Scene, ...]:
    return tuple(make_scene(split, SEED, index, **limits) for index in range(count))


def phrase(objects: tuple[SceneObject, ...], words: list[str]) -> list[int]:
    """The objects that a bare noun phrase such as `large red circle` or `shape` fits, size words included."""
    fits = [
        i
        for i, thing in enumerate(objects)
        if all(
            word in (thing.color, thing.shape) or word in ("the", "shape", "large", "small") for word in words
        )
    ]
    if "large" in words or "small" in words:
        ranked = sorted(fits, key=lambda i: extent(objects[i]))
        assert extent(objects[ranked[-1]]) > 1.5 * extent(objects[ranked[0]])
        fits = ranked[-1:] if "large" in words else ranked[:1]
    return fits


def extent(thing: SceneObject) -> float:
    x1, y1, x2, y2 = thing.bbox_xyxy
    return (x2 - x1) * (y2 - y1)


def centre(thing: SceneObject) -> tuple[float, float]:
    x1, y1, x2, y2 = thing.bbox_xyxy
    return (x1 + x2) / 2, (y1 + y2) / 2


def read(objects: tuple[SceneObject, ...], text: str) -> tuple[str, list[int]]:
    """(kind, the objects that a plain reader takes the sentence to mean): the words alone, no margins."""
    relation = re.fullmatch(r"(.+?) (left of|right of|above|below) the (.+)", text)
    if relation:
        noun, word, landmark = relation.groups()
        (anchor,) = phrase(objects, landmark.split())
        x, y = centre(objects[anchor])
        holds = {
            "left of": lambda thing: centre(thing)[0] < x,
            "right of": lambda thing: centre(thing)[0] > x,
            "above": lambda thing: centre(thing)[1] < y,
            "below": lambda thing: centre(thing)[1] > y,
        }[word]
        return "relation", [i for i in phrase(objects, noun.split()) if i != anchor and holds(objects[i])]
    orders = {
        "leftmost": lambda thing: -centre(thing)[0],
        "rightmost": lambda thing: centre(thing)[0],
        "topmost": lambda thing: -centre(thing)[1],
        "bottom": lambda thing: centre(thing)[1],
        "largest": extent,
        "smallest": lambda thing: -extent(thing),
    }
    words = text.split()
    chosen = [word for word in words if word in orders]
    if not chosen:
        return "attribute", phrase(objects, words)
    members = phrase(objects, [word for word in words if word not in orders])
    best = max(orders[chosen[0]](objects[i]) for i in members)
    return "superlative", [i for i in members if orders[chosen[0]](objects[i]) == best]


def test_scenes_are_a_function_of_split_seed_and_index() -> None:
    for index in (0, 3):
        one, two = make_scene("train", 1, index), make_scene("train", 1, index)
        assert np.array_equal(one.image, two.image)
        assert (one.objects, one.expressions) == (two.objects, two.expressions)
    others = [make_scene("train", 2, 0), make_scene("val", 1, 0), make_scene("train", 1, 1)]
    assert all(other.objects != make_scene("train", 1, 0).objects for other in others)


def test_no_picture_is_in_two_splits() -> None:
    digests = [hashlib.sha256(s.image.tobytes()).digest() for split in SPLITS for s in scenes(split, 60)]
    assert len(set(digests)) == len(digests) == 180


def test_every_expression_means_its_target_alone() -> None:
    for scene in scenes():
        for expression in scene.expressions:
            assert read(scene.objects, expression.text) == (expression.kind, [expression.target]), expression


def test_relations_and_superlatives_are_needed() -> None:
    """The noun alone leaves more than one object, else the harder kinds would be attributes in disguise."""
    for scene in scenes():
        for expression in scene.expressions:
            if expression.kind != "attribute":
                noun = re.split(r" (?:left of|right of|above|below) ", expression.text)[0].split()
                noun = [word for word in noun if word in (*COLORS, *SHAPES)]
                assert len(phrase(scene.objects, noun)) >= 2, expression


def test_scenes_are_hard_enough_to_score() -> None:
    kinds: Counter[str] = Counter()
    for scene in scenes():
        assert 3 <= len(scene.objects) <= 5
        assert 1 <= len(scene.expressions) <= 8
        texts = [expression.text.removeprefix("the ") for expression in scene.expressions]
        assert len(set(texts)) == len(texts)
        for expression in scene.expressions:
            target = scene.objects[expression.target]
            others = [thing for i, thing in enumerate(scene.objects) if i != expression.target]
            assert any(thing.color == target.color or thing.shape == target.shape for thing in others)
            kinds[expression.kind] += 1
    total = kinds.total()
    assert 0.35 < kinds["attribute"] / total < 0.55
    assert kinds["superlative"] / total > 0.15
    assert kinds["relation"] / total > 0.2


def test_sides_make_every_cap_bite() -> None:
    shapes = [scene.image.shape for scene in scenes()]
    assert all(448 <= height <= 640 and 448 <= width <= 640 for height, width, _ in shapes)
    ratios = [width / height for height, width, _ in shapes]
    assert min(ratios) < 0.8 and max(ratios) > 1.25


def test_objects_stay_readable_at_64_tokens_and_do_not_touch() -> None:
    for scene in scenes():
        height, width, _ = scene.image.shape
        scale = (64 * 784 / (height * width)) ** 0.5
        covered = np.zeros((height, width), bool)
        for thing in scene.objects:
            x1, y1, x2, y2 = (int(edge) for edge in thing.bbox_xyxy)
            assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
            assert (x2 - x1) * scale > 26
            assert not covered[y1:y2, x1:x2].any()
            covered[y1:y2, x1:x2] = True


def named(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.str_]]:
    """The nearest colour name of each pixel, or an empty string for anything near grey."""
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    values, place = np.unique(packed, return_inverse=True)
    colors = np.stack([values >> 16, values >> 8 & 255, values & 255], -1).astype(int)
    distance = np.abs(colors[:, None] - np.array(list(COLORS.values()))).max(-1)
    names = np.where(distance.min(-1) <= 12, np.array(list(COLORS))[distance.argmin(-1)], "")
    return names[place].reshape(packed.shape)


def test_boxes_are_the_drawn_extents_and_colours_are_true() -> None:
    for scene in scenes()[:20]:
        found = named(scene.image)
        union = np.zeros(found.shape, bool)
        for thing in scene.objects:
            x1, y1, x2, y2 = (int(edge) for edge in thing.bbox_xyxy)
            inside = found[y1:y2, x1:x2] == thing.color
            assert inside.any(0).all() and inside.any(1).all()
            union[y1:y2, x1:x2] |= inside
        assert np.array_equal(found != "", union)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("side", [25, 64, 151])
def test_shapes_fill_their_box_and_their_outline(shape: str, side: int) -> None:
    box = Box(9, 4, 9 + side, 4 + side)
    image = Image.new("L", (side + 20, side + 20))
    canvas = ImageDraw.Draw(image)
    draw(canvas, shape, box, 255)  # type: ignore[arg-type]
    drawn = np.array(image) > 0
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    assert (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) == box
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).polygon(outline(shape, box), fill=255)
    outlined = np.array(mask) > 0
    assert (drawn & outlined).sum() / (drawn | outlined).sum() > 0.93


def test_the_shapes_are_told_apart_when_small() -> None:
    masks = {}
    for shape in SHAPES:
        image = Image.new("L", (25, 25))
        draw(ImageDraw.Draw(image), shape, Box(0, 0, 25, 25), 255)  # type: ignore[arg-type]
        masks[shape] = np.array(image) > 0
    for one in SHAPES:
        for two in SHAPES:
            if one < two:
                assert (masks[one] & masks[two]).sum() / (masks[one] | masks[two]).sum() < 0.8, (one, two)


def test_an_unknown_shape_is_named() -> None:
    with pytest.raises(ValueError, match="'hexagon'; one of circle, square"):
        outline("hexagon", Box(0, 0, 9, 9))


def test_vocabulary_holds_every_word() -> None:
    used = {word for scene in scenes() for e in scene.expressions for word in e.text.split()}
    used |= {
        w for index in range(100) for e in make_clip("train", SEED, index).events for w in e.text.split()
    }
    assert used == set(VOCABULARY)
    assert len(set(VOCABULARY)) == len(VOCABULARY)


def test_training_may_ask_for_easy_scenes() -> None:
    easy = scenes("train", 20, min_objects=1, max_objects=1, max_expressions=2)
    assert all(len(scene.objects) == 1 and 1 <= len(scene.expressions) <= 2 for scene in easy)
    assert all(e.kind == "attribute" and e.target == 0 for scene in easy for e in scene.expressions)


def test_clips_are_a_function_of_split_seed_and_index() -> None:
    one, two = make_clip("train", 1, 4), make_clip("train", 1, 4)
    assert np.array_equal(one.ground, two.ground)
    assert (one.objects, one.events, one.duration) == (two.objects, two.events, two.duration)
    digests = [
        b"".join(hashlib.sha256(render(make_clip(s, 1, i), t)).digest() for t in (1.0, 2.0, 3.0))
        for s in SPLITS
        for i in range(20)
    ]
    assert len(set(digests)) == 60


def test_events_are_short_distinct_and_on_the_grid() -> None:
    for index in range(150):
        clip = make_clip("train", SEED, index)
        assert 4 <= clip.duration <= 12 and len(clip.events) in (2, 3)
        for event, thing in zip(clip.events, clip.objects, strict=True):
            assert 0 <= event.start < event.end <= clip.duration
            assert 1 <= event.end - event.start <= clip.duration / 2
            assert (event.start * 2) % 1 == (event.end * 2) % 1 == (clip.duration * 2) % 1 == 0
            assert f" {thing.color} {thing.shape} " in event.text
            assert " a orange" not in f" {event.text}"
        assert len({(thing.color, thing.shape) for thing in clip.objects}) == len(clip.objects)


def test_a_shape_is_seen_exactly_during_its_event() -> None:
    for index in range(8):
        clip = make_clip("train", SEED, index)
        edges = [k for k in range(round(clip.duration * FPS)) if k % 6 in (0, 5)]
        for k in edges:
            seen = Counter(named(render(clip, k / FPS)).ravel())
            now = Counter(thing.color for thing in clip.objects if thing.start <= k / FPS < thing.end)
            assert {color for color in seen if color} == set(now), (index, k)


def test_a_clip_decodes_to_what_was_drawn() -> None:
    clip = make_clip("train", SEED, 0)
    data = mp4(clip)
    assert data == mp4(clip)
    with av.open(io.BytesIO(data)) as container:
        video = container.streams.video[0]
        assert (video.average_rate, video.codec_context.pix_fmt) == (FPS, "yuv420p")
        frames = list(container.decode(video))
    assert len(frames) == round(clip.duration * FPS)
    for k, frame in enumerate(frames):
        assert frame.time == pytest.approx(k / FPS, abs=1e-3)
        difference = frame.to_ndarray(format="rgb24").astype(int) - render(clip, k / FPS)
        assert np.abs(difference).mean() < 4


def test_one_command_writes_the_same_bytes_again(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write.write_refcoco(tmp_path / folder / "refcoco" / "val.parquet", "val", 5, 4)
        write.write_charades_sta(tmp_path / folder / "charades-sta", "val", 5, 2)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert [path.suffix for path in files] == [".parquet", ".mp4", ".mp4", ".parquet"]
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path


def bundled(name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(BUNDLED / name).to_pylist())


def test_refcoco_files_have_the_columns_of_the_hub() -> None:
    schema = pq.read_schema(BUNDLED / "refcoco" / "test.parquet")
    assert {field.name: str(field.type).replace("element", "item") for field in schema} == {
        "question_id": "string",
        "image": "struct<bytes: binary, path: string>",
        "question": "string",
        "answer": "list<item: string>",
        "segmentation": "list<item: float>",
        "bbox": "list<item: float>",
        "iscrowd": "int8",
        "file_name": "string",
    }


def test_datasets_decodes_the_bundled_images(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    path = str(BUNDLED / "refcoco" / "val.parquet")
    row = datasets.load_dataset("parquet", data_files={"val": path}, split="val", cache_dir=str(tmp_path))[0]
    assert np.array_equal(np.array(row["image"]), make_scene("val", write.BUNDLED_SEED, 0).image)
    assert isinstance(row["answer"], list) and len(row["bbox"]) == 4


@pytest.mark.parametrize("split", ["val", "test"])
def test_bundled_scenes_are_the_generator_s(split: str) -> None:
    """Pixels, not file bytes: another build of zlib packs the same picture differently."""
    stored = bundled(f"refcoco/{split}.parquet")
    fresh = write.refcoco_rows(split, write.BUNDLED_SEED, 8)
    for ours, theirs in zip(fresh, stored, strict=False):
        image, expected = ours.pop("image"), theirs.pop("image")
        assert ours == theirs
        assert np.array_equal(decoded(image["bytes"]), decoded(expected["bytes"]))


def decoded(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.array(Image.open(io.BytesIO(data)))


def parts(scene_rows: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for row in scene_rows:
        for text in row["answer"]:
            yield text, row


@pytest.mark.parametrize(("split", "least_scenes", "least_texts"), [("test", 120, 600), ("val", 50, 250)])
def test_bundled_scenes_meet_the_terms_of_scoring(split: str, least_scenes: int, least_texts: int) -> None:
    rows = bundled(f"refcoco/{split}.parquet")
    assert len({row["question_id"] for row in rows}) == len(rows)
    assert len({row["file_name"] for row in rows}) >= least_scenes
    texts = [text for text, _ in parts(rows)]
    assert len(texts) >= least_texts
    harder = re.compile(r"leftmost|rightmost|topmost|bottom|largest|smallest| of the |above|below")
    assert sum(bool(harder.search(text)) for text in texts) >= len(texts) / 3
    for row in rows:
        x, y, width, height = row["bbox"]
        xs, ys = row["segmentation"][::2], row["segmentation"][1::2]
        assert (min(xs), min(ys), max(xs) + 1, max(ys) + 1) == (x, y, x + width, y + height)


def test_bundled_splits_share_no_picture() -> None:
    digests = {
        split: {hashlib.sha256(row["image"]["bytes"]).digest() for row in bundled(f"refcoco/{split}.parquet")}
        for split in ("val", "test")
    }
    assert not digests["val"] & digests["test"]
    trained = {hashlib.sha256(png(scene.image)).digest() for scene in scenes("train", 20)}
    assert not trained & (digests["val"] | digests["test"])


@pytest.mark.parametrize("split", ["val", "test"])
def test_bundled_clips_have_the_columns_of_the_hub_and_play(split: str) -> None:
    rows = bundled(f"charades-sta/{split}.parquet")
    for row in rows:
        assert list(row) == ["video", "caption", "timestamp"]
    durations = {}
    for name in {row["video"] for row in rows}:
        with av.open(str(BUNDLED / "charades-sta" / "videos" / name)) as container:
            video = container.streams.video[0]
            assert video.average_rate == FPS and video.duration is not None and video.time_base is not None
            durations[name] = float(video.duration * video.time_base)
            assert video.frames == round(durations[name] * FPS)
    for row in rows:
        start, end = row["timestamp"]
        assert 0 <= start < end <= durations[row["video"]] + 1e-6
        assert end - start <= durations[row["video"]] / 2 + 1e-6


def test_the_card_states_what_the_files_hold() -> None:
    card = (BUNDLED / "README.md").read_text(encoding="utf-8")
    for split in ("val", "test"):
        rows = bundled(f"refcoco/{split}.parquet")
        media, texts = len({row["file_name"] for row in rows}), sum(len(row["answer"]) for row in rows)
        assert f"| `refcoco/{split}.parquet` | {media} | {len(rows)} | {texts} |" in card
        events = bundled(f"charades-sta/{split}.parquet")
        media = len({row["video"] for row in events})
        assert f"| `charades-sta/{split}.parquet` | {media} | {len(events)} | {len(events)} |" in card
    assert f"--seed {write.BUNDLED_SEED}" in card


def test_bundled_data_stays_small() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.rglob("*") if path.is_file()) < 6_000_000
