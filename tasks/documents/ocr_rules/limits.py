"""How much of an answer is read."""

from __future__ import annotations

LONGEST = 65_536
"""Characters: what a model that cannot stop goes on to say is cut off."""
