"""A leaderboard as one page of HTML: no script, no network, light and dark."""

from __future__ import annotations

from vleval.results.boards.board import Board
from vleval.results.boards.view import Metrics, sections

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>vleval leaderboard</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 90rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.1rem; }
.table { overflow-x: auto; }
a { color: inherit; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid color-mix(in srgb, currentcolor 20%, transparent); }
th { vertical-align: bottom; white-space: normal; }
td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 14rem; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
ul { margin: .5rem 0; padding-left: 1.2rem; color: color-mix(in srgb, currentcolor 75%, transparent); }
</style>
<h1>Leaderboard</h1>
{% for section in sections %}{% set contents = section.headings[0] == "benchmark" %}
<h2 id="table-{{ loop.index0 }}">{{ section.title }}</h2>
<div class="table" tabindex="0" role="region" aria-label="{{ section.title }}"><table>
<thead><tr>{% for cell in section.headings %}<th scope="col">{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in section.rows %}{% set line = loop.index %}<tr>{% for cell in row %}<td>
{%- if contents and loop.first %}<a href="#table-{{ line }}">{{ cell }}</a>{% else %}{{ cell }}{% endif -%}
</td>{% endfor %}</tr>
{% endfor %}</tbody>
</table></div>
{% if section.notes %}<ul>{% for note in section.notes %}<li>{{ note }}</li>{% endfor %}</ul>
{% endif %}{% endfor %}</html>
"""


def board_page(board: Board, metrics: Metrics) -> str:
    """The page; every word of a model, path or data set is text in it."""
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(_PAGE).render(sections=sections(board, metrics))
