"""A checkpoint folder: find it, load it, save it, tell it from any other.

safetensors only, and no code from the folder is ever run. Every fault a user can mend is one sentence.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from vleval.model.config import ModelConfig
from vleval.model.errors import CheckpointError
from vleval.model.files import read_json, write_json
from vleval.model.hashes import file_sha256
from vleval.model.qwen import Qwen25VL
from vleval.model.shards import Stored, read_header, read_into
from vleval.model.weights import LM_HEAD, Slot, hub_name, slots, splits_vision_qkv

MODEL_CODE_VERSION = 1
"""Raised by hand whenever a change to the model, preprocessing or prompt code changes outputs."""

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
IDENTITY_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.json",
    "chat_template.jinja",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
)
"""Files beside the weights that can change an answer."""

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HUB_PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.jinja")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")
_LISTED = 5


def locate(model: str, *, revision: str | None = None) -> Path:
    """The folder of a checkpoint: `model` itself, or the snapshot of a hub id (owner/name) in the hub cache.

    Raises CheckpointError when there is no such folder, and neither the hub nor its cache has the id.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if not _HUB_ID.fullmatch(model):
        raise CheckpointError(f"--model {model}: no such folder, and no hub id of the form owner/name.")
    from huggingface_hub import constants, snapshot_download

    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(_HUB_PATTERNS)))
    except Exception as error:  # the client's faults share no base class
        wanted = model if revision is None else f"{model} at revision {revision}"
        raise CheckpointError(
            f"--model {model}: no such folder here, and {wanted} is neither in the hub cache "
            f"{constants.HF_HUB_CACHE} nor to be had from the hub ({type(error).__name__}): pass "
            "--model FOLDER of a downloaded checkpoint, or set HF_HOME to a cache that holds it "
            "(HF_HUB_OFFLINE=1 skips the network)."
        ) from None


def load_checkpoint(folder: Path, *, dtype: torch.dtype | None, device: torch.device | str) -> Qwen25VL:
    """The model of a checkpoint folder, in evaluation mode.

    Args:
        folder: config.json and safetensors, in any layout and family of names.
        dtype: of the parameters; None keeps that of the stored embedding.
        device: where the parameters go. Host memory stays at the weights plus one staging buffer.

    Raises:
        CheckpointError: in one sentence, what is wrong with the folder.
    """
    config = _read_config(folder)
    headers = {path: read_header(path) for path in weight_files(folder)}
    table = slots(
        config, split_vision_qkv=splits_vision_qkv(hub_name(n) for h in headers.values() for n in h)
    )
    _check_match(folder, headers, table)
    dtype = dtype or _stored_dtype(headers)
    with torch.device("meta"):
        model = Qwen25VL(replace(config, dtype=str(dtype).removeprefix("torch."))).to(dtype)
    model = model.to_empty(device=device).eval()
    parameters = dict(model.named_parameters())
    for path, header in headers.items():
        with path.open("rb") as file:
            for name, stored in header.items():
                slot = table.get(hub_name(name))
                if slot is not None:  # a tied model's copy of its embedding has no place of its own
                    read_into(file, stored, _rows(parameters, slot))
    return model


def save_checkpoint(
    model: Qwen25VL, folder: Path, *, dtype: torch.dtype | None = None, max_shard_bytes: float = 5e9
) -> None:
    """Write config.json, generation_config.json and weights under the hub's names, for `from_pretrained`.

    Args:
        model: the weights.
        folder: made if missing; weights of an earlier save are replaced, each file at once.
        dtype: of the files; None keeps the model's.
        max_shard_bytes: a larger model is written as several files with an index.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dtype = dtype or model.dtype
    table = slots(model.config)
    parameters = dict(model.named_parameters())
    groups = _group(table, dtype.itemsize, max_shard_bytes)
    names = [f"model-{i:05d}-of-{len(groups):05d}.safetensors" for i in range(1, len(groups) + 1)]
    if len(groups) == 1:
        names = [SINGLE_FILE]
    for name, group in zip(names, groups, strict=True):
        tensors = {
            k: _rows(parameters, table[k]).detach().to("cpu", dtype).reshape(table[k].shape) for k in group
        }
        save_file(tensors, folder / f"{name}.partial", metadata={"format": "pt"})
    for name in names:  # renamed together, so that a kill while writing leaves the earlier save whole
        os.replace(folder / f"{name}.partial", folder / name)
    _remove_stale(folder, names)
    if len(groups) > 1:
        total = sum(_bytes(slot, dtype.itemsize) for slot in table.values())
        weight_map = {key: name for name, group in zip(names, groups, strict=True) for key in group}
        write_json(folder / INDEX_FILE, {"metadata": {"total_size": total}, "weight_map": weight_map})
    config = replace(model.config, dtype=str(dtype).removeprefix("torch."))
    write_json(folder / "config.json", config.to_dict())
    ends = {"bos_token_id": config.bos_token_id, "eos_token_id": config.eos_token_id, "do_sample": False}
    write_json(folder / "generation_config.json", {k: v for k, v in ends.items() if v is not None})


def file_digests(folder: Path) -> dict[str, str]:
    """sha256 (hex) of every file that decides an answer, by name: weights, config, tokenizer, template and
    processor.

    Reads half a gigabyte a second, and only what has changed since it was last read (`hashes`). Raises
    CheckpointError as `weight_files` does.
    """
    return {path.name: file_sha256(path) for path in identity_files(folder)}


def fingerprint(folder: Path, dtype: torch.dtype) -> str:
    """sha256 (hex) over all that decides an answer: `file_digests`, dtype and `MODEL_CODE_VERSION`."""
    digest = hashlib.sha256(f"model code {MODEL_CODE_VERSION}, {dtype}\n".encode())
    for name, content in file_digests(folder).items():
        digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()


def identity_files(folder: Path) -> list[Path]:
    """Weights, then the files beside them that can change an answer. Raises CheckpointError."""
    return [*weight_files(folder), *(folder / name for name in IDENTITY_FILES if (folder / name).is_file())]


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder, single or named by its index, sorted.

    Raises CheckpointError when there is none, one is missing, or the index names files elsewhere.
    """
    if (folder / SINGLE_FILE).is_file():
        return [folder / SINGLE_FILE]
    if not (folder / INDEX_FILE).is_file():
        raise CheckpointError(_no_weights(folder))
    index = read_json(folder / INDEX_FILE)
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{folder / INDEX_FILE} holds no `weight_map`: fetch it again.")
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if not re.fullmatch(r"[\w-][\w.-]*\.safetensors", name):
            raise CheckpointError(
                f"{folder / INDEX_FILE} names the file {name!r}: only plain names of .safetensors files in "
                "the same folder are read."
            )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{folder} lacks {len(missing)} of {len(names)} weight files named in {INDEX_FILE} "
            f"({_some(missing)}): fetch them."
        )
    return [folder / name for name in names]


def _no_weights(folder: Path) -> str:
    files = sorted(path.name for path in folder.iterdir())
    pickles = [name for name in files if name.endswith(_PICKLES)]
    if pickles:
        return (
            f"{folder} has weights only as {pickles[0]}, a format that can run code when opened: save them "
            "as safetensors (`model.save_pretrained` of transformers does)."
        )
    if any(name.endswith(".safetensors") for name in files):
        return f"{folder} has .safetensors files, but no {SINGLE_FILE} and no {INDEX_FILE}: fetch the index."
    return f"{folder} has no weights: {SINGLE_FILE} or {INDEX_FILE} is needed."


def _read_config(folder: Path) -> ModelConfig:
    config = ModelConfig.from_folder(folder)
    quantised = read_json(folder / "config.json").get("quantization_config")
    if quantised:
        method = quantised.get("quant_method", "unknown") if isinstance(quantised, dict) else "unknown"
        raise CheckpointError(
            f"{folder / 'config.json'} describes quantised weights ({method}), which vleval's own engine "
            "does not run: pass the original checkpoint."
        )
    return config


def _check_match(
    folder: Path, headers: Mapping[Path, Mapping[str, Stored]], table: Mapping[str, Slot]
) -> None:
    """Refuse unless the files hold exactly the tensors of the table, each once."""
    found: dict[str, Stored] = {}
    unexpected: list[str] = []
    for header in headers.values():
        for stored_name, stored in header.items():
            name = hub_name(stored_name)
            if name in found or (name not in table and name != LM_HEAD):
                unexpected.append(stored_name)
            found[name] = stored
    missing = [name for name in table if name not in found]
    reshaped = [
        f"{name} is {list(found[name].shape)} instead of {list(slot.shape)}"
        for name, slot in table.items()
        if name in found and found[name].shape != slot.shape
    ]
    faults = {"missing": missing, "unexpected": unexpected, "of another shape": reshaped}
    listed = [f"{len(names)} {fault} ({_some(names)})" for fault, names in faults.items() if names]
    if listed:
        raise CheckpointError(
            f"The weights in {folder} do not fit its config.json: tensors {'; '.join(listed)}."
        )


def _stored_dtype(headers: Mapping[Path, Mapping[str, Stored]]) -> torch.dtype:
    embeddings = (
        s for h in headers.values() for name, s in h.items() if name.endswith("embed_tokens.weight")
    )
    return next(embeddings).dtype


def _remove_stale(folder: Path, written: Sequence[str]) -> None:
    """Delete weights of an earlier save with another number of shards: a reader would prefer or mix them."""
    earlier = [folder / SINGLE_FILE, folder / INDEX_FILE, *folder.glob("model-?????-of-?????.safetensors")]
    for path in earlier:
        if path.name not in written:
            path.unlink(missing_ok=True)


def _rows(parameters: Mapping[str, Tensor], slot: Slot) -> Tensor:
    return parameters[slot.parameter][slot.row : slot.row + slot.shape[0]]


def _group(table: Mapping[str, Slot], itemsize: int, max_bytes: float) -> list[list[str]]:
    """Names in order, cut into runs of at most `max_bytes` (or one tensor)."""
    groups: list[list[str]] = [[]]
    used = 0
    for name, slot in table.items():
        size = _bytes(slot, itemsize)
        if groups[-1] and used + size > max_bytes:
            groups.append([])
            used = 0
        groups[-1].append(name)
        used += size
    return groups


def _bytes(slot: Slot, itemsize: int) -> int:
    return torch.Size(slot.shape).numel() * itemsize


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
