"""How single values are read from an environment: every fault of one becomes a sentence. What is read is in
environment.py."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cep_orchestration.settings import ObjectStorage

HIGHEST_PORTS = {"S3_PORT": 65_532}  # it takes the three after it too


class Reader:
    """Reads single values and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str], defaults: Mapping[str, str]) -> None:
        self._environ = environ
        self._defaults = defaults
        self.faults: list[str] = []
        self.asked: set[str] = set()

    def text(self, name: str) -> str:
        """An empty value is as good as none."""
        self.asked.add(name)
        return self._environ.get(name, "").strip() or self._defaults.get(name, "")

    def is_set(self, name: str) -> bool:
        return bool(self._environ.get(name, "").strip())

    def port(self, name: str) -> int:
        value = self.text(name)
        most = HIGHEST_PORTS.get(name, 65_535)
        if value.isdecimal() and 1024 <= int(value) <= most:
            return int(value)
        self.faults.append(f"{name} is {value!r}, but it must be a number from 1024 to {most}.")
        return int(self._defaults[name])

    def number(self, name: str, *, least: float, whole: bool = False) -> float:
        value = self.text(name)
        pattern = r"\d{1,9}" if whole else r"\d{1,9}(\.\d{1,6})?"
        if re.fullmatch(pattern, value, re.ASCII) and float(value) >= least:
            return float(value)
        kind = "a whole number" if whole else "a number"
        self.faults.append(f"{name} is {value!r}, but it must be {kind} from {least:g} on.")
        return float(self._defaults[name])

    def choice(self, name: str, allowed: tuple[str, ...], fold: Callable[[str], str]) -> str:
        value = self.text(name)
        folded = fold(value)
        if folded not in allowed:
            self.faults.append(f"{name} is {value!r}; it can be {', '.join(allowed)}.")
        return folded

    def time_zone(self, name: str) -> ZoneInfo:
        value = self.text(name)
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            self.faults.append(f"{name} is {value!r}, which is no time zone; write one like Europe/Madrid.")
            return ZoneInfo(self._defaults[name])

    def path(self, name: str) -> Path | None:
        value = self.text(name)
        return Path(value).expanduser().absolute() if value else None

    def existing_file(self, name: str) -> Path | None:
        path = self.path(name)
        if path and not path.is_file():
            self.faults.append(f"{name} names {path}, which is no file.")
        return path

    def address(self, name: str, schemes: tuple[str, ...]) -> str:
        value = self.text(name)
        if value and not is_address(value, schemes):
            wanted = " or ".join(f"{scheme}://host" for scheme in schemes)
            self.faults.append(f"{name} is not an address; write {wanted}, optionally with a port.")
        return value

    def emails(self, name: str) -> tuple[str, ...]:
        found = self.words(name)
        if not all(map(is_email, found)):
            self.faults.append(f"{name} must be e-mail addresses with commas between them.")
        return found

    def email(self, name: str) -> str:
        value = self.text(name)
        if value and not is_email(value):
            self.faults.append(f"{name} must be one e-mail address, without a name beside it.")
        return value

    def age_key(self, name: str) -> str:
        value = self.text(name)
        if value and not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", value):
            self.faults.append(f"{name} is not a public key of age; it begins with age1 and has 62 letters and digits.")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def hosts(self, name: str) -> tuple[str, ...]:
        found = self.words(name)
        if any(not re.fullmatch(r"[\w.-]+(:\d+)?", host) for host in found):
            self.faults.append(f"{name} must be host names with commas between them, without http:// and paths.")
        return found

    def object_storage(self) -> ObjectStorage | None:
        endpoint = self.address("S3_ENDPOINT_URL", ("http", "https"))
        region = self.text("S3_REGION")
        key, secret = self.text("S3_ACCESS_KEY_ID"), self.text("S3_SECRET_ACCESS_KEY")
        if not (endpoint or key or secret):
            return None
        for name, value in (("S3_ACCESS_KEY_ID", key), ("S3_SECRET_ACCESS_KEY", secret)):
            if not value:
                self.faults.append(f"{name} is missing; S3 needs a key and its secret (S3_ENDPOINT_URL only off AWS).")
        return ObjectStorage(endpoint, region, key, secret)


def is_email(value: str) -> bool:
    """Whether it is an address and nothing else, as it may stand in a letter's head."""
    return re.fullmatch(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+", value) is not None


def is_address(value: str, schemes: tuple[str, ...]) -> bool:
    """Whether a URL has one of the schemes, a host, a port that is a number if any, and no white space."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and not re.search(r"\s", value)
