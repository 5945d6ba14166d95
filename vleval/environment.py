"""Versions of everything that can change an answer; recorded with every run and shown by `vleval doctor`."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "pillow", "av", "flash-attn")


def environment() -> dict[str, str]:
    """Python, platform and the packages that are installed; nothing is imported."""
    from vleval.version import version as own

    found = {"vleval": own(), "python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
