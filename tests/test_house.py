"""The house rules that no linter knows: import arrows, what stays light, what the wheel holds, sizes, no
machine's traces."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("grounding", "model", "tasks", "results", "vleval")
NOT_OURS = {".git", ".venv", "build", "dist", "runs"}
"""Folders beside the sources (and every cache) that git ignores."""

TYPES = ("vleval.model.io", "vleval.model.errors", "vleval.tasks.base")
MAY_IMPORT = {
    "grounding": ("vleval.grounding",),
    "model": ("vleval.model", "vleval.grounding"),
    "tasks": ("vleval.tasks", "vleval.grounding", *TYPES),
    "results": ("vleval.results", "vleval.grounding", *TYPES),
    "vleval": ("vleval",),
}
JOINTS = ("vleval.__main__", "vleval.training.lessons", "vleval.training.trainer")
"""The script, and what the training command alone loads."""
HEAVY = ("torch", "transformers", "datasets", "pandas", "scipy", "matplotlib", "pycocotools")
HEAVY += ("pyarrow", "av", "lxml", "apted", "nltk", "jieba", "pylatexenc", "jinja2")
DISTRIBUTION = {"PIL": "pillow", "flash_attn": "flash-attn"}
"""Where an import name is not the name of its package."""


def source_files(folder: Path = ROOT) -> Iterator[Path]:
    """Every file of the project; links are not followed, so each comes once."""
    for path in sorted(folder.iterdir()):
        ignored = path.name in NOT_OURS or path.name.endswith(
            ("cache", "cache__", ".egg-info", ".hypothesis")
        )
        if path.is_dir() and not path.is_symlink():
            if not ignored:
                yield from source_files(path)
        elif path.is_file() and not path.is_symlink():
            yield path


FILES = list(source_files())
MODULES = [path for path in FILES if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in FOLDERS]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    """`model/io.py` -> `vleval.model.io`."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[0] != "vleval":
        parts.insert(0, "vleval")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    """All of a file's syntax, in no order to rely on."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, wherever it stands; `from a import b` gives `a.b`."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                (node.lineno, f"{'.' * node.level}{node.module or ''}.{alias.name}") for alias in node.names
            )


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def test_arrows_point_one_way() -> None:
    faults = []
    for path in MODULES:
        folder = path.relative_to(ROOT).parts[0]
        for line, name in imports(path):
            if name.startswith((".", *(f"{bare}." for bare in FOLDERS[:-1]))) or name in FOLDERS[:-1]:
                faults.append(f"{relative(path)}:{line}: {name} (write vleval.…)")
            elif within(name, ("vleval",)) and not within(name, MAY_IMPORT[folder]):
                faults.append(f"{relative(path)}:{line}: {folder}/ may not import {name}")
    assert not faults, "\n".join(faults)


def test_light_modules_stay_light() -> None:
    """Importing everything outside model/ (and model's types) loads nothing that takes seconds to load."""
    light = [module_name(path) for path in MODULES if path.relative_to(ROOT).parts[0] != "model"]
    light = [*TYPES, *(name for name in light if name not in JOINTS)]
    script = (
        "import importlib, sys\n"
        f"for name in {light!r}:\n"
        "    importlib.import_module(name)\n"
        f"    loaded = [heavy for heavy in {HEAVY!r} if heavy in sys.modules]\n"
        "    if loaded: sys.exit(f'{name} loads {loaded}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_imported_packages_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["flash"]]
    allowed = {re.split(r"[<>=\[ ]", entry)[0] for entry in declared}
    faults = []
    for path in MODULES:
        for line, name in imports(path):
            top = name.split(".")[0]
            known = top == "vleval" or top in sys.stdlib_module_names or DISTRIBUTION.get(top, top) in allowed
            if not known:
                faults.append(f"{relative(path)}:{line}: {top} is not a dependency in pyproject.toml")
    assert not faults, "\n".join(faults)


def test_constraints_pin_every_dependency_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins), (
        "local tags, hosts or ranges"
    )
    names = {pin.split("==")[0].lower().replace("_", "-") for pin in pins}
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    missing = {re.split(r"[<>=\[ ]", entry)[0].lower().replace("_", "-") for entry in wanted} - names
    assert not missing
    assert not [name for name in names if name.startswith("nvidia")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in the wheel, built from a copy, since setuptools writes into the tree it builds."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in FILES:
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    for folder in FOLDERS[:-1]:
        (copy / "vleval" / folder).symlink_to(f"../{folder}")
    script = f"from setuptools import build_meta; print(build_meta.build_wheel({str(out)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=copy, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(zipfile.ZipFile(next(out.glob("*.whl"))).namelist())


def test_wheel_holds_every_module_and_bundled_file(wheel: set[str]) -> None:
    bundled = [path for path in FILES if path.relative_to(ROOT).parts[1:2] == ("bundled",)]
    pages = sorted((ROOT / "results" / "reporting" / "html").iterdir())
    shipped = [*MODULES, *bundled, *pages, ROOT / "vleval" / "py.typed"]
    names = {
        relative(path) if path.is_relative_to(ROOT / "vleval") else f"vleval/{relative(path)}"
        for path in shipped
    }
    assert {name for name in wheel if ".dist-info/" not in name} == names


def test_links_are_the_four_relative_ones() -> None:
    links = {path.name: os.readlink(path) for path in (ROOT / "vleval").iterdir() if path.is_symlink()}
    assert links == {folder: f"../{folder}" for folder in FOLDERS[:-1]}


def test_files_and_functions_stay_short() -> None:
    faults = []
    for path in (path for path in FILES if path.suffix == ".py"):
        text = path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > 400:
            faults.append(f"{relative(path)}: {lines} lines, at most 400")
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > 60:
                    faults.append(
                        f"{relative(path)}:{node.lineno}: {node.name} has {length} lines, at most 60"
                    )
    assert not faults, "\n".join(faults)


def test_pages_link_to_files_that_exist() -> None:
    faults = []
    for page in (path for path in FILES if path.suffix == ".md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                faults.append(f"{relative(page)}: {target}")
    assert not faults, "\n".join(faults)


def test_pages_name_flags_that_exist() -> None:
    declared = set(
        re.findall(r'"(--[a-z-]+)"', "".join(path.read_text(encoding="utf-8") for path in MODULES))
    )
    faults = []
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text(encoding="utf-8")))
        faults += [f"{relative(page)}: {flag}" for flag in sorted(named - declared)]
    assert not faults, "\n".join(faults)


def test_no_traces_of_a_machine() -> None:
    """No path of the machine it was written on, and no package registry's host."""
    traces = [str(ROOT), f"{Path.home()}/", sys.base_prefix, "/work/" + "main", "/work/" + "shared"]
    traces += ["pypi" + ".org", "python" + "hosted", "npmjs" + ".", "debian" + ".org"]
    faults = []
    for path in FILES:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        faults += [f"{relative(path)}: {trace}" for trace in traces if len(trace) > 4 and trace in text]
    assert not faults, "\n".join(faults)
