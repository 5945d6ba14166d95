"""Films as rows of QVHighlights, ActivityNet-TL and TVGBench, in their own columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vleval.tasks.worlds.encode import mp4
from vleval.tasks.worlds.parquet import STRING, sequence, value, write_bytes, write_parquet
from vleval.tasks.worlds.video.films import Film, make_film, ratings

if TYPE_CHECKING:
    from vleval.tasks.worlds.parquet import Columns

Row = dict[str, Any]

QVHIGHLIGHTS_SPLIT, ACTIVITYNET_SPLIT, TVGBENCH_SPLIT = "val", "val_2", "test"

QVHIGHLIGHTS = (
    ((4.0, 6.0), (12.0,), (8.0, 4.0, 2.0)),
    ((20.0, 6.0), (34.0,), (2.0, 10.0)),
    ((10.0,), (30.0, 12.0), (6.0, 6.0, 6.0)),
    ((40.0, 4.0), (14.0, 16.0), (2.0,)),
)
"""Lengths of the windows of each shape of each film: at every edge of short, middle and long."""
QVHIGHLIGHTS_SECONDS = 60.0

ACTIVITYNET = ((26.0, 18.0, 8.0), (30.0, 22.0, 4.0), (28.0, 10.0, 20.0))
"""Lengths of the one window of each shape of each film."""
ACTIVITYNET_SECONDS = 30.0
LATE = 0.4
"""Seconds by which an annotated span that reaches the end of its video goes on after it."""

TVGBENCH = ((6.0, 4.0, 8.0), (10.0, 2.0, 6.0), (4.0, 8.0, 6.0))
TVGBENCH_SECONDS = 40.0
PARTS = ((10.0, 34.0), (None, None), (0.0, 24.0))
"""Which part of a film its questions are about, one per film."""
KINDS = (("Human Action (Simple)", "HAS"), ("Object Transition", "OT"), ("Object Counting", "OC"))
SETS = ("tacos", "charades", "egonlq")
BINS = ("dataset", "qsemtype")
"""Of TVGBench's `bins`, what the task reads."""


def qvhighlights_rows(seed: int) -> Iterator[tuple[Row, Film]]:
    """One row per shape of four films of a minute."""
    for index, lengths in enumerate(QVHIGHLIGHTS):
        film = make_film(QVHIGHLIGHTS_SPLIT, seed, index, lengths, QVHIGHLIGHTS_SECONDS)
        for number, (caption, windows) in enumerate(zip(film.captions, film.windows, strict=True)):
            # One rater in every fourth query sees no highlight: no answer has the whole HL-mAP there.
            clips, rated = ratings(windows, 2 if (index + number) % 4 == 3 else None)
            yield (
                {
                    "qid": 100 * index + number,
                    "query": caption,
                    "duration": QVHIGHLIGHTS_SECONDS,
                    # As in the set: the name of a source, and where in it the video starts and ends.
                    "vid": f"world_{QVHIGHLIGHTS_SPLIT}{index:02d}_0.0_{QVHIGHLIGHTS_SECONDS}",
                    "relevant_windows": [[window.start, window.end] for window in windows],
                    "relevant_clip_ids": clips,
                    "saliency_scores": rated,
                },
                film,
            )


def activitynet_rows(seed: int) -> Iterator[tuple[Row, Film]]:
    """One row per shape of three films of half a minute; spans at the end go on a little after it."""
    for index, seconds in enumerate(ACTIVITYNET):
        lengths = [(length,) for length in seconds]
        film = make_film(ACTIVITYNET_SPLIT, seed, index, lengths, ACTIVITYNET_SECONDS)
        for caption, (window,) in zip(film.captions, film.windows, strict=True):
            late = LATE if window.end == ACTIVITYNET_SECONDS else 0.0
            yield (
                {
                    "video": f"v_world{index:02d}",
                    "caption": caption,
                    "timestamp": [window.start, window.end + late],
                    "duration": ACTIVITYNET_SECONDS,
                },
                film,
            )


def tvgbench_rows(seed: int) -> Iterator[tuple[Row, Film]]:
    """One row per shape of three films of 40 seconds, of which two are shown in part."""
    for index, (seconds, (start, end)) in enumerate(zip(TVGBENCH, PARTS, strict=True)):
        first, last = start or 0.0, end or TVGBENCH_SECONDS
        inside = make_film(TVGBENCH_SPLIT, seed, index, [(length,) for length in seconds], last - first)
        film = _delayed(inside, first, TVGBENCH_SECONDS)
        for number, (caption, (window,)) in enumerate(zip(inside.captions, inside.windows, strict=True)):
            kind, short = KINDS[number]
            yield (
                {
                    "path": f"world_{index:02d}.mp4",
                    "question": caption,
                    "answer": f"{window.start}-{window.end}",
                    "start": start,
                    "end": end,
                    "duration": last - first,
                    "question_type": "video temporal grounding",
                    "source": "world.json",
                    # As some rows of the set, those of one source name it in `bins` alone.
                    "dataset_name": SETS[index] if SETS[index] != "egonlq" else None,
                    "qsemtype": kind,
                    "bins": {"dataset": SETS[index], "qsemtype": short},
                },
                film,
            )


def _delayed(film: Film, by: float, duration: float) -> Film:
    """The film with nothing before and after it, as a part of a file that lasts `duration` seconds."""
    objects = tuple(replace(thing, start=thing.start + by, end=thing.end + by) for thing in film.clip.objects)
    return replace(film, clip=replace(film.clip, objects=objects, duration=duration))


def write_moments(folder: Path, seed: int) -> dict[str, int]:
    """Writes the three sets below `folder`; returns the number of rows of each file."""
    import pyarrow as pa

    text, number = (pa.string(), STRING), (pa.float64(), value("float64"))
    span = (pa.list_(pa.float64()), sequence("float64"))
    spans = (pa.list_(pa.list_(pa.float64())), {"feature": sequence("float64"), "_type": "Sequence"})
    rated = (pa.list_(pa.list_(pa.int64())), {"feature": sequence("int64"), "_type": "Sequence"})
    bins = (pa.struct([(name, pa.string()) for name in BINS]), {name: STRING for name in BINS})
    qvhighlights = {
        **{"qid": (pa.int64(), value("int64")), "query": text, "duration": number, "vid": text},
        **{"relevant_windows": spans, "relevant_clip_ids": (pa.list_(pa.int64()), sequence("int64"))},
        "saliency_scores": rated,
    }
    activitynet = {"video": text, "caption": text, "timestamp": span, "duration": number}
    tvgbench = {
        **{"path": text, "question": text, "answer": text, "start": number, "end": number},
        **{"duration": number, "question_type": text, "source": text, "dataset_name": text},
        **{"qsemtype": text, "bins": bins},
    }
    names = [
        f"qvhighlights/{QVHIGHLIGHTS_SPLIT}",
        f"activitynet-tl/{ACTIVITYNET_SPLIT}",
        f"tvgbench/{TVGBENCH_SPLIT}",
    ]
    counts = (
        _write(folder / f"{names[0]}.parquet", "vid", qvhighlights_rows(seed), qvhighlights),
        _write(folder / f"{names[1]}.parquet", "video", activitynet_rows(seed), activitynet),
        _write(folder / f"{names[2]}.parquet", "path", tvgbench_rows(seed), tvgbench),
    )
    return dict(zip(names, counts, strict=True))


def _write(path: Path, column: str, found: Iterator[tuple[Row, Film]], columns: Columns) -> int:
    """One set: its rows, and each film that `column` names once."""
    rows, written = [], set()
    for row, film in found:
        name = row[column] if row[column].endswith(".mp4") else f"{row[column]}.mp4"
        if name not in written:
            written.add(name)
            write_bytes(path.parent / "videos" / name, mp4(film.clip))
        rows.append(row)
    return write_parquet(path, columns, rows)
