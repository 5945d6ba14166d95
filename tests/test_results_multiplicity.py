"""Adjusted p-values against worked numbers, statsmodels, and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from vleval.results.statistics.multiplicity import benjamini_hochberg, holm

P_VALUES = [0.004, 0.03, 0.012, 0.20, 0.049]


def test_worked_numbers() -> None:
    assert holm(P_VALUES) == pytest.approx([0.02, 0.09, 0.048, 0.2, 0.098], abs=1e-12)
    assert benjamini_hochberg(P_VALUES) == pytest.approx([0.02, 0.05, 0.03, 0.2, 0.06125], abs=1e-12)


def test_no_p_values() -> None:
    assert holm([]) == []
    assert benjamini_hochberg([]) == []


@pytest.mark.parametrize(("n", "decimals"), [(1, 3), (8, 3), (30, 1)])  # one decimal: many ties
def test_equal_to_statsmodels(n: int, decimals: int) -> None:
    p_values = (np.random.default_rng(n).random(n) ** 2).round(decimals).tolist()
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)
    assert benjamini_hochberg(p_values) == pytest.approx(
        multipletests(p_values, method="fdr_bh")[1], abs=1e-12
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusting_raises_p_values_and_keeps_their_order(p_values: list[float]) -> None:
    for adjusted in (holm(p_values), benjamini_hochberg(p_values)):
        assert all(raw <= high <= 1 for raw, high in zip(p_values, adjusted, strict=True))
        by_p = [high for _, high in sorted(zip(p_values, adjusted, strict=True))]
        assert by_p == sorted(by_p)
