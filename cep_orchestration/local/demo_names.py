"""What the demo's invented centre has before anybody asks: names, people, campuses, courses, campaigns.

Pure values; a table's dataclass has the table's columns as fields. Leads and the database belong in demo.py.
"""

import struct
import unicodedata
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from cep_orchestration.local.sandbox.meta_figures import character

# fmt: off
# The larger the city, the earlier it stands: the demo gives the first ones more leads.
CITIES = (
    "Madrid", "Barcelona", "Valencia", "Sevilla", "Zaragoza", "Málaga", "Murcia", "Palma", "Bilbao",
    "Alicante", "Córdoba", "Valladolid", "Vigo", "Gijón", "Granada", "Vitoria-Gasteiz", "Oviedo", "Cartagena",
    "Salamanca", "Cádiz",
)

COURSES = (
    "Auxiliar de Enfermería", "Auxiliar de Farmacia y Parafarmacia", "Auxiliar de Clínica Veterinaria",
    "Técnico en Emergencias Sanitarias", "Higiene Bucodental",
    "Atención Sociosanitaria a Personas Dependientes", "Celador Sanitario", "Auxiliar de Odontología",
    "Dietética y Nutrición", "Quiromasaje y Osteopatía", "Educación Infantil", "Monitor de Comedor Escolar",
    "Integración Social", "Administración y Finanzas", "Gestión de Nóminas y Seguridad Social",
    "Contabilidad y Fiscalidad", "Marketing Digital y Redes Sociales", "Diseño Gráfico y Maquetación",
    "Desarrollo de Aplicaciones Web", "Administración de Sistemas Informáticos en Red", "Ciberseguridad",
    "Electricidad y Electrónica", "Instalación de Placas Fotovoltaicas", "Mecánica del Automóvil",
    "Soldadura y Calderería", "Cocina y Gastronomía", "Pastelería y Repostería", "Peluquería y Estética",
    "Logística, Almacén y Carretillas", "Inglés B2: Preparación de Exámenes",
)

CAMPAIGNS = (
    "Sanidad Madrid", "Enfermería en toda España", "Emergencias Sanitarias Sur", "Veterinaria Cataluña",
    "Informática y Redes", "Educación Infantil Levante", "Vuelta al cole", "Empleo verde: Fotovoltaica",
    "Cocina Norte", "Estética y Peluquería", "Administración Otoño", "Ciberseguridad para reciclarse",
    "Puertas abiertas Sevilla", "Puertas abiertas Zaragoza", "Farmacia con prácticas",
    "Sociosanitario Galicia y Asturias", "Logística Zaragoza", "Marketing Digital", "Mecánica Andalucía",
    "Inglés intensivo", "Becas jóvenes", "Remarketing visitantes web", "Nuevos campus",
    "Soldadura País Vasco", "Repostería fin de semana",
)

_GIVEN_NAMES = (
    "María", "José", "Carmen", "Antonio", "Lucía", "Manuel", "Ana", "Francisco", "Laura", "Javier", "Marta",
    "Daniel", "Elena", "Carlos", "Sofía", "Miguel", "Paula", "Rafael", "Cristina", "Alejandro", "Sara",
    "Pablo", "Rocío", "Sergio", "Irene", "Álvaro", "Nuria", "Adrián", "Beatriz", "Rubén", "Inés", "Iván",
    "Silvia", "Óscar", "Begoña", "Iñaki", "Núria", "Jordi", "Aitana", "Hugo", "Noelia", "Ángel", "Mónica",
    "Víctor", "Ainhoa", "Xavier", "Fátima",
)

_SURNAMES = (
    "García", "González", "Rodríguez", "Fernández", "López", "Martínez", "Sánchez", "Pérez", "Gómez",
    "Martín", "Jiménez", "Ruiz", "Hernández", "Díaz", "Moreno", "Muñoz", "Álvarez", "Romero", "Alonso",
    "Gutiérrez", "Navarro", "Torres", "Domínguez", "Vázquez", "Ramos", "Gil", "Ramírez", "Serrano", "Blanco",
    "Molina", "Suárez", "Ortega", "Delgado", "Castro", "Ortiz", "Rubio", "Marín", "Sanz", "Núñez", "Iglesias",
    "Medina", "Garrido", "Cortés", "Castillo", "Santos", "Lozano", "Peña", "Puig",
)
# fmt: on

CONSENT_TEXT = "He leído y acepto la política de privacidad y que el CEP trate mis datos para atender mi solicitud."

_MAIL_DOMAINS = ("correo.example", "buzon.example", "mensajes.example")
_MOBILES = range(600_000_000, 700_000_000)  # all of them are valid Spanish mobile numbers in form

# When a campaign of each status starts, ends and was last touched: ranges of days from now.
_CAMPAIGN_DAYS = {
    "active": ((-85, -5), (20, 120), (-3, 0)),
    "paused": ((-140, -60), (20, 60), (-40, -4)),
    "completed": ((-150, -80), (-45, -6), (-5, 0)),
    "draft": ((7, 30), (60, 120), (-5, 0)),
}
_CAMPAIGN_STATUSES = ("active",) * 16 + ("paused",) * 3 + ("completed",) * 3 + ("draft",) * 3
_LONG_RUNNING_CAMPAIGNS = 5  # these run on every day that the demo has leads for
DAYS_COUNTED = 90


@dataclass(frozen=True)
class Campus:
    id: int
    name: str
    city: str
    advisor_phone: str
    email: str


@dataclass(frozen=True)
class Course:
    id: int
    name: str
    slug: str


@dataclass(frozen=True)
class CourseRun:
    id: int
    course_id: int
    campus_id: int
    start_date: datetime
    end_date: datetime
    status: str


@dataclass(frozen=True)
class Campaign:
    id: int
    name: str
    status: str
    meta_campaign_id: str
    start_date: datetime
    end_date: datetime
    created_at: datetime
    updated_at: datetime
    budget: Decimal = Decimal(500)
    impressions: int = 0
    clicks: int = 0
    spent: Decimal = Decimal(0)
    cpl: Decimal | None = None

    def runs_at(self, moment: datetime) -> bool:
        """Whether it brought people at that moment; a paused one did so until it was touched last."""
        until = self.updated_at if self.status == "paused" else self.end_date
        return self.status != "draft" and self.start_date <= moment < until


@dataclass(frozen=True)
class Person:
    """Somebody who filled in the form; the mobile number is written the way people write theirs."""

    name: str
    email: str
    phone: str


def invent_person(random: Random, number: int) -> Person:
    """An invented person; `number` is in the e-mail address and makes it the only one of its kind."""
    given, surname, second_surname = (random.choice(words) for words in (_GIVEN_NAMES, _SURNAMES, _SURNAMES))
    return Person(
        name=f"{given} {surname} {second_surname}",
        email=f"{slug(given)}.{slug(surname)}.{number}@{random.choice(_MAIL_DOMAINS)}",
        phone=_as_typed(random, str(random.choice(_MOBILES))),
    )


def international(mobile: str) -> str:
    """The nine digits as `+34 6xx xxx xxx`."""
    return f"+34 {mobile[:3]} {mobile[3:6]} {mobile[6:]}"


def _as_typed(random: Random, mobile: str) -> str:
    spaced = f"{mobile[:3]} {mobile[3:5]} {mobile[5:7]} {mobile[7:]}"
    return random.choice((mobile, mobile, spaced, f"+34{mobile}", international(mobile)))


def slug(words: str) -> str:
    """Lower-case ASCII with hyphens, as web addresses and file names have it."""
    ascii_words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return "-".join("".join(sign if sign.isalnum() else " " for sign in ascii_words).split())


def campuses(random: Random) -> list[Campus]:
    """One campus a city, each with an advisor whose number nobody else has."""
    mobiles = random.sample(_MOBILES, len(CITIES))
    return [
        Campus(number, f"CEP {city}", city, international(str(mobile)), f"{slug(city)}@cep.example")
        for number, (city, mobile) in enumerate(zip(CITIES, mobiles, strict=True), 1)
    ]


def courses() -> list[Course]:
    return [Course(number, name, slug(name)) for number, name in enumerate(COURSES, 1)]


def course_runs(now: datetime, random: Random) -> list[CourseRun]:
    """Two to four a course; the first one is still open, and these cover every campus."""
    runs: list[CourseRun] = []
    for course_id in range(1, len(COURSES) + 1):
        for turn in range(random.randint(2, 4)):
            start = noon(now + timedelta(days=random.uniform(*((7, 180) if turn == 0 else (-150, 180)))))
            end = start + timedelta(days=random.randint(45, 270))
            campus_id = (course_id + 7 * turn) % len(CITIES) + 1
            status = "open" if turn == 0 else _run_status(start, end, now, random)
            runs.append(CourseRun(len(runs) + 1, course_id, campus_id, start, end, status))
    return runs


def _run_status(start: datetime, end: datetime, now: datetime, random: Random) -> str:
    if start <= now:
        return "finished" if end <= now else "in_progress"
    return random.choices(("open", "full", "cancelled"), (88, 9, 3))[0]


def campaign(number: int, now: datetime, random: Random) -> Campaign:
    """A campaign that has brought nobody yet; `with_metrics` says what it cost once that is known."""
    status = _CAMPAIGN_STATUSES[number - 1]
    start, end, touched = (now + timedelta(days=random.uniform(*days)) for days in _CAMPAIGN_DAYS[status])
    if number <= _LONG_RUNNING_CAMPAIGNS:
        start -= timedelta(days=90)
    return Campaign(
        id=number,
        name=f"{CAMPAIGNS[number - 1]} {start.year}",
        status=status,
        meta_campaign_id=f"1202{random.randrange(10**14):014}",
        start_date=noon(start),
        end_date=noon(end),
        created_at=milliseconds(min(start, now) - timedelta(days=9)),
        updated_at=milliseconds(touched),
    )


def with_metrics(campaign: Campaign, leads: int, now: datetime, random: Random) -> Campaign:
    """The campaign with figures that fit each other and the number of leads it brought, and a budget that lasts."""
    if not leads:
        return campaign
    cpl = character(campaign.meta_campaign_id).cost_per_lead
    ahead, past = ((later - earlier).days for later, earlier in ((campaign.end_date, now), (now, campaign.start_date)))
    whole_life = leads * (1 + max(0, ahead) / min(past, DAYS_COUNTED))
    clicks = round(leads * random.uniform(9, 22))
    return replace(
        campaign,
        budget=Decimal(round(whole_life * cpl * random.uniform(1.1, 1.9), -2) + 100),
        impressions=round(clicks * random.uniform(55, 120)),
        clicks=clicks,
        spent=Decimal(f"{leads * cpl:.2f}"),
        cpl=Decimal(f"{cpl:.2f}"),
    )


def noon(moment: datetime) -> datetime:
    """Noon UTC of that day: how Payload stores a date without a time."""
    return moment.astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def milliseconds(moment: datetime) -> datetime:
    """The moment cut, never rounded up, to the precision of the CMS's columns."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def png_picture(shade: int) -> bytes:
    """A picture of one colour, 96 by 64 pixels."""
    pixels = zlib.compress((b"\0" + bytes((shade, 90, 160)) * 96) * 64)
    size = struct.pack(">IIBBBBB", 96, 64, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
