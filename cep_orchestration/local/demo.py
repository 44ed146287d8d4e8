"""The demo CMS: an invented training centre in an empty database, and people who keep asking for courses.

For development only. It goes into no database that holds a CMS already, and adds leads to nothing but itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, Engine, Row, column, insert, table, text

from cep_orchestration.amounts import MADRID
from cep_orchestration.database.engine import DEMO_MARK, is_demo
from cep_orchestration.failures import SettingError
from cep_orchestration.local import demo_names as names

PAST_DAYS = names.DAYS_COUNTED
FOUNDED_DAYS = 365
BATCH_SIZE = 100
CAMPAIGN_SHARE = 0.7
MARKETING_SHARE = 1 / 3

# How much is asked in each hour of Madrid's day, midnight first.
_HOURLY = (2, 1, 1, 0.5, 0.5, 1, 2, 4, 7, 9, 11, 16, 17, 14, 9, 8, 9, 11, 16, 18, 17, 13, 8, 4)
# Of a hundred leads younger than so many days: new, contacted, enrolled, discarded.
_FOLLOWED_UP = ((2, (75, 23, 1, 1)), (14, (12, 50, 14, 24)), (PAST_DAYS + 1, (2, 28, 26, 44)))
_DOCUMENTATION_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
_MIME_TYPES = {".png": "image/png", ".txt": "text/plain"}
_TABLES = Path(__file__).with_name("demo_cms.sql")

# Any table of a CMS, whoever's it is and in whatever schema; our own schema has no say in it.
_OTHER_CMS = text("""
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('orchestration', 'information_schema')
      AND n.nspname NOT LIKE 'pg!_%' ESCAPE '!' AND c.relname = ANY(:names) ORDER BY 1 LIMIT 1
""")
_CMS_TABLES = ["campaigns", "campuses", "course_runs", "courses", "leads", "media", "payload_migrations"]
_OPEN_RUNS = text(
    "SELECT id, campus_id FROM public.course_runs WHERE start_date > :moment AND status = 'open' ORDER BY id"
)
_ACTIVE_CAMPAIGNS = text("SELECT id FROM public.campaigns WHERE status = 'active' ORDER BY id")
_NEXT_IDS = text("SELECT nextval('public.leads_id_seq') FROM generate_series(1, :size)")
_CONTINUE_IDS = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)")


@dataclass(frozen=True)
class Lead:
    id: int
    name: str
    email: str
    phone: str
    course_run_id: int
    campus_id: int
    campaign_id: int | None
    consent_date: datetime
    consent_ip: str
    consent_text: str
    marketing_consent: bool
    created_at: datetime
    updated_at: datetime
    status: str = "new"


@dataclass(frozen=True)
class Media:
    id: int
    filename: str
    mime_type: str
    filesize: int
    url: str


@dataclass(frozen=True)
class Centre:
    """The demo's tables but for the media, each under its name."""

    campuses: Sequence[names.Campus]
    courses: Sequence[names.Course]
    course_runs: Sequence[names.CourseRun]
    campaigns: Sequence[names.Campaign]
    leads: Sequence[Lead]


def create_demo(connection: Connection, media_dir: Path, now: datetime, random: Random) -> bool:
    """Create and fill the demo within the caller's transaction; False if it is there already.

    SettingError, and nothing touched, where another CMS lives.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:mark))"), {"mark": DEMO_MARK})
    if is_demo(connection):
        return False
    if found := connection.execute(_OTHER_CMS, {"names": _CMS_TABLES}).scalar():
        raise SettingError(
            f"The database already has the table {found}, which is not the demo's; "
            "the demo goes only into an empty database, so point CMS_DATABASE_URL at one."
        )
    connection.exec_driver_sql(_TABLES.read_text("utf-8"))
    for name, rows in {**vars(invent_centre(now, random)), "media": _write_media(media_dir)}.items():
        _insert(connection, name, rows, now - timedelta(days=FOUNDED_DAYS))
        connection.execute(_CONTINUE_IDS, {"name": f"public.{name}", "last": rows[-1].id})
    connection.execute(text("COMMENT ON TABLE public.leads IS :mark"), {"mark": DEMO_MARK})
    return True


def _insert(connection: Connection, name: str, rows: Sequence[Any], moment: datetime) -> None:
    """Insert dataclasses; what does not know when it was written was written at `moment`."""
    values = [{"created_at": moment, "updated_at": moment, **vars(row)} for row in rows]
    target = table(name, *(column(field) for field in values[0]), schema="public")
    connection.execute(insert(target), values)


def add_leads(
    engine: Engine,
    count: int,
    rate: float | None,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    random: Random,
) -> Iterator[int]:
    """Let `count` people ask, `rate` a second (None: as fast as it goes); each id comes after its commit.

    Leads are written as the ids are taken from the iterator; SettingError at the first if this is no demo.
    """
    if rate is not None and rate <= 0:
        raise SettingError(f"The rate of new leads is {rate} a second; write a number above 0.")
    with engine.connect() as connection:
        if not is_demo(connection):
            raise SettingError(
                f"The database {engine.url.database} is not the demo, and invented leads go nowhere else; "
                "point CMS_DATABASE_URL at the demo."
            )
    began, size = now(), 1 if rate else BATCH_SIZE
    for done in range(0, count, size):
        if rate:
            due = began + timedelta(seconds=done / rate)
            sleep(max(0.0, (due - now()).total_seconds()))
        with engine.begin() as connection:
            leads = _new_leads(connection, min(size, count - done), names.milliseconds(now()), random)
            _insert(connection, "leads", leads, now())
        yield from (lead.id for lead in leads)


def _new_leads(connection: Connection, size: int, moment: datetime, random: Random) -> list[Lead]:
    runs = connection.execute(_OPEN_RUNS, {"moment": moment}).all()
    if not runs:
        raise SettingError("Every course run of the demo has begun, so nobody can ask; make a new demo.")
    active = connection.execute(_ACTIVE_CAMPAIGNS).scalars().all()
    ids = connection.execute(_NEXT_IDS, {"size": size}).scalars()
    return [_lead(number, random.choice(runs), active, moment, random) for number in ids]


def invent_centre(now: datetime, random: Random) -> Centre:
    """A centre with 90 days of leads before `now`; the same for the same clock and random numbers."""
    runs = names.course_runs(now, random)
    advertised = [names.campaign(number, now, random) for number in range(1, len(names.CAMPAIGNS) + 1)]
    leads = _past_leads(runs, advertised, now, random)
    brought = Counter(lead.campaign_id for lead in leads)
    return Centre(
        campuses=names.campuses(random),
        courses=names.courses(),
        course_runs=runs,
        campaigns=[names.with_metrics(campaign, brought[campaign.id], now, random) for campaign in advertised],
        leads=leads,
    )


def _past_leads(
    runs: Sequence[names.CourseRun], advertised: Sequence[names.Campaign], now: datetime, random: Random
) -> list[Lead]:
    leads = []
    for number, moment in enumerate(_moments(now, random), 1):
        ahead = [run for run in runs if run.start_date > moment]
        run = random.choices(ahead, [1 / (run.campus_id + 3) for run in ahead])[0]
        running = [campaign.id for campaign in advertised if campaign.runs_at(moment)]
        lead = _lead(number, run, running, moment, random)
        leads.append(_followed_up(lead, now, random))
    return leads


def _moments(now: datetime, random: Random) -> list[datetime]:
    """When people asked: more on weekdays, most before lunch and in the evening."""
    first = now - timedelta(days=PAST_DAYS)
    days = [first.astimezone(MADRID).date() + timedelta(days=day) for day in range(PAST_DAYS + 2)]
    moments = [_moment(day, random) for day in days for _ in range(_asked(day, random))]
    return sorted(moment for moment in moments if first <= moment < names.milliseconds(now))


def _asked(day: date, random: Random) -> int:
    return round(random.gauss(47, 5) if day.weekday() < 5 else random.gauss(16, 3))


def _moment(day: date, random: Random) -> datetime:
    hour = random.choices(range(24), _HOURLY)[0]
    local = datetime.combine(day, time(hour), MADRID) + timedelta(milliseconds=random.randrange(3_600_000))
    return local.astimezone(UTC)


def _lead(
    number: int, run: names.CourseRun | Row[Any], campaigns: Sequence[int], moment: datetime, random: Random
) -> Lead:
    by_campaign = campaigns and random.random() < CAMPAIGN_SHARE
    return Lead(
        id=number,
        **vars(names.invent_person(random, number)),
        course_run_id=run.id,
        campus_id=run.campus_id,
        campaign_id=random.choice(campaigns) if by_campaign else None,
        consent_date=moment,
        consent_ip=f"{random.choice(_DOCUMENTATION_NETWORKS)}.{random.randint(1, 254)}",
        consent_text=names.CONSENT_TEXT,
        marketing_consent=random.random() < MARKETING_SHARE,
        created_at=moment,
        updated_at=moment,
    )


def _followed_up(lead: Lead, now: datetime, random: Random) -> Lead:
    """The lead as an advisor has left it: the older, the further."""
    age = now - lead.created_at
    likely = next(shares for days, shares in _FOLLOWED_UP if age.days < days)
    status = random.choices(("new", "contacted", "enrolled", "discarded"), likely)[0]
    if status == "new":
        return lead
    touched = lead.created_at + age * random.random()
    return replace(lead, status=status, updated_at=names.milliseconds(touched))


def _write_media(media_dir: Path) -> list[Media]:
    """The uploads, written to `media_dir` under their names; always the same."""
    uploads = {
        f"campus-{names.slug(city)}.png": names.png_picture(20 * shade) for shade, city in enumerate(names.CITIES[:8])
    }
    for course in names.COURSES[:3]:
        uploads[f"guia-{names.slug(course)}.txt"] = f"Guía del curso: {course}\n".encode()
    uploads["politica-de-privacidad.txt"] = names.CONSENT_TEXT.encode()
    media_dir.mkdir(parents=True, exist_ok=True)
    for filename, content in uploads.items():
        (media_dir / filename).write_bytes(content)
    return [
        Media(number, filename, _MIME_TYPES[filename[-4:]], len(content), f"/api/media/file/{filename}")
        for number, (filename, content) in enumerate(uploads.items(), 1)
    ]
