"""The policy file: every mistake in it is one sentence that names the key, and none is let through."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vleval.results.gating.policy import (
    Gate,
    Policy,
    PolicyError,
    TaskRules,
    gates,
    read_policy,
    short_policy,
)
from vleval.stored.selection import metrics_of


def demanded(tmp_path: Path, text: str) -> list[Gate]:
    file = tmp_path / "vleval.toml"
    file.write_text(text)
    return gates(read_policy(file), metrics_of, ["refcoco"], where=file.name)


def test_a_task_takes_from_the_defaults_what_it_leaves_out(tmp_path: Path) -> None:
    first, second, third = demanded(
        tmp_path,
        """
        schema = "vleval/policy@1"
        [defaults]
        max_drop = 0.02
        on_inconclusive = "fail"
        [[tasks.refcoco]]
        max_drop = 0.01
        min_value = 0.8
        [[tasks.refcoco]]
        metric = "mean_iou"
        tier = "informational"
        [tasks.charades_sta]
        max_unparsed_rate = 0.05
        """,
    )
    assert (first.task, first.metric.name, first.max_drop, first.rules.min_value) == (
        "refcoco",
        "acc@0.5",
        0.01,
        0.8,
    )
    assert first.rules.on_inconclusive == "fail"
    assert (second.metric.name, second.max_drop, second.rules.tier) == ("mean_iou", 0.02, "informational")
    assert (third.task, third.metric.name) == ("charades-sta", "miou")
    assert (third.rules.max_error_rate, third.rules.max_unparsed_rate) == (0.01, 0.05)


def test_the_example_in_the_docs_is_a_policy(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "gate.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    found = demanded(tmp_path, example)
    assert [(gate.task, gate.metric.name, gate.rules.tier) for gate in found] == [
        ("refcoco", "acc@0.5", "required"),
        ("charades-sta", "miou", "required"),
        ("charades-sta", "r1@0.5", "informational"),
    ]
    keys = set(re.findall(r"^([a-z_]+) =", example, re.MULTILINE))
    assert keys == {*Policy.model_fields, *TaskRules.model_fields, "schema"} - {
        "schema_",
        "defaults",
        "tasks",
        "max_value",  # in the comment of min_value: no task of the example has a metric for it
    }


def test_without_tasks_everything_that_was_run_is_gated(tmp_path: Path) -> None:
    (gate,) = demanded(tmp_path, "[defaults]\nmax_drop = 0.02")
    assert (gate.task, gate.metric.name) == ("refcoco", "acc@0.5")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[tasks.refcoco]\nmax_dorp = 0.01",
            "'max_dorp' in [tasks.refcoco]; did you mean 'max_drop'?",
        ),
        (
            "[[tasks.refcoco]]\nmax-drop = 0.01",
            "'max-drop' in [tasks.refcoco]; did you mean 'max_drop'?",
        ),
        ("[defaults]\nmax_dorp = 0.01", "unknown key 'max_dorp' in [defaults]; did you mean 'max_drop'?"),
        ("max_drop = 0.01", "unknown key 'max_drop'; did you mean 'max_drop' in [defaults]?"),
        ("alhpa = 0.01", "unknown key 'alhpa'; did you mean 'alpha'?"),
        ("[defaults]\nmetric = 'mean_iou'", "unknown key 'metric' in [defaults]; there are tier, max_drop"),
        ("[gates.refcoco]\nmax_drop = 0.01", "unknown key 'gates'"),
        ("[tasks.refcoc]\nmax_drop = 0.01", "no task 'refcoc'; did you mean refcoco?"),
        ("[tasks.refcoco]\nmax_drop = 0.01\nmetric = 'acc'", "no metric 'acc'; there are acc@0.5, "),
        ("[tasks.refcoco]", "refcoco has no max_drop, in [tasks.refcoco] or [defaults]"),
        ("[tasks.refcoco]\nmax_drop = 1", "is a share, and above 0.5; one point is 0.01"),
        ("[tasks.refcoco]\nmax_drop = 0", "max_drop in [tasks.refcoco] must be greater than 0"),
        ("[tasks.refcoco]\nmax_drop = -0.01", "must be greater than 0"),
        ("[tasks.refcoco]\nmax_drop = true", "must be a valid number (not True)"),
        ("[tasks.refcoco]\nmax_drop = '0.01'", "must be a valid number (not '0.01')"),
        ("[tasks.refcoco]\nmax_drop = nan", "must be a finite number"),
        ("[tasks.refcoco]\nmax_drop = 0.01\nmin_value = 80", "is a share between 0 and 1; 80% is 0.8"),
        ("[tasks.refcoco]\nmax_drop = 0.01\nmin_coverage = 99", "min_coverage in [tasks.refcoco]"),
        ("[tasks.refcoco]\nmax_drop = 0.01\nmin_n = 0", "min_n in [tasks.refcoco]"),
        ("[tasks]\nrefcoco = 0.01", "refcoco in [tasks] must be a table (not 0.01)"),
        ("[defaults]\non_inconclusive = 'block'", "must be 'pass', 'warn' or 'fail' (not 'block')"),
        ("[defaults]\ntier = 'critical'", "must be 'required' or 'informational'"),
        ("alpha = 0.5", "alpha must be less than 0.5"),
        ("vary = 'max-pixels'", "vary must be a list"),
        ("schema = 'vleval/policy@2'", "this vleval reads 'vleval/policy@1'; update vleval"),
        (
            "[[tasks.refcoco]]\nmax_drop = 0.1\n[[tasks.refcoco]]\nmax_drop = 0.2",
            "acc@0.5 stands there twice",
        ),
        ("[tasks.ref_coco]\nmax_drop = 0.01", "no task 'ref_coco'"),
        ("alpha 0.05", "is not valid TOML"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PolicyError) as error:
        demanded(tmp_path, text)
    assert words in str(error.value)
    assert "vleval.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot read the policy"):
        read_policy(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(PolicyError, match="is not UTF-8 text"):
        read_policy(tmp_path / "latin.toml")


def test_the_short_form() -> None:
    policy = short_policy(["refcoco:acc@0.5=0.01", "refcoco:mean_iou=0.02", "charades-sta=0.03"])
    found = gates(policy, metrics_of, [], where="--max-drop")
    assert [(gate.task, gate.metric.name, gate.max_drop) for gate in found] == [
        ("refcoco", "acc@0.5", 0.01),
        ("refcoco", "mean_iou", 0.02),
        ("charades-sta", "miou", 0.03),
    ]


@pytest.mark.parametrize(
    "demand", ["", "refcoco", "refcoco=", "=0.1", "refcoco=x", "refcoco=0", "refcoco=nan"]
)
def test_a_short_form_that_is_none(demand: str) -> None:
    with pytest.raises(PolicyError, match="write TASK=X or TASK:METRIC=X"):
        short_policy([demand])
