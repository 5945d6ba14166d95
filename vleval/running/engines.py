"""Which checkpoint is meant, and which engine answers with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from vleval.errors import UserError
from vleval.grounding.frame import CONVENTION_OF_FAMILY, Convention
from vleval.model.config import FAMILY
from vleval.model.io import Engine
from vleval.model.locations import BUNDLED_CHECKPOINT
from vleval.running.config import RunConfig

BUNDLED = "bundled"


class ModelChoice(NamedTuple):
    """The checkpoint as asked for, before anything is looked up."""

    name: str
    revision: str | None
    bundled: bool
    origin: str
    """What chose it: `--model`, `VLEVAL_MODEL` or `default`."""


class Loaded(NamedTuple):
    """An engine ready to answer, and what the warnings need to know of its model."""

    engine: Engine
    tokens_per_second: float
    """Temporal position ids per second of video."""
    family: str = FAMILY
    """`model_type` of its config.json."""


def choose_model(model: str | None, data: str, environ: Mapping[str, str]) -> ModelChoice:
    """`--model`, else VLEVAL_MODEL, else the bundled checkpoint.

    Raises UserError where falling back would hide a forgotten flag: on data that are not bundled, and in CI
    unless `--data bundled` says that the demonstration is meant.
    """
    name, origin = (model, "--model") if model else (environ.get("VLEVAL_MODEL"), "VLEVAL_MODEL")
    if not name:
        if data not in ("auto", BUNDLED):
            raise UserError(
                f"--model is missing: --data {data} is not bundled; pass --model FOLDER or a hub id"
            )
        if environ.get("CI", "").lower() not in ("", "0", "false") and data != BUNDLED:
            raise UserError(
                "--model is missing and CI is set; pass --model, or --model bundled for the demonstration"
            )
        return ModelChoice(BUNDLED, None, True, "default")
    if name == BUNDLED:
        return ModelChoice(BUNDLED, None, True, origin)
    if "@" in name and not Path(name).exists():
        name, _, revision = name.rpartition("@")
        return ModelChoice(name, revision, False, origin)
    return ModelChoice(name, None, False, origin)


def check_folder(choice: ModelChoice) -> None:
    """Find out at once that a folder is not there; a hub id may take long and is left for later."""
    hub_id = choice.name.count("/") == 1 and not choice.name.startswith(("/", ".", "~"))
    if not hub_id or Path(choice.name).exists():
        locate_model(choice)


def locate_model(choice: ModelChoice) -> Path:
    """The folder of the checkpoint, fetched from the hub if need be. Raises CheckpointError or UserError."""
    from vleval.model.checkpoint import locate

    if choice.bundled:
        if not (BUNDLED_CHECKPOINT / "config.json").is_file():
            raise UserError("this installation has no bundled checkpoint; pass --model FOLDER or a hub id")
        return BUNDLED_CHECKPOINT
    return locate(choice.name, revision=choice.revision)


def open_engine(config: RunConfig, choice: ModelChoice) -> Loaded:
    """The model, for every setting of the run; loaded when first asked. Raises ModelError or UserError."""
    from vleval.model.checkpoint import identity_files
    from vleval.model.config import ModelConfig
    from vleval.model.hashes import forget

    folder = locate_model(choice)
    if config.rehash:
        forget(identity_files(folder))
    tokens_per_second = ModelConfig.from_folder(folder).vision.tokens_per_second
    return Loaded(_engine(config, folder, choice.name), tokens_per_second)


def _engine(config: RunConfig, folder: Path, name: str) -> Engine:
    if config.engine == "transformers":
        from vleval.model.transformers_engine import TransformersEngine

        return TransformersEngine(
            folder, name=name, dtype=config.dtype, device=config.device, batch_size=config.batch_size
        )
    from vleval.model.engine import LocalEngine

    return LocalEngine(
        folder, name=name, dtype=config.dtype, device=config.device, batch_size=config.batch_size
    )


def convention(family: str, asked: Convention | None) -> Convention:
    """`--coordinates`, else the family's own. Raises UserError for a family that nobody has looked up."""
    found = asked or CONVENTION_OF_FAMILY.get(family)
    if found is None:
        raise UserError(
            f"it is not known in which unit {family!r} models state coordinates; pass --coordinates"
        )
    return found
