"""How probable counts are by chance alone, for counts that vary more than Poisson's. Pure numbers: no campaigns.

Leads come in clumps: the variance of a day's leads is a multiple of their mean, the *dispersion* (1: Poisson). They are
taken as negative binomial with variance dispersion × mean (NB1), whose sums over days are of the same kind.
"""

from collections.abc import Callable, Sequence
from math import exp, fsum, lgamma, log, log1p

NEGLIGIBLE = 1e-9
USUAL_VARIATION, USUAL_DAYS = 0.3, 28
"""By how much days differ beyond Poisson (standard deviation / mean), and how many days this belief is worth."""


def zero(expected: float, dispersion: float = 1.0) -> float:
    """The chance of no event where `expected` are expected: exp(-expected) for Poisson, more for clumped ones."""
    excess = dispersion - 1.0
    return exp(-expected * (log1p(excess) / excess if excess > NEGLIGIBLE else 1.0))


def at_most(count: int, total: int, share: float, dispersion: float = 1.0) -> float:
    """The chance that of `total` events at most `count` fall into a part where a `share` of them is expected.

    Binomial for Poisson events; beta-binomial for clumped ones, which is what NB1 counts are once their sum is known.
    """
    if count >= total or not 0.0 < share < 1.0:
        return 1.0
    excess = max(dispersion - 1.0, NEGLIGIBLE)
    here, there = total * share / excess, total * (1.0 - share) / excess
    if excess == NEGLIGIBLE:
        first = _log_choose(total, count) + count * log(share) + (total - count) * log1p(-share)
        return _tail(first, count, lambda k: k * (1.0 - share) / ((total - k + 1) * share))
    first = _log_choose(total, count) + _log_beta(count + here, total - count + there) - _log_beta(here, there)
    return _tail(first, count, lambda k: k * (total - k + there) / ((total - k + 1) * (k - 1 + here)))


def dispersion(counts: Sequence[int], exposures: Sequence[float]) -> float:
    """How much counts vary around what their exposure (spend) lets expect: Pearson's estimate, at least 1.

    Some weeks of days say little of a variance, so it is averaged with what is usual, by the degrees of freedom.
    """
    pairs = [(count, exposure) for count, exposure in zip(counts, exposures, strict=True) if exposure > 0.0]
    if len(pairs) < 2 or not any(count for count, _ in pairs):
        return 1.0
    total, freedom = sum(count for count, _ in pairs), len(pairs) - 1
    rate = total / fsum(exposure for _, exposure in pairs)
    seen = fsum((count - rate * exposure) ** 2 / (rate * exposure) for count, exposure in pairs)
    usual = 1.0 + USUAL_VARIATION**2 * total / len(pairs)
    return max(1.0, (seen + USUAL_DAYS * usual) / (freedom + USUAL_DAYS))


def _tail(log_first: float, count: int, ratio: Callable[[int], float]) -> float:
    """The sum of P(count), P(count - 1), …, P(0); `ratio(k)`: P(k - 1) / P(k)."""
    term = total = exp(log_first)
    for k in range(count, 0, -1):
        term *= ratio(k)
        total += term
        if term < total * NEGLIGIBLE:
            break
    return min(1.0, total)


def _log_choose(total: int, count: int) -> float:
    return lgamma(total + 1) - lgamma(count + 1) - lgamma(total - count + 1)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
