"""docs/scoring-files.md: its program for vLLM runs, and every name that it lists is known."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from vleval.cli import app
from vleval.grounding.frame import Sizes, to_input
from vleval.model.limits import smart_resize
from vleval.tasks.data.layout import FIELDS

PAGE = Path(__file__).parents[1] / "docs" / "scoring-files.md"

TRUTH = [300.0, 200.0, 900.0, 700.0]
ORIGINAL = (1600, 1200)


class PerfectModel:
    """Stands in for vLLM: answers in pixels of what its processor would have made of the image."""

    def __init__(self, model: str, *, mm_processor_kwargs: dict[str, int]) -> None:
        self.limits = mm_processor_kwargs

    def chat(self, messages: list[dict[str, Any]], params: object) -> list[Any]:
        image = messages[0]["content"][0]["image_pil"]
        height, width = smart_resize(image.height, image.width, **self.limits)
        (box,) = to_input([TRUTH], Sizes(image.size, (width, height))).round().tolist()
        return [SimpleNamespace(outputs=[SimpleNamespace(text=f'[{{"bbox_2d": {box}}}]')])]


def test_the_program_for_vllm_brings_its_answers_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", ORIGINAL).save("a.jpg")
    Image.new("RGB", ORIGINAL[::-1]).save("b.jpg", exif=turned)  # upright it is as wide as the other
    rows = [{"image": name, "expression": "it", "bbox_xyxy": TRUTH} for name in ("a.jpg", "b.jpg")]
    Path("questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    vllm = ModuleType("vllm")
    vllm.LLM, vllm.SamplingParams = PerfectModel, SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(program, {})
    result = CliRunner().invoke(app, ["score", "predictions.jsonl", "--task", "refcoco", "--json"])
    assert result.exit_code == 0, result.output
    (file,) = json.loads(result.stdout)["files"]
    assert (file["unmapped"], file["unclustered"], file["odd_input_sizes"]) == (0, 0, 0)
    assert file["summary"]["metrics"]["mean_iou"]["value"] > 0.99


def test_the_page_lists_every_known_name() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("| field |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", table))
    wanted = {name for field, aliases in FIELDS.items() for name in (field, *aliases)}
    assert wanted <= named
    assert named - wanted == {"bbox_xyxy"}
