"""Numbers, times and names as they stand in Spanish sentences."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal
from zoneinfo import ZoneInfo

MADRID = ZoneInfo("Europe/Madrid")
WITHOUT_DECIMALS = frozenset(("CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND"))
"""As the ad service counts them: https://developers.facebook.com/docs/marketing-api/currencies"""
SYMBOLS: Mapping[str, str] = {"EUR": "€"}
MONTHS = (
    *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
    *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
)
NAME_LIMIT = 80


def money(amount: Decimal, currency: str) -> str:
    """«1.234,50 €», «1.234 JPY»."""
    return f"{number(amount, 0 if currency in WITHOUT_DECIMALS else 2)} {SYMBOLS.get(currency, currency)}"


def number(amount: Decimal | int, decimals: int = 0, rounding: str = ROUND_HALF_UP) -> str:
    """«1.234,50»."""
    rounded = Decimal(amount).quantize(Decimal(1).scaleb(-decimals), rounding)
    return f"{rounded:,f}".translate({ord(","): ".", ord("."): ","})


def percent_below(part: Decimal | int, whole: Decimal | int, decimals: int) -> str:
    """Rounded down, so that what is under a limit is never shown as the limit."""
    return f"{number(Decimal(100) * part / whole, decimals, ROUND_DOWN)}%"


def percent_above(part: Decimal, whole: Decimal, decimals: int) -> str:
    """Rounded up, so that what is over a limit is never shown as the limit."""
    return f"{number(100 * part / whole, decimals, ROUND_UP)}%"


def limit(percent: Decimal) -> str:
    """A threshold as it was set: «0,5%»."""
    return f"{percent.normalize():f}%".replace(".", ",")


def day(when: date) -> str:
    """«3 de mayo»."""
    return f"{when.day} de {MONTHS[when.month - 1]}"


def moment(at: datetime | None) -> str:
    """As people in Madrid read it: «2026-11-24 09:30:00»; empty where there is none."""
    return at.astimezone(MADRID).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def counted(count: int, one: str, many: str) -> str:
    """«1 día», «1.234 leads»."""
    return f"{number(count)} {one if count == 1 else many}"


def printable(name: str, letters: int = NAME_LIMIT, nameless: str = "(sin nombre)") -> str:
    """A name that people gave, fit for one line; they may have given any."""
    words = "".join(letter if letter.isprintable() else " " for letter in name).split()
    return " ".join(words)[:letters] or nameless
