"""What a gate demands: the policy file (TOML), checked so that no typing error lets a regression through."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vleval.results.statistics.power import ALPHA
from vleval.results.statistics.verdict import Correction, FailRule
from vleval.tasks.base import DataError, Metric

SCHEMA: Literal["vleval/policy@1"] = "vleval/policy@1"

Tier = Literal["required", "informational"]
Reaction = Literal["pass", "warn", "fail"]
Share = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
Margin = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
Limit = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Name = Annotated[str, Field(strict=True, min_length=1)]

LARGEST_MARGIN = 0.5
"""A share may not be allowed to drop by more: `max_drop = 1` is one point misread."""

_WANTED = {"model_type": "must be a table", "mapping_type": "must be a table", "tuple_type": "must be a list"}
"""pydantic's words for kinds of TOML values, in TOML's."""


class PolicyError(Exception):
    """A policy cannot be used; the message is one plain sentence that names the file and the key."""


class Rules(BaseModel):
    """What is demanded of a task. Shares and scores are in their own unit: 0.01 is one point."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: Tier = "required"
    max_drop: Margin | None = None
    min_value: Limit | None = None
    max_value: Limit | None = None
    """In place of `min_value` where lower is better."""
    max_error_rate: Share | None = 0.01
    max_unparsed_rate: Share | None = None
    max_latency_ratio: Annotated[float, Field(gt=1, strict=True, allow_inf_nan=False)] | None = None
    min_coverage: Share = 0.99
    min_n: Annotated[int, Field(ge=1, strict=True)] = 100
    on_inconclusive: Reaction = "warn"
    on_small_drop: Reaction = "warn"


class TaskRules(Rules):
    """Rules of one task; what they leave out comes from the defaults."""

    metric: Name | None = None
    """The headline, if not named."""


def _one_or_many(value: Any) -> Any:
    """`[tasks.x]` is one table, `[[tasks.x]]` are several, a metric each."""
    return value if isinstance(value, list) else [value]


class Policy(BaseModel):
    """A policy file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Annotated[Literal["vleval/policy@1"], Field(alias="schema")] = SCHEMA
    baseline: Name | None = None
    alpha: Annotated[float, Field(gt=0, lt=0.5, strict=True)] = ALPHA
    fail_rule: FailRule = "point"
    correction: Correction = "holm"
    vary: tuple[Name, ...] = ()
    defaults: Rules = Rules()
    tasks: Mapping[str, Annotated[list[TaskRules], BeforeValidator(_one_or_many)]] = {}


class Gate(NamedTuple):
    """One metric of one task, and what is demanded of it; every rule is set."""

    task: str
    metric: Metric
    rules: Rules

    @property
    def max_drop(self) -> float:
        """The margin, which `gates` has made sure of."""
        assert self.rules.max_drop is not None
        return self.rules.max_drop


def read_policy(file: Path) -> Policy:
    """The policy of a file. Raises PolicyError."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"cannot read the policy {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PolicyError(f"{file} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{file} is not valid TOML: {error}") from None
    schema = raw.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise PolicyError(f"{file} has the schema {schema!r}, this vleval reads {SCHEMA!r}; update vleval")
    try:
        return Policy.model_validate(raw)
    except ValidationError as error:
        raise PolicyError(f"{file}: {_sentence(error)}") from None


def short_policy(demands: Sequence[str]) -> Policy:
    """The policy of `--max-drop TASK[:METRIC]=X`, given once or more. Raises PolicyError."""
    tasks: dict[str, list[TaskRules]] = {}
    for demand in demands:
        place, _, number = demand.rpartition("=")
        task, _, metric = place.partition(":")
        try:
            rules = TaskRules(metric=metric or None, max_drop=float(number))
        except ValueError:
            task = ""
        if not task:
            raise PolicyError(
                f"--max-drop {demand}: write TASK=X or TASK:METRIC=X, with X above 0, "
                "as in refcoco:acc@0.5=0.01"
            )
        tasks.setdefault(task, []).append(rules)
    return Policy(tasks=tasks)


def gates(
    policy: Policy, metrics_of: Callable[[str], Sequence[Metric]], present: Sequence[str], *, where: str
) -> list[Gate]:
    """All that a policy demands, in its order; one that names no task gates every task that is `present`.

    `metrics_of` gives a task's metrics, headline first, or raises DataError; `where` names the policy in
    errors. Raises PolicyError.
    """
    named = policy.tasks or {task: [TaskRules()] for task in present}
    found: list[Gate] = []
    for name, several in named.items():
        try:
            metrics = metrics_of(name)
        except DataError as error:
            raise PolicyError(f"{where}: {error}") from None
        task = name.strip().lower().replace("_", "-")
        for rules in several:
            gate = Gate(task, _metric(rules.metric, metrics, name, where), _merged(policy.defaults, rules))
            _check(gate, name, where)
            if any((gate.task, gate.metric) == (other.task, other.metric) for other in found):
                raise PolicyError(f"{where}: {name} {gate.metric.name} stands there twice")
            found.append(gate)
    return found


def _merged(defaults: Rules, rules: TaskRules) -> Rules:
    written = {name: getattr(rules, name) for name in rules.model_fields_set if name != "metric"}
    return defaults.model_copy(update=written)


def _metric(name: str | None, metrics: Sequence[Metric], task: str, where: str) -> Metric:
    if name is None:
        return metrics[0]
    for metric in metrics:
        if metric.name == name:
            return metric
    names = ", ".join(metric.name for metric in metrics)
    raise PolicyError(f"{where}: {task} has no metric {name!r}; there are {names}")


def _check(gate: Gate, task: str, where: str) -> None:
    """What only a metric's kind can tell."""
    rules, metric = gate.rules, gate.metric
    if rules.max_drop is None:
        raise PolicyError(f"{where}: {task} has no max_drop, in [tasks.{task}] or [defaults]")
    if metric.percent and rules.max_drop > LARGEST_MARGIN:
        raise PolicyError(
            f"{where}: max_drop = {rules.max_drop:g} of {task} is a share, and above {LARGEST_MARGIN}; one "
            "point is 0.01"
        )
    for key, limit, other, fits in (
        ("min_value", rules.min_value, "max_value", metric.higher_is_better),
        ("max_value", rules.max_value, "min_value", not metric.higher_is_better),
    ):
        if limit is None:
            continue
        if metric.percent and not 0 <= limit <= 1:
            raise PolicyError(f"{where}: {key} = {limit:g} of {task} is a share between 0 and 1; 80% is 0.8")
        if not fits:
            better = "higher" if metric.higher_is_better else "lower"
            raise PolicyError(f"{where}: {better} is better in {metric.name} of {task}: write {other}")


def _sentence(error: ValidationError) -> str:
    """The first fault in one sentence that names the key and, where it is unknown, the nearest known one."""
    first = error.errors(include_url=False)[0]
    *path, key = [str(part) for part in first["loc"] if not isinstance(part, int)]
    section = f" in [{'.'.join(path)}]" if path else ""
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}{section}; {_hint(key.replace('-', '_'), _known(path), top=not path)}"
    text = _WANTED.get(first["type"]) or first["msg"].replace("Input should be", "must be", 1)
    return f"{key}{section} {text} (not {first['input']!r})"


def _hint(key: str, known: Sequence[str], *, top: bool) -> str:
    if near := get_close_matches(key, known, n=1):
        return f"did you mean {near[0]!r}?"
    if top and (near := get_close_matches(key, list(Rules.model_fields), n=1)):
        return f"did you mean {near[0]!r} in [defaults]?"
    return f"there are {', '.join(known)}"


def _known(path: Sequence[str]) -> list[str]:
    model: type[BaseModel] = Policy if not path else Rules if path == ["defaults"] else TaskRules
    return [field.alias or name for name, field in model.model_fields.items()]
