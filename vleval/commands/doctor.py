"""`vleval doctor`: is this machine ready, and does our model equal transformers' on this checkpoint?"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer

from vleval import options


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `info` is neither good nor bad."""

    name: str
    state: Literal["ok", "info", "fail"]
    detail: str


def doctor(
    parity: Annotated[
        str | None,
        typer.Option(
            "--parity",
            metavar="FOLDER|HUB-ID[@REV]",
            help="Checkpoint to compare with transformers (logits, 16 tokens) instead of the bundled one.",
        ),
    ] = None,
    json: options.Json = None,
) -> None:
    """Check the installation; exits 1 when a check fails."""
    from rich.table import Table

    from vleval.console import Console, terminal_safe
    from vleval.errors import ExitCode

    console = Console(json=bool(json))
    checks = [guarded(name, check) for name, check in CHECKS.items()]
    checks.append(guarded("parity", lambda: _parity(parity)))
    healthy = all(check.state != "fail" for check in checks)
    if json:
        console.document(
            {"schema": "vleval/doctor@1", "healthy": healthy, "checks": [asdict(check) for check in checks]}
        )
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for check in checks:
        table.add_row(
            {"ok": "ok", "info": "-", "fail": "FAIL"}[check.state], check.name, terminal_safe(check.detail)
        )
    console.result(table)
    raise typer.Exit(ExitCode.OK if healthy else ExitCode.CRASH)


def guarded(name: str, check: Callable[[], Check]) -> Check:
    """The check's finding; one that raises has failed, in one sentence, and the others go on."""
    from vleval.errors import explain

    try:
        return check()
    except Exception as error:  # the doctor reports every fault instead of dying of one
        return Check(name, "fail", explain(error).message)


def _versions() -> Check:
    from vleval.environment import environment

    return Check("versions", "info", ", ".join(f"{name} {text}" for name, text in environment().items()))


def _device() -> Check:
    import torch

    if torch.cuda.is_available():
        index = torch.cuda.current_device()
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        count = torch.cuda.device_count()
        return Check("device", "ok", f"{count} x {name}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free")
    return Check("device", "ok", f"CPU, {torch.get_num_threads()} threads, no CUDA")


def _attention() -> Check:
    flash = "flash-attn installed" if find_spec("flash_attn") else "flash-attn not installed"
    varlen = "torch varlen present" if find_spec("torch.nn.attention.varlen") else "torch varlen absent"
    return Check("attention", "info", f"{flash}; {varlen}; SDPA everywhere else")


def _video() -> Check:
    import av

    codecs = [name for name in ("h264", "hevc", "vp9", "av1") if name in av.codecs_available]
    return Check("video", "ok", f"PyAV {av.__version__}, decodes {', '.join(codecs)}")


def _hub() -> Check:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    state = "offline (HF_HUB_OFFLINE)" if constants.HF_HUB_OFFLINE else "online"
    held = len(list(cache.glob("models--*"))) + len(list(cache.glob("datasets--*"))) if cache.is_dir() else 0
    return Check("hub", "info", f"{state}; cache {cache} holds {held} models and data sets")


def _bundled() -> Check:
    from vleval.model.locations import BUNDLED_CHECKPOINT

    files = [path for path in BUNDLED_CHECKPOINT.rglob("*") if path.is_file()]
    if not any(path.suffix == ".safetensors" for path in files):
        return Check("bundled", "fail", "this installation has no bundled checkpoint")
    return Check("bundled", "ok", f"checkpoint of {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")


def _parity(model: str | None) -> Check:
    from vleval.model.parity import parity_report
    from vleval.running.engines import BUNDLED, choose_model, locate_model

    name = model or BUNDLED
    report = parity_report(locate_model(choose_model(name, "auto", os.environ)), tokens=16)
    detail = (
        f"{name} against transformers: logit error at most {report.max_logit_error:.2e} at a largest "
        f"logit of {report.largest_logit:.3g}; {report.tokens_equal} of {report.tokens} greedy tokens equal"
    )
    return Check("parity", "ok" if report.passed else "fail", detail)


CHECKS: dict[str, Callable[[], Check]] = {
    "versions": _versions,
    "device": _device,
    "attention": _attention,
    "video": _video,
    "hub": _hub,
    "bundled": _bundled,
}
