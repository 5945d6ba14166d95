"""Two runs compared: figures against the statistics' own oracles, flips, refusals, and what differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gate_kit import hasty as hasty
from gate_kit import make_run, right_or_wrong, run_record
from vleval.grounding.frame import Convention
from vleval.model.io import VisionSettings
from vleval.results.comparing.compare import Comparison, compare_sources
from vleval.results.comparing.document import compare_document
from vleval.results.comparing.eligibility import UnknownSetting, check_vary
from vleval.results.record import RunRecord, SampleRecord
from vleval.results.statistics.multiplicity import benjamini_hochberg, holm
from vleval.stored.selection import metrics_of, read_sources

pytestmark = pytest.mark.usefixtures("hasty")

RECORD = run_record()


def compared(base: Path, cand: Path, **options: object) -> Comparison:
    (before,), (after,) = read_sources(base), read_sources(cand)
    return compare_sources(before, after, metrics_of(before.record.task.name), **options)  # type: ignore[arg-type]


def test_the_worked_example_of_mcnemar_and_tango(tmp_path: Path) -> None:
    """5 gains, 15 losses of 200, one question per image: reliability.md, section 5.5 and 5.6."""
    scores = right_or_wrong(200, wrong=40)
    base = make_run(tmp_path / "a", scores, per_image=1)
    cand = make_run(tmp_path / "b", right_or_wrong(200, wrong=40, lost=15, gained=5), per_image=1)
    head = compared(base, cand).metrics[0]
    assert head.paired.method == "McNemar exact, Tango interval"
    assert head.paired.difference == pytest.approx(-0.05)
    assert head.paired.interval == pytest.approx((-0.09878940463, -0.006784728429))
    assert head.paired.p_value == pytest.approx(0.04138946533)
    assert head.base.value == pytest.approx(0.8)
    assert head.cand.value == pytest.approx(0.75)
    # 2.80 standard errors of 0.02213480853 (section 5.8).
    assert head.detectable == pytest.approx(2.8015852 * 0.02213480853, rel=1e-6)


def test_questions_on_one_image_are_no_independent_witnesses(tmp_path: Path) -> None:
    scores = [0.5 + 0.4 * (index // 4 % 2) for index in range(240)]
    base = make_run(tmp_path / "a", [0.5] * 240, per_image=4)
    cand = make_run(tmp_path / "b", scores, per_image=4)
    alone = compared(
        make_run(tmp_path / "c", [0.5] * 240, per_image=1), make_run(tmp_path / "d", scores, per_image=1)
    )
    together = compared(base, cand).metrics[0].paired
    assert together.clusters == 60
    assert together.standard_error is not None
    # Four equal answers per image: twice the error (Kish: 1 + 3 * 1).
    assert together.standard_error == pytest.approx(
        2 * (alone.metrics[0].paired.standard_error or 0), rel=0.01
    )


def test_flips_are_told_worst_first(tmp_path: Path) -> None:
    base = make_run(tmp_path / "a", [0.9, 0.9, 0.2, 0.4, 0.5, 0.5])
    cand = make_run(tmp_path / "b", [0.5, 0.0, 0.3, 1.0, 0.5, 0.4])
    comparison = compared(base, cand)
    assert [flip.id for flip in comparison.worse] == ["q00001", "q00000", "q00005"]
    assert [flip.id for flip in comparison.better] == ["q00003", "q00002"]
    worst = comparison.worse[0]
    assert (worst.base, worst.cand, worst.base_text, worst.cand_text) == (
        0.9,
        0.0,
        "answer 1: 0.9",
        "answer 1: 0.0",
    )


def test_identical_runs_differ_in_nothing(tmp_path: Path) -> None:
    comparison = compared(*(make_run(tmp_path / name, right_or_wrong()) for name in "ab"))
    assert not comparison.changes
    assert not comparison.warnings
    assert not comparison.worse
    assert comparison.metrics[0].paired.interval == (0.0, 0.0)


def test_equal_machinery_with_other_texts_is_not_deterministic(tmp_path: Path) -> None:
    def louder(record: SampleRecord) -> SampleRecord:
        return replace(record, text=record.text + "!") if record.id < "q00007" else record

    base = make_run(tmp_path / "a", right_or_wrong())
    said = "7 of 300 answers differ although model, settings and environment are equal"
    assert said in compared(base, make_run(tmp_path / "b", right_or_wrong(), change=louder)).warnings[0]
    other = replace(RECORD.model, fingerprint="ab" * 32)
    assert not compared(base, make_run(tmp_path / "c", right_or_wrong(), change=louder, model=other)).warnings


def test_the_model_may_differ_and_is_named(tmp_path: Path) -> None:
    model = replace(RECORD.model, model="tuned", dtype="bfloat16", fingerprint="ab" * 32, parameters=456)
    comparison = compared(
        make_run(tmp_path / "a", right_or_wrong()), make_run(tmp_path / "b", right_or_wrong(), model=model)
    )
    assert not comparison.refusals
    assert [str(change) for change in comparison.changes] == [
        "model toy-7b -> tuned",
        "parameters 123 -> 456",
        "model fingerprint efefefefefef -> abababababab",
        "dtype float32 -> bfloat16",
    ]


RELATIVE: Convention = "relative-1000"
OTHER_TASK = replace(RECORD.task, version=RECORD.task.version + 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "interrupted"}, "b is incomplete (interrupted)"),
        ({"status": "running"}, "was killed or is still going on"),
        ({"task": OTHER_TASK}, "score differently"),
        ({"data": replace(RECORD.data, bundled=True)}, "was run on bundled data and"),
        ({"vision": VisionSettings(max_pixels=50176)}, "--vary max-pixels says that this is meant"),
        ({"vision": VisionSettings(max_pixels=12544, sampling="left")}, "--vary frame-sampling"),
        ({"generation": replace(RECORD.generation, repetition_penalty=1.05)}, "--vary repetition-penalty"),
        ({"coordinates": RELATIVE}, "--vary coordinates"),
        ({"environment": {"python": "3.11", "pillow": "12.0"}}, "pillow 11.0 -> 12.0"),
        ({"model": replace(RECORD.model, engine="transformers")}, "--vary engine"),
        ({"task": replace(RECORD.task, prompt="Another")}, "run one of them again"),
    ],
)
def test_what_does_not_compare_is_refused_in_one_sentence(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    base = make_run(tmp_path / "a", right_or_wrong())
    comparison = compared(base, make_run(tmp_path / "b", right_or_wrong(), **change))
    (sentence,) = comparison.refusals
    assert words in sentence
    assert "\n" not in sentence
    assert not comparison.metrics


@pytest.mark.parametrize(
    ("change", "vary"),
    [
        ({"vision": VisionSettings(max_pixels=50176)}, "max-pixels"),
        ({"environment": {"python": "3.11", "pillow": "12.0"}}, "pillow"),
        ({"environment": {"python": "3.12", "pillow": "11.0"}}, None),
        ({"data": replace(RECORD.data, origin="hub", revision="main")}, None),
    ],
)
def test_what_is_varied_or_cannot_matter_is_compared(
    tmp_path: Path, change: dict[str, object], vary: str | None
) -> None:
    base = make_run(tmp_path / "a", right_or_wrong())
    comparison = compared(base, make_run(tmp_path / "b", right_or_wrong(), **change), vary={vary} - {None})
    assert not comparison.refusals
    assert comparison.changes


def test_settings_of_one_grid_are_compared_only_where_that_is_asked(tmp_path: Path) -> None:
    base = make_run(tmp_path / "a", right_or_wrong())
    cand = make_run(tmp_path / "b", right_or_wrong(), vision=VisionSettings(max_pixels=50176))
    assert compared(base, cand).refusals, "a gate's candidate with other pixels"
    assert not compared(base, cand, grid=True).refusals
    elsewhere: RunRecord = replace(RECORD, grid="another")
    other = make_run(
        tmp_path / "c", right_or_wrong(), vision=VisionSettings(max_pixels=50176), grid=elsewhere.grid
    )
    assert compared(base, other, grid=True).refusals


def test_too_few_pairs_are_refused_and_say_why(tmp_path: Path) -> None:
    def edited(record: SampleRecord) -> SampleRecord | None:
        if record.id < "q00010":
            return None
        return replace(record, input_sha256="00" * 32) if record.id < "q00013" else record

    base = make_run(tmp_path / "a", right_or_wrong())
    cand = make_run(tmp_path / "b", right_or_wrong(), change=edited)
    (sentence,) = compared(base, cand).refusals
    assert "only 287 of the 300 questions" in sentence
    assert "(10 only in the baseline, 3 other medium or prompt); 99% are asked for" in sentence
    comparison = compared(base, cand, min_coverage=0.9)
    assert comparison.metrics[0].paired.n == 287
    assert comparison.warnings == ["questions left out: 10 only in the baseline, 3 other medium or prompt"]


def test_holm_is_over_the_headlines_of_all_comparisons(tmp_path: Path) -> None:
    base = make_run(tmp_path / "a", right_or_wrong())
    candidates = [
        (str(lost), [compared(base, make_run(tmp_path / str(lost), right_or_wrong(lost=lost)))])
        for lost in (9, 25, 40)
    ]
    document = compare_document(candidates, flips=0)
    heads = [entry["comparisons"][0]["metrics"][0] for entry in document["candidates"]]
    p_values = [head["p_value"] for head in heads]
    assert [head["p_holm"] for head in heads] == holm(p_values)
    assert [head["q_value"] for head in heads] == benjamini_hochberg(p_values)
    assert all(
        each["p_holm"] is each["q_value"] is None
        for entry in document["candidates"]
        for each in entry["comparisons"][0]["metrics"][1:]
    )


def test_latency_is_compared_on_one_machine_only(tmp_path: Path) -> None:
    def slower(record: SampleRecord) -> SampleRecord:
        factor = 2.0 if record.id < "q00150" else 2.2
        return replace(record, usage=replace(record.usage, decode_seconds=0.25 * factor))

    base = make_run(tmp_path / "a", right_or_wrong())
    latency = compared(base, make_run(tmp_path / "b", right_or_wrong(), change=slower)).latency
    assert latency is not None
    assert latency.ratio == pytest.approx((2.0 * 2.2) ** 0.5)
    moved = replace(RECORD.model, device="cuda")
    assert (
        compared(base, make_run(tmp_path / "c", right_or_wrong(), change=slower, model=moved)).latency is None
    )


def test_an_unknown_setting_is_named_with_the_nearest() -> None:
    assert check_vary(["--max_pixels", "fps"], RECORD) == {"max-pixels", "fps"}
    with pytest.raises(UnknownSetting, match="--vary max-pixl names no setting; did you mean max-pixels?"):
        check_vary(["max-pixl"], RECORD)
