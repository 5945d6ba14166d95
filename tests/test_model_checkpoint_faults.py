"""Checkpoint folders that cannot be used: every fault is one sentence that names the file and the mend."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from helpers import save_tiny_checkpoint, write_weights
from vleval.model.checkpoint import load_checkpoint
from vleval.model.errors import CheckpointError


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as transformers writes it."""
    folder = tmp_path_factory.mktemp("saved")
    save_tiny_checkpoint(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(saved, tmp_path / "checkpoint"))


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def without(*names: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        write_weights(folder, {k: v for k, v in tensors.items() if k not in names}, 1)

    return spoil


def with_tensors(**extra: torch.Tensor) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        write_weights(folder, load_file(folder / "model.safetensors") | extra, 1)

    return spoil


def lacking_text(folder: Path) -> None:
    write_weights(
        folder,
        {k: v for k, v in load_file(folder / "model.safetensors").items() if k.startswith("visual.")},
        1,
    )


def missing_shard(folder: Path) -> None:
    write_weights(folder, load_file(folder / "model.safetensors"), 3)
    (folder / "model-00002-of-00003.safetensors").unlink()


def missing_index(folder: Path) -> None:
    write_weights(folder, load_file(folder / "model.safetensors"), 3)
    (folder / "model.safetensors.index.json").unlink()


def index(file: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder.parent / "model.safetensors")
        content = {"weight_map": {"model.norm.weight": file}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(content))

    return spoil


def weights(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "model.safetensors"
        path.write_bytes(change(path.read_bytes()))

    return spoil


def renamed(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / name)

    return spoil


def config(text: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "config.json").write_text(text)

    return spoil


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
HEADER_LIE = b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}'
FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "lfs": (weights(lambda _: LFS), r"model\.safetensors is a git-lfs pointer.*git lfs pull"),
    "lfs config": (config(LFS.decode()), r"config\.json is a git-lfs pointer"),
    "truncated": (weights(lambda data: data[:-1000]), r"model\.safetensors is truncated"),
    "truncated header": (weights(lambda data: data[:100]), r"model\.safetensors is truncated"),
    "no bytes": (weights(lambda _: b""), r"model\.safetensors is truncated"),
    "longer": (weights(lambda data: data + b"1"), r"model\.safetensors is truncated or damaged"),
    "header": (weights(lambda data: data[:8] + b"?" + data[9:]), r"damaged safetensors header"),
    "offsets": (
        weights(lambda _: len(HEADER_LIE).to_bytes(8, "little") + HEADER_LIE + bytes(4)),
        r"damaged safetensors header",
    ),
    "missing shard": (missing_shard, r"lacks 1 of 3 weight files .*model-00002-of-00003\.safetensors"),
    "missing index": (missing_index, r"no model\.safetensors and no model\.safetensors\.index\.json"),
    "climbing path": (
        index("../model.safetensors"),
        r"names the file '\.\./model\.safetensors': only plain names",
    ),
    "absolute path": (index("/etc/model.safetensors"), r"only plain names"),
    "backslash": (index("..\\model.safetensors"), r"only plain names"),
    "not safetensors": (index("model.bin"), r"only plain names"),
    "file is a number": (index(3), r"only plain names"),
    "auto_map": (lambda folder: edit_config(folder, auto_map={"AutoModel": "x.Y"}), r"auto_map.*never"),
    "awq": (
        lambda f: edit_config(f, quantization_config={"quant_method": "awq"}),
        r"quantised weights \(awq\)",
    ),
    "family": (lambda folder: edit_config(folder, model_type="qwen3_vl"), r"model_type 'qwen3_vl'"),
    "not json": (config("{"), r"config\.json cannot be read as JSON"),
    "not an object": (config("[]"), r"config\.json holds no JSON object"),
    "no config": (lambda folder: (folder / "config.json").unlink(), r"has no config\.json"),
    "empty": (emptied, r"is empty"),
    "pickle": (renamed("pytorch_model.bin"), r"only as pytorch_model\.bin.*save them as safetensors"),
    "torch file": (renamed("model.pt"), r"only as model\.pt"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), r"has no weights"),
    "missing tensors": (
        without("model.norm.weight", "lm_head.weight"),
        r"tensors 2 missing \((model|lm_head).*\)\.$",
    ),
    "many missing": (
        lacking_text,
        r"tensors 39 missing \(model\.embed_tokens\.weight(, [\w.]+){4}, \.\.\.\)\.$",
    ),
    "unexpected": (with_tensors(stray=torch.ones(1)), r"tensors 1 unexpected \(stray\)"),
    "twice": (
        with_tensors(**{"model.language_model.norm.weight": torch.ones(64)}),
        r"1 unexpected \(model\.",
    ),
    "shape": (
        with_tensors(**{"model.norm.weight": torch.ones(63)}),
        r"1 of another shape \(model\.norm\.weight is \[63\] instead of \[64\]\)",
    ),
    "integers": (
        with_tensors(**{"model.norm.weight": torch.ones(64, dtype=torch.int8)}),
        r"stores model\.norm\.weight as I8",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_one_sentence(folder: Path, fault: str) -> None:
    spoil, sentence = FAULTS[fault]
    spoil(folder)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load_checkpoint(folder, dtype=None, device="cpu")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is empty or no folder"):
        load_checkpoint(tmp_path / "absent", dtype=None, device="cpu")
