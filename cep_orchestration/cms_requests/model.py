"""What the CMS may ask for, and the values that rules and store hand about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as day
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr


class State(StrEnum):
    """Of a request; the last three are for ever."""

    WAITING = "waiting"
    RUNNING = "running"
    JOINED = "joined"
    REFUSED = "refused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Job(StrEnum):
    """As the CMS calls them."""

    LEAD = "lead.created"
    CAMPAIGN = "campaign.sync"
    STATS = "stats.rollup"
    BACKUP = "backup.daily"


def _calendar_day(text: str) -> str:
    day.fromisoformat(text)
    return text


Id = Annotated[
    StrictInt | Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")],
    AfterValidator(str),
]
"""Opaque, and text on our side; neither an address nor a name with blanks passes for one."""
Day = Annotated[StrictStr, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_calendar_day)]


class Payload(BaseModel):
    """Nothing but these fields, and no type for another."""

    model_config = ConfigDict(strict=True, extra="forbid")


class LeadCreated(Payload):
    """Whatever else the CMS says of a lead is neither used nor kept."""

    model_config = ConfigDict(strict=True, extra="ignore")
    lead_id: Id = Field(alias="leadId")


class CampaignSync(Payload):
    """None: all campaigns. An id of the CMS or of the ad service."""

    campaign_id: Id | None = Field(default=None, alias="campaignId")


class StatsRollup(Payload):
    date: Day


class BackupDaily(Payload):
    type: Literal["full", "incremental"]


@dataclass(frozen=True)
class Unread:
    """A row as the CMS wrote it. `fields`: its payload's, where a nested one is []; None: it is no object."""

    id: int
    job: str
    fields: Mapping[str, Any] | None


@dataclass(frozen=True)
class Verdict:
    """`payload`: all that is kept. `refusal`: the sentence for whoever asked; "": it is understood."""

    id: int
    payload: Mapping[str, str]
    refusal: str = ""


@dataclass(frozen=True)
class Campaign:
    """Of the CMS. `meta_id`: None where it is not linked to the ad service."""

    id: str
    meta_id: str | None


@dataclass(frozen=True)
class Request:
    """One that was understood. `mark`: what its run is known by, also by those who have a copy of the database."""

    id: int
    mark: str
    job: Job
    payload: Mapping[str, str]
    state: State = State.WAITING


@dataclass(frozen=True)
class Order:
    """What Dagster is to launch for a request. `job`: Dagster's."""

    job: str
    config: Mapping[str, Any]
    partition: str | None = None


@dataclass(frozen=True)
class Seen:
    """What a request's run is at this moment. `answer`: None while it runs."""

    id: int
    state: State
    run_id: str | None
    answer: str | None = None


@dataclass(frozen=True)
class Look:
    """`is_copy`: of an installation that was restored, and that nobody has made safe yet."""

    ready: bool
    is_copy: bool = False
    is_open: bool = False


@dataclass(frozen=True)
class Plan:
    """`joins`: by id, the request that it joins. `launches`: the ids that get a run of their own."""

    joins: Mapping[int, int]
    launches: tuple[int, ...]
