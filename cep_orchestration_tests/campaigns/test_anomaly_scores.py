"""The anomaly rules, scored: which injected faults they find, how soon, and how often they cry wolf over healthy days.

The histories are in histories.py. The table is printed whenever these tests run.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

import pytest

from cep_orchestration.campaigns.anomalies import RULES, anomalies
from cep_orchestration.settings import CampaignThresholds
from cep_orchestration_tests.campaigns.histories import Fault, Life, Traits, live, traits

THRESHOLDS = CampaignThresholds()
NAMES = [rule.name for rule in RULES]
COLUMNS = "{:<20}{:<37}{:>8}{:>7}{:>13}{:>9}{:>27}"
HEADINGS = ("rule", "fault", "injected", "found", "median days", "at most", "false alarms / 1,000 days")
SEED = 1_001
HEALTHY_CAMPAIGNS = 400
FAULTY_CAMPAIGNS = 40
EARLIEST_DAY = 22
FALSE_ALARMS_PER_1000_DAYS = 1.0


@dataclass(frozen=True)
class Injection:
    """A fault of a size that a marketer would see: in which campaigns, and within how many days it must be found.

    `start`: the day of its life; None: any from EARLIEST_DAY on.
    """

    rule: str
    what: str
    within_days: int
    fault: Callable[[Traits, int], Fault]
    among: Callable[[Traits], bool] = lambda kind: True
    start: int | None = None


INJECTIONS = (
    Injection("data_is_fresh", "not read for 20 h", 0, lambda kind, day: Fault(day, read=False)),
    Injection("budget_is_left", "CMS budget spent", 0, lambda kind, day: Fault(day, spends_budget=True)),
    Injection(
        "delivery_goes_on",
        "no impressions",
        3,
        lambda kind, day: Fault(day, delivery=False),
        lambda kind: kind.impressions_a_day >= 200,
    ),
    Injection(
        "spend_brings_leads",
        "no leads, 1 a day before",
        16,
        lambda kind, day: Fault(day, leads=0.0),
        lambda kind: kind.leads_a_day >= 1,
    ),
    Injection(
        "spend_brings_leads",
        "never a lead, 40 € a day",
        16,
        lambda kind, day: Fault(day, leads=0.0),
        lambda kind: kind.spend_a_day >= 40,
        start=0,
    ),
    Injection(
        "pace_is_kept",
        "spends 40 % more",
        7,
        lambda kind, day: Fault(day, spend=1.4),
        lambda kind: kind.budget == "daily",
    ),
    Injection(
        "cpl_is_usual",
        "CPL doubles, 30 steady leads a day",
        18,
        lambda kind, day: Fault(day, leads=0.5),
        lambda kind: kind.leads_a_day >= 30 and kind.clumping >= 18,
    ),
    Injection(
        "cpl_is_usual",
        "CPL times 2.5, 20 leads a day",
        18,
        lambda kind, day: Fault(day, leads=0.4),
        lambda kind: kind.leads_a_day >= 20 and kind.clumping >= 8,
    ),
    Injection(
        "cpl_is_usual",
        "CPL triples, 10 leads a day",
        18,
        lambda kind, day: Fault(day, leads=1 / 3),
        lambda kind: kind.leads_a_day >= 10 and kind.clumping >= 6,
    ),
    Injection(
        "ctr_is_enough",
        "CTR falls to 0.3 %",
        10,
        lambda kind, day: Fault(day, ctr=0.003 / kind.ctr),
        lambda kind: kind.impressions_a_day >= 500,
    ),
    Injection(
        "leads_agree",
        "half of ours lost",
        10,
        lambda kind, day: Fault(day, own_leads=0.5),
        lambda kind: kind.leads_a_day >= 10,
    ),
    Injection(
        "leads_agree",
        "half of Meta's lost",
        10,
        lambda kind, day: Fault(day, meta_leads=0.5),
        lambda kind: kind.leads_a_day >= 10,
    ),
    Injection(
        "leads_agree",
        "all of ours lost, 1 a day",
        24,
        lambda kind, day: Fault(day, own_leads=0.0),
        lambda kind: 1 <= kind.leads_a_day < 3,
    ),
)


def broken(life: Life, age: int) -> set[str]:
    return {one.rule for one in anomalies(life.history(age), THRESHOLDS)}


def days_to_find(rng: Random, injection: Injection) -> int | None:
    """Days from the fault to its alarm, which was not there before; None: not within the days that it has."""
    kind = traits(rng)
    while not (injection.among(kind) and kind.days_of_life > EARLIEST_DAY + injection.within_days):
        kind = traits(rng)
    start = injection.start
    if start is None:
        start = rng.randint(EARLIEST_DAY, kind.days_of_life - injection.within_days - 1)
    life = live(rng, kind, injection.fault(kind, start))
    if start and injection.rule in broken(life, start - 1):
        return days_to_find(rng, injection)
    ages = range(start, start + injection.within_days + 1)
    return next((age - start for age in ages if injection.rule in broken(life, age)), None)


@dataclass(frozen=True)
class Scores:
    """`found`: of each injection's faults, the days until it was found, without those that were not."""

    found: Mapping[Injection, Sequence[int]]
    healthy_days: int
    opened: Mapping[str, int]

    def false_alarms(self, rules: Sequence[str]) -> float:
        """In 1,000 days of healthy campaigns."""
        return 1_000 * sum(self.opened.get(rule, 0) for rule in rules) / self.healthy_days

    def table(self) -> str:
        lines = [COLUMNS.format(*HEADINGS)]
        for injection, days in self.found.items():
            middle, most = f"{median(days or [0]):g}", max(days, default=0)
            rate = f"{self.false_alarms([injection.rule]):.3f}"
            row = (injection.rule, injection.what, FAULTY_CAMPAIGNS, len(days), middle, most, rate)
            lines.append(COLUMNS.format(*row))
        total = f"{self.false_alarms(NAMES):.3f}"
        lines.append(COLUMNS.format("all rules", f"none, in {self.healthy_days:,} days", "", "", "", "", total))
        return "\n".join(lines)


def score(seed: int) -> Scores:
    rng = Random(seed)
    found: dict[Injection, list[int]] = {}
    for injection in INJECTIONS:
        days = [days_to_find(rng, injection) for _ in range(FAULTY_CAMPAIGNS)]
        found[injection] = [one for one in days if one is not None]
    healthy_days, opened = 0, Counter[str]()
    for _ in range(HEALTHY_CAMPAIGNS):
        life = live(rng, traits(rng))
        healthy_days += life.traits.days_of_life
        opened.update(alarms(life))
    return Scores(found, healthy_days, opened)


def alarms(life: Life) -> Iterator[str]:
    """Every opening of a rule in a campaign's life, looked at once a day."""
    open_before: set[str] = set()
    for age in range(life.traits.days_of_life):
        now = broken(life, age)
        yield from now - open_before
        open_before = now


@pytest.fixture(scope="module")
def scores() -> Scores:
    return score(SEED)


def test_the_scores_as_a_table(scores: Scores, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{scores.table()}")
    assert scores.table().count("\n") == len(INJECTIONS) + 1


@pytest.mark.parametrize("injection", INJECTIONS, ids=lambda one: one.what)
def test_every_injected_fault_is_found_in_the_days_that_it_has(scores: Scores, injection: Injection) -> None:
    assert len(scores.found[injection]) == FAULTY_CAMPAIGNS


def test_healthy_campaigns_give_at_most_one_false_alarm_in_a_thousand_days(scores: Scores) -> None:
    assert scores.healthy_days >= 20_000
    assert scores.false_alarms(NAMES) <= FALSE_ALARMS_PER_1000_DAYS, scores.opened


def test_every_rule_is_scored() -> None:
    assert {one.rule for one in INJECTIONS} == set(NAMES)
