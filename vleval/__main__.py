"""`python -m vleval` and the `vleval` script."""

from __future__ import annotations

from vleval.cli import main

if __name__ == "__main__":
    main()
