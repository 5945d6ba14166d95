"""Where the checkpoint that ships with vleval lies. Torch-free."""

from __future__ import annotations

from pathlib import Path

BUNDLED_CHECKPOINT = Path(__file__).parent / "bundled"
"""Folder in hub layout; `vleval run` uses it when no model is named."""
