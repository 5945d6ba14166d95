"""The library `vleval.grounding`: every public name is there, light until used, documented by what runs."""

from __future__ import annotations

import ast
import doctest
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import vleval.grounding as library

FOLDER = Path(library.__file__ or "").parent
MODULES = sorted(
    ".".join(("vleval.grounding", *path.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__")
    for path in FOLDER.rglob("*.py")
)
WITHOUT_EXAMPLE = {
    # What the functions hand back: their examples show it.
    "Agreement",
    "AveragePrecision",
    "CountAccuracy",
    "Entry",
    "FoundObjects",
    "GreedyF1",
    "HighlightFigures",
    "Lookalike",
    "MomentFigures",
    "MomentScore",
    "Parsed",
    "ParsedBox",
    "ParsedElement",
    "ParsedPoint",
    "ParsedSpan",
    "PointMatch",
    "TrueObjects",
    # Twins: the examples of `draw.draw` and `film_strip` show the arguments.
    "TimeBar",
    "draw_svg",
    "film_strip_svg",
}


def public() -> dict[str, object]:
    """Functions and classes of the library (constants and aliases have no docstring to hold)."""
    named = {name: getattr(library, name) for name in library.__all__}
    return {
        name: value for name, value in named.items() if inspect.isfunction(value) or inspect.isclass(value)
    }


def imported_for_type_checkers() -> dict[str, str]:
    """Name -> module, from the imports in `__init__.py` that only type checkers read."""
    tree = ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: (node.module or "").removeprefix("vleval.grounding.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_three_lists_of_names_agree() -> None:
    assert imported_for_type_checkers() == library._HOME
    assert sorted(library.__all__) == sorted(library._HOME)
    assert set(library.__all__) <= set(dir(library))


def test_every_public_name_resolves_to_the_object_of_its_module() -> None:
    for name, module in library._HOME.items():
        home = import_module(f"vleval.grounding.{module}")
        assert getattr(library, name) is getattr(home, name), name


def test_no_public_name_is_that_of_a_module() -> None:
    """Importing the module would put it in the name's place, and what one gets would depend on the order."""
    assert not set(library.__all__) & set(MODULES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'parse_boxs'"):
        _ = library.parse_boxs  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="parse_boxs"):
        exec("from vleval.grounding import parse_boxs")


def test_importing_the_library_loads_nothing_else() -> None:
    """Neither the package nor `Frame` loads numpy; reading text loads neither numpy nor Pillow."""
    script = (
        "import sys\n"
        "heavy = ('numpy', 'PIL', 'pycocotools', 'scipy', 'torch')\n"
        "def loaded(): return [name for name in heavy if name in sys.modules]\n"
        "import vleval.grounding\n"
        "assert not loaded(), loaded()\n"
        "from vleval.grounding import Frame, Sizes, parse_boxes\n"
        "parse_boxes('[1, 2, 3, 4]')\n"
        "assert not loaded(), loaded()\n"
        "from vleval.grounding import iou, frame\n"
        "assert loaded() == ['numpy'], loaded()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_public_functions_and_classes_say_what_they_are() -> None:
    silent = [name for name, value in public().items() if not (inspect.getdoc(value) or "").strip()]
    assert not silent


def test_public_functions_and_classes_show_an_example() -> None:
    finder = doctest.DocTestFinder(recurse=False)
    without = {name for name, value in public().items() if not any(t.examples for t in finder.find(value))}
    assert without <= WITHOUT_EXAMPLE


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0
