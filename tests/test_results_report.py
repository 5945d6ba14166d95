"""What a report says of hand-made runs: fronts, classes, findings, differences, and which setting to take."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from gate_kit import right_or_wrong, run_record, sample
from report_kit import frame, report_run
from vleval.model.io import VisionSettings
from vleval.results.record import SampleRecord
from vleval.results.reporting.cautions import MEANING, cautions
from vleval.results.reporting.data import build_report
from vleval.results.reporting.pareto import front
from vleval.results.reporting.run import ReportRun
from vleval.results.reporting.samples import MOST_CHARACTERS, chooser, sample_view
from vleval.results.reporting.sharing import shared
from vleval.results.reporting.slices import LENGTH, SIZE, slices
from vleval.results.reporting.tables import advice_text, score_table, settings_table, slice_table, subtitle
from vleval.results.statistics.paired import compare_metric
from vleval.tasks.registry import get_task


@pytest.mark.parametrize(
    ("costs", "scores", "expected", "why"),
    [
        ([1, 2, 3], [0.1, 0.2, 0.3], [True, True, True], "each costs more and scores more"),
        ([1, 2, 3], [0.3, 0.2, 0.1], [True, False, False], "the cheapest is the best"),
        ([1, 2, 3], [0.1, 0.3, 0.3], [True, True, False], "as good for less"),
        ([1, 1], [0.5, 0.5], [True, True], "equal in both"),
        ([1, 1], [0.5, 0.4], [True, False], "as cheap and better"),
        ([1, None, 2], [0.1, 0.9, None], [True, False, False], "unknown cost, unknown score"),
        ([], [], [], "nothing"),
    ],
)
def test_the_front_holds_what_nothing_beats(
    costs: list[float | None], scores: list[float | None], expected: list[bool], why: str
) -> None:
    assert list(front(costs, scores)) == expected, why


def test_the_front_against_its_definition() -> None:
    points = list(product((1.0, 2.0, 3.0), (0.1, 0.2, 0.3)))
    for three in product(points, repeat=3):
        found = front([cost for cost, _ in three], [score for _, score in three])
        for (cost, score), on in zip(three, found, strict=True):
            beaten = any((c <= cost and s > score) or (c < cost and s >= score) for c, s in three)
            assert on is not beaten


def boxed(width: float, height: float, scale: int = 1) -> SampleRecord:
    """A question whose true box has this size in original pixels, seen enlarged by a whole number."""
    seen = frame(1, original_size=(100, 100), input_size=(100 * scale, 100 * scale))
    target = {"bbox_xyxy": [0.0, 0.0, width, height]}
    return replace(sample("refcoco", 0, 1.0), target=target, frames=(seen,))


@pytest.mark.parametrize(
    ("record", "name", "why"),
    [
        (boxed(31.9, 32), "small (under 32²)", "below the bound"),
        (boxed(32, 32), "medium (under 96²)", "the bound itself is the next class"),
        (boxed(96, 96), "large", "the second bound"),
        (boxed(16, 16, scale=2), "medium (under 96²)", "32 x 32 in input pixels, 16 x 16 in original ones"),
        (boxed(-40, 40), "medium (under 96²)", "reversed corners have an area"),
    ],
)
def test_sizes_are_those_of_the_input(record: SampleRecord, name: str, why: str) -> None:
    assert [(each.family, each.name) for each in slices([record], get_task("refcoco").metrics)] == [
        (SIZE, name)
    ], why


def test_lengths_and_tags_make_classes_too() -> None:
    plain = sample("charades-sta", 0, 0.5)
    records = [
        replace(plain, target={"span": [1.0, 1.0 + length]}, frames=(), tags={"kind": kind, "name": f"n{i}"})
        for i, (length, kind) in enumerate([(1.9, "a"), (2.0, "b"), (40.0, "a")] * 5)
    ]
    found = {
        (each.family, each.name): each.estimate.n
        for each in slices(records, get_task("charades-sta").metrics)
    }
    assert list(found) == [
        (LENGTH, "under 2 s"), (LENGTH, "2 to 5 s"), (LENGTH, "30 s and more"), ("kind", "a"), ("kind", "b"),
    ]  # fmt: skip
    assert found["kind", "a"] == 10, "a tag with fifteen values is no class"


def test_questions_that_nobody_saw_have_no_size() -> None:
    failed = replace(boxed(10, 10), status="failed", frames=())
    assert slices([failed], get_task("refcoco").metrics) == []


@pytest.mark.parametrize(
    ("changes", "kinds", "why"),
    [
        ({"clamps": ("max_pixels",)}, [], "what --max-pixels is for"),
        ({"clamps": ("max_frames", "total_pixels")}, ["max_frames", "total_pixels"], "limits that bit"),
        ({"original_size": (300, 300), "input_size": (308, 308)}, [], "rounded up to a multiple of 28"),
        ({"original_size": (200, 200), "input_size": (308, 308)}, ["enlarged"], "upscaled"),
        ({"timestamps": (0.0, 0.5, 0.5, 1.0), "grid_thw": (2, 2, 2)}, ["repeated"], "one frame twice"),
        ({"timestamps": (0.0, 0.5, 1.0), "grid_thw": (2, 2, 2)}, ["repeated"], "padded to an even number"),
        ({"timestamps": (0.0, 0.5), "grid_thw": (1, 2, 2)}, [], "as many as there are"),
    ],
)
def test_findings_in_what_was_seen(changes: dict[str, object], kinds: list[str], why: str) -> None:
    record = replace(sample("refcoco", 0, 1.0), frames=(frame(1, **changes),))
    assert [each.kind for each in cautions([record])] == kinds, why


def test_findings_count_media_not_questions() -> None:
    small = frame(1, original_size=(10, 10), input_size=(28, 28))
    records = [replace(sample("refcoco", index, 1.0), frames=(small,)) for index in range(4)]
    (found,) = cautions(records)
    assert (found.media, found.of) == (2, 2), "two questions per image"


def test_every_limit_that_is_explained_is_reported_by_the_model() -> None:
    model = Path(__file__).parents[1] / "model"
    source = "".join((model / name).read_text() for name in ("limits.py", "sampling.py", "video_reader.py"))
    for kind in set(MEANING) - {
        "incomplete",
        "enlarged",
        "repeated",
        "total_pixels_unmet",
        "max_pixels_unmet",
    }:
        assert f'"{kind}"' in source, f"nothing reports {kind}"


def test_rows_stand_in_the_order_of_cost_against_the_first() -> None:
    cheap, dear = right_or_wrong(100, wrong=30), right_or_wrong(100, wrong=5)
    (block,) = build_report([report_run(dear, tokens=64), report_run(cheap, tokens=16)])
    assert [row.run.name for row in block.rows] == ["max-pixels 16t", "max-pixels 64t"]
    assert block.rows[0].difference is None
    clusters = [f"image-{index // 2}" for index in range(100)]
    assert block.rows[1].difference == compare_metric(cheap, dear, clusters, block.headline)


def test_differences_are_paired_by_question_not_by_place() -> None:
    """The second run lacks the first ten questions, which the first run got right."""
    scores = right_or_wrong(100, wrong=50)
    late = report_run(
        scores,
        tokens=64,
        change=lambda answer: None if answer.id < "q00010" else answer,
        status="interrupted",
    )
    (block,) = build_report([report_run(scores, tokens=16), late])
    found = block.rows[1].difference
    assert found is not None
    assert (found.difference, found.n) == (0.0, 90)


def test_other_questions_make_another_block() -> None:
    runs = [report_run([1.0, 0.0]), report_run([0.5], of="charades-sta"), report_run([1.0, 1.0], tokens=9)]
    blocks = build_report(runs)
    assert [(block.task.name, len(block.rows)) for block in blocks] == [("refcoco", 2), ("charades-sta", 1)]
    other = replace(runs[0].record, data=replace(runs[0].record.data, fingerprint="other"))
    assert len(build_report([runs[0], replace(runs[0], record=other)])) == 2


def runs_of(*wrong: int) -> list[ReportRun]:
    """Runs of rising cost that get so many of 200 questions wrong, one question per image."""
    return [
        report_run(right_or_wrong(200, wrong=count), tokens=4 ** (number + 1), per_image=1)
        for number, count in enumerate(wrong)
    ]


@pytest.mark.parametrize(
    ("wrong", "best", "enough", "words"),
    [
        ((80, 40, 5), 2, 2, "Every cheaper setting is measurably worse."),
        ((80, 6, 5), 2, 1, "max-pixels 16t is the cheapest that is not measurably worse: -0.5 ["),
        ((5, 40), 0, 0, "No setting costs less."),
        ((80, 5, 40), 1, 1, "What costs more scores no higher."),
        ((5, 5), 0, 0, "No setting costs less."),
    ],
)
def test_which_setting_to_take(wrong: tuple[int, ...], best: int, enough: int, words: str) -> None:
    (block,) = build_report(runs_of(*wrong))
    assert block.advice is not None
    assert (block.advice.best, block.advice.enough) == (best, enough)
    assert words in advice_text(block)


def test_without_an_interval_no_setting_is_said_to_be_worse() -> None:
    """Two images have four sign patterns: no difference of theirs has an interval at 95%."""
    cheap = report_run([0.0, 0.0, 1.0, 1.0], tokens=4, per_image=2)
    dear = report_run([1.0, 1.0, 1.0, 1.0], tokens=16, per_image=2)
    (block,) = build_report([cheap, dear])
    assert block.rows[1].difference is not None and block.rows[1].difference.interval is None
    assert block.advice == (1, None, None)
    assert advice_text(block).endswith("Too few images to tell whether a cheaper setting is worse.")


def test_a_run_that_stopped_early_is_neither_best_nor_on_the_front() -> None:
    early = report_run([1.0] * 20, tokens=4, status="interrupted")
    whole = report_run([1.0] * 10 + [0.0] * 10, tokens=16)
    (block,) = build_report([early, whole])
    assert block.advice is not None and block.advice.best == 1
    assert [row.fewest_tokens for row in block.rows] == [False, True]
    assert "20 of 20 answered" in block.findings[0].text


def test_a_run_without_answers_has_dashes() -> None:
    (block,) = build_report([report_run([1.0], change=lambda answer: None, status="running", seconds=None)])
    assert advice_text(block) == "No answer has a score yet."
    assert settings_table(block).rows[0][1:] == ["-", "0", "0", "-", "-", "-", "-", "-"]


def grid(skip: tuple[int, int] = (0, 0)) -> list[ReportRun]:
    return [
        report_run(
            [0.5, 1.0],
            of="charades-sta",
            tokens=tokens * rate,
            label={"max-pixels": f"{tokens}t", "fps": str(rate)},
            vision=VisionSettings(max_pixels=tokens * 784, fps=float(rate)),
        )
        for tokens, rate in product((4, 16), (1, 2, 10))
        if (tokens, rate) != skip
    ]


def test_two_settings_that_vary_make_a_heat_map() -> None:
    (block,) = build_report(grid(skip=(4, 2)))
    assert block.heat is not None
    assert block.heat.columns == ("fps", ["1", "2", "10"]), "in the order of numbers, not of letters"
    assert block.heat.rows == ("max-pixels", ["4t", "16t"])
    shown = [
        [place is None or block.rows[place].run.label["fps"] for place in line] for line in block.heat.cells
    ]
    assert shown == [["1", True, "10"], ["1", "2", "10"]]


@pytest.mark.parametrize("runs", [runs_of(5, 6), [*grid(), *grid()]], ids=["one varies", "cells taken twice"])
def test_no_heat_map_where_there_is_no_grid(runs: list[ReportRun]) -> None:
    (block,) = build_report(runs)
    assert block.heat is None


def oddly_read(answer: SampleRecord) -> SampleRecord:
    return replace(answer, parsed={**answer.parsed, "ledger": [["swapped", "corners", 0]]})


def test_findings_are_told_once_with_the_settings_they_hold_for() -> None:
    runs = [
        report_run([1.0, 0.0], tokens=4, change=oddly_read, warnings=("frames collide",)),
        report_run([1.0, 0.0], tokens=9, warnings=("frames collide",)),
    ]
    (block,) = build_report(runs)
    assert [each.text for each in block.findings] == [
        "scored with: 2 swapped (max-pixels 4t)",
        "frames collide",
    ]


def test_settings_that_changed_nothing_are_named() -> None:
    twins = [report_run([1.0], tokens=4, label={"max-pixels": name}) for name in ("9t", "16t")]
    (block,) = build_report(twins)
    said = " ".join(each.text for each in block.findings)
    assert (
        "the very same inputs, so these settings differ in name only: max-pixels 9t; max-pixels 16t" in said
    )


def test_times_of_other_machines_do_not_compare() -> None:
    runs = runs_of(5, 6)
    elsewhere = replace(runs[1].record, environment={"python": "3.12"})
    (block,) = build_report([runs[0], replace(runs[1], record=elsewhere)])
    assert any("times do not compare" in each.text for each in block.findings)


def test_bundled_data_are_named_as_such() -> None:
    facts = replace(run_record(count=1).data, bundled=True, origin="bundled", notes=("a note",))
    (block,) = build_report([report_run([1.0], data=facts)])
    assert [each.text.split(":")[0] for each in block.findings] == ["bundled data", "a note"]


def test_trivial_answers_need_no_media() -> None:
    seen = frame(4, duration=10.0, timestamps=(0.0, 5.0), grid_thw=(1, 2, 2))
    run = report_run(
        [0.5, 0.5],
        of="charades-sta",
        change=lambda answer: replace(answer, target={"span": [0.0, 5.0]}, frames=(seen,)),
    )
    assert run.baselines["whole clip"]["miou"] == pytest.approx(0.5)
    (block,) = build_report([run])
    assert any("whole clip 50.0" in note for note in score_table(block).notes)


def test_classes_stand_in_columns_with_their_questions() -> None:
    (block,) = build_report(runs_of(5, 6))
    table = slice_table(block, SIZE)
    assert table.headings[:2] == ["max-pixels", "small (under 32²)"]
    assert table.rows[0][0] == "4t"
    assert sum(int(cell.split("(")[1][:-1]) for cell in table.rows[0][1:] if "(" in cell) == 200


def test_an_even_draw_is_the_same_for_every_run() -> None:
    ids = [f"q{index}" for index in range(20_000)]
    assert all(map(chooser(10_000), ids))
    kept = [id for id in ids if chooser(20_000, most=5_000)(id)]
    assert 4_700 < len(kept) < 5_300
    assert kept[:4] == ["q1", "q5", "q9", "q11"], "in every process, on every machine"


def test_shared_answers_are_equal_and_hold_equal_parts_once() -> None:
    entry = ["fenced", "in a fence", 0]
    one, other = (
        SampleRecord.from_json(
            json.loads(
                json.dumps(replace(sample("refcoco", index, 1.0), parsed={"ledger": [entry]}).to_json())
            )
        )
        for index in range(2)
    )
    first, second = shared([one, other])
    assert replace(first, parsed=one.parsed) == one and replace(second, parsed=other.parsed) == other
    assert first.parsed == {"ledger": [("fenced", "in a fence", 0)]}
    assert first.frames is second.frames and first.parsed["ledger"][0] is second.parsed["ledger"][0]
    assert all(a is b for a, b in zip(first.metrics, second.metrics, strict=True)), "keys"


def test_long_answers_are_cut_and_the_cut_is_counted() -> None:
    long = replace(sample("refcoco", 0, 1.0), text="x" * (MOST_CHARACTERS + 7))
    view = sample_view(long, get_task("refcoco").metrics)
    assert len(view.answer[6]) == MOST_CHARACTERS
    assert view.answer[7] == 7


def test_one_of_a_kind_is_told_as_one() -> None:
    (one,), (two,) = build_report([report_run([1.0])]), build_report([report_run([1.0] * 4)])
    assert subtitle(one).startswith("1 question about 1 image; ")
    assert subtitle(two).startswith("4 questions about 2 images; ")
