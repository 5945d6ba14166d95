"""The version of the installed package; the number itself stands in pyproject.toml alone."""

from __future__ import annotations


def version() -> str:
    """The installed version, or `source` when the folder is run without having been installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("vleval")
    except PackageNotFoundError:
        return "source"
