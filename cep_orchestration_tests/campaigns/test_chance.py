"""Chances, against what they are by definition."""

from itertools import pairwise
from math import comb, exp, isclose, lgamma, log

import pytest

from cep_orchestration.campaigns import chance


def _negative_binomial(count: int, mean: float, dispersion: float) -> float:
    """NB1: variance = dispersion * mean."""
    size, stay = mean / (dispersion - 1), 1 / dispersion
    ways = lgamma(count + size) - lgamma(size) - lgamma(count + 1)
    return exp(ways + size * log(stay) + count * log(1 - stay))


@pytest.mark.parametrize(("count", "total", "share"), [(0, 10, 0.2), (3, 20, 0.5), (9, 60, 0.2), (100, 700, 0.2)])
def test_without_clumps_it_is_binomial(count: int, total: int, share: float) -> None:
    tail = sum(comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(count + 1))
    assert isclose(chance.at_most(count, total, share), tail, rel_tol=1e-6)


@pytest.mark.parametrize("dispersion", [1.2, 2.0, 6.0])
@pytest.mark.parametrize(("count", "total", "share"), [(0, 10, 0.2), (3, 20, 0.5), (9, 60, 0.2), (100, 700, 0.2)])
def test_with_clumps_it_is_what_negative_binomial_counts_give_once_their_sum_is_known(
    count: int, total: int, share: float, dispersion: float
) -> None:
    here, there = total * share, total * (1 - share)
    joint = [_negative_binomial(k, here, dispersion) * _negative_binomial(total - k, there, dispersion)
             for k in range(total + 1)]  # fmt: skip
    assert isclose(chance.at_most(count, total, share, dispersion), sum(joint[: count + 1]) / sum(joint), rel_tol=1e-6)


@pytest.mark.parametrize(("expected", "dispersion"), [(0.0, 1.0), (3.0, 1.0), (8.5, 1.0), (8.5, 1.5), (20.0, 4.0)])
def test_no_event_at_all_is_as_probable_as_in_poisson_or_negative_binomial_counts(
    expected: float, dispersion: float
) -> None:
    by_definition = exp(-expected) if dispersion == 1.0 else _negative_binomial(0, expected, dispersion)
    assert isclose(chance.zero(expected, dispersion), by_definition, rel_tol=1e-9)


def test_the_more_clumped_the_less_surprising() -> None:
    zeros = [chance.zero(9.0, dispersion) for dispersion in (1.0, 1.5, 2.0, 5.0)]
    tails = [chance.at_most(10, 150, 0.2, dispersion) for dispersion in (1.0, 1.5, 2.0, 5.0)]
    assert all(less < more for less, more in [*pairwise(zeros), *pairwise(tails)])


@pytest.mark.parametrize(("count", "total", "share"), [(0, 0, 0.5), (5, 5, 0.5), (9, 5, 0.5), (1, 5, 0.0), (1, 5, 1.0)])
def test_what_cannot_be_surprising_is_certain(count: int, total: int, share: float) -> None:
    assert chance.at_most(count, total, share, 2.0) == 1.0


@pytest.mark.parametrize(
    ("counts", "exposures"), [([], []), ([3], [1.0]), ([0, 0, 0], [1.0, 1.0, 1.0]), ([4, 2, 7], [0.0, 0.0, 0.0])]
)
def test_days_that_say_nothing_are_taken_as_poisson(counts: list[int], exposures: list[float]) -> None:
    assert chance.dispersion(counts, exposures) == 1.0


@pytest.mark.parametrize(
    ("counts", "seen", "expected"),
    [([10, 30] * 14 + [20], 5.0, 3.9), ([20] * 29, 0.0, 1.4), ([2] * 29, 0.0, 1.0)],
)
def test_the_dispersion_lies_half_way_between_what_29_days_show_and_what_is_usual(
    counts: list[int], seen: float, expected: float
) -> None:
    """Usual at 20 a day: 1 + 0.3² * 20 = 2.8."""
    usual = 1 + 0.3**2 * counts[-1]
    assert max(1.0, (seen + usual) / 2) == pytest.approx(expected)
    assert chance.dispersion(counts, [50.0] * 29) == pytest.approx(expected)
