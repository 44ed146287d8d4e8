"""What campaigns did: questions of many campaigns at once, halved where Meta does not answer them as a whole.

https://developers.facebook.com/docs/marketing-api/insights/best-practices
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from cep_orchestration.clients.meta_codes import what_to_mend
from cep_orchestration.clients.meta_graph import (
    NOTHING_LOST,
    AskingError,
    Graph,
    RefusedError,
    TooMuchError,
    UnwellError,
)
from cep_orchestration.clients.meta_rows import STATUSES, InsightRow, insight_row
from cep_orchestration.failures import SettingError, TransientError

MOST_IDS = 250
MOST_ROWS = 5000
MOST_UNWELL = 5
ONE_DAY = timedelta(days=1)
FIELDS = "campaign_id,impressions,clicks,spend,reach,actions"


@dataclass(frozen=True)
class Question:
    """Some campaigns from `since` to `until`, both included: each day, or else their whole life in one row."""

    ids: tuple[str, ...]
    since: date = date.min
    until: date = date.max
    daily: bool = False

    @property
    def rows_at_most(self) -> int:
        return len(self.ids) * ((self.until - self.since).days + 1 if self.daily else 1)

    def asks_for(self, row: InsightRow) -> bool:
        whole = row.since == row.until if self.daily else row.since <= row.until
        return whole and self.since <= row.since and row.until <= self.until and row.campaign in self.ids

    def parameters(self) -> dict[str, Any]:
        """Deleted campaigns are only told of where their status is asked for."""
        filters = [
            {"field": "campaign.id", "operator": "IN", "value": self.ids},
            {"field": "campaign.effective_status", "operator": "IN", "value": list(STATUSES)},
        ]
        return {
            "level": "campaign",
            "fields": FIELDS,
            "filtering": filters,
            "limit": self.rows_at_most,
            **self._time(self.since, self.until),
        }

    def control(self) -> dict[str, Any]:
        """The least that can be asked like this, of no campaign by its id: tells whether they are what is wrong."""
        return {"level": "campaign", "fields": FIELDS, "limit": 1, **self._time(self.since, self.since)}

    def halves(self) -> "list[Question]":
        """By days first, then by campaigns; none where there is nothing left to halve."""
        if self.daily and self.since < self.until:
            middle = self.since + ((self.until - self.since) + ONE_DAY) // 2
            return [replace(self, until=middle - ONE_DAY), replace(self, since=middle)]
        return self.halves_of_ids()

    def halves_of_ids(self) -> "list[Question]":
        middle = len(self.ids) // 2
        return [replace(self, ids=self.ids[:middle]), replace(self, ids=self.ids[middle:])] if middle else []

    def _time(self, since: date, until: date) -> dict[str, Any]:
        if not self.daily:
            return {"date_preset": "maximum"}
        return {"time_range": {"since": f"{since}", "until": f"{until}"}, "time_increment": 1}


@dataclass(frozen=True)
class Part:
    """All rows of a question, each once; or why its campaigns could not be read."""

    question: Question
    rows: list[InsightRow]
    failed: Mapping[str, str] = field(default_factory=dict)


def day_questions(ids: Sequence[str], since: date, until: date) -> list[Question]:
    """As few as Meta's limits of an address and of an answer allow."""
    if since > until:
        return []
    size = max(1, min(MOST_IDS, MOST_ROWS // ((until - since).days + 1)))
    return [Question(some, since, until, daily=True) for some in _chunks(ids, size)]


def lifetime_questions(ids: Sequence[str]) -> list[Question]:
    return [Question(some) for some in _chunks(ids, MOST_IDS)]


def _chunks(ids: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(ids[start : start + size]) for start in range(0, len(ids), size)]


class Reading:
    """One reading of an account's insights; what it learns of campaigns that cannot be read holds for all of it."""

    def __init__(self, graph: Graph, path: str) -> None:
        self._graph, self._path = graph, path
        self._lost: set[str] = set()
        self._unwell = 0
        self._refusal_is_checked = False

    def parts(self, question: Question) -> Iterator[Part]:
        """Raises SettingError and TransientError where not only single campaigns cannot be read."""
        question = replace(question, ids=tuple(each for each in question.ids if each not in self._lost))
        if not question.ids:
            return
        try:
            rows = self._rows(question)
        except AskingError as error:
            halves, reason = self._halves(question, error), _reason(error)
        else:
            yield Part(question, rows)
            return
        if not halves:
            self._lost.update(question.ids)
            yield Part(question, [], dict.fromkeys(question.ids, reason))
        for half in halves:
            yield from self.parts(half)

    def _rows(self, question: Question) -> list[InsightRow]:
        rows = self._graph.rows(self._path, question.parameters(), insight_row)
        return list({(row.campaign, row.since): row for row in rows if question.asks_for(row)}.values())

    def _halves(self, question: Question, error: AskingError) -> list[Question]:
        if isinstance(error, TooMuchError):
            return question.halves()
        halves = question.halves_of_ids()
        if isinstance(error, UnwellError):
            self._unwell += not halves
            if self._unwell > MOST_UNWELL:
                raise unwell(error)
            self._check(question)
        elif not self._refusal_is_checked:
            self._check(question)
            self._refusal_is_checked = True
        return halves

    def _check(self, question: Question) -> None:
        """That Meta answers at all: else it is no fault of the campaigns, and halving would only cost calls."""
        try:
            self._graph.answers(self._path, question.control())
        except RefusedError as error:
            raise SettingError(what_to_mend(error.found)) from None
        except UnwellError as error:
            raise unwell(error) from None
        except TooMuchError:
            return


def unwell(error: AskingError) -> TransientError:
    return TransientError(f"Meta no responde bien ({error.label}). {NOTHING_LOST}")


def _reason(error: AskingError) -> str:
    if isinstance(error, TooMuchError):
        return f"Meta dice que son demasiados datos, también para un solo día ({error.label})."
    if isinstance(error, UnwellError):
        return f"Meta no da una respuesta válida para esta campaña ({error.label})."
    return f"Meta rechaza la consulta de esta campaña ({error.label})."
