"""The alerts of failed runs, failing checks and stale assets: fingerprints and Spanish words. No Dagster."""

from collections.abc import Iterable
from dataclasses import dataclass

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.alerts.areas import AREAS, area_of_asset
from cep_orchestration.alerts.model import OpenAlert

FAILED, CHECK, STALE = "failed:", "check:", "stale:"
OWN_WORDS = {"campaigns": ("campaigns/access",)}
"""By area, what a run says itself before it fails for that reason: the failure is no second message."""
CHECKS_TOLD_ALREADY = {"campaigns/totals"}
"""Assets whose checks their own domain tells about, to those whom they concern."""
SENTENCE_LENGTH = 400


@dataclass(frozen=True)
class Failed:
    """Something that failed in a run: an asset by its key as the UI shows it, or a job. `sentence`: why."""

    area: str
    target: str
    is_asset: bool
    sentence: str
    run_id: str

    @property
    def fingerprint(self) -> str:
        return f"{FAILED}{self.area}:{self.target}"


@dataclass(frozen=True)
class Checked:
    """What an asset check found. `promise`: what must hold; `advice`: what to do, if the check says so."""

    asset: str
    name: str
    passed: bool
    is_error: bool
    is_blocking: bool
    run_id: str
    promise: str = ""
    advice: str = ""

    @property
    def fingerprint(self) -> str:
        return f"{CHECK}{self.asset}:{self.name}"

    @property
    def failed_its_run(self) -> bool:
        return self.is_blocking and self.is_error and not self.passed


def failed_alert(failed: Failed) -> Alert:
    area = AREAS[failed.area]
    name = area.name if failed.is_asset and failed.area == "backups" else f"{area.name} ({failed.target})"
    return Alert(
        failed.fingerprint,
        area.severity,
        f"Fallo en {name}: {failed.sentence[:SENTENCE_LENGTH]}",
        "Abra la ejecución y lea el motivo; cuando esté corregido, láncela otra vez («Re-execute»). Se avisará cuando "
        "vuelva a terminar bien.",
        means=f"Falló {failed.target}. {area.means}",
        run_id=failed.run_id,
    )


def works_again(fingerprint: str) -> str:
    """The title of the end of a failure."""
    area, _, target = fingerprint.removeprefix(FAILED).partition(":")
    return f"Vuelve a funcionar: {AREAS[area].name if area in AREAS else area} ({target})"


def ended_by(succeeded: Iterable[str], is_open: Iterable[str]) -> list[str]:
    """The fingerprints of open failures that the success of these assets or jobs ends."""
    targets = set(succeeded)
    return [one for one in is_open if one.removeprefix(FAILED).partition(":")[2] in targets]


def is_told_already(failed: Failed, known: Iterable[OpenAlert]) -> bool:
    """Whether the run itself said why, before it failed."""
    own = OWN_WORDS.get(failed.area, ())
    return any(one.run_id == failed.run_id and one.fingerprint in own for one in known)


def check_alert(checked: Checked) -> Alert:
    area = AREAS[area_of_asset(checked.asset)]
    return Alert(
        checked.fingerprint,
        area.severity if checked.is_error else Severity.LOW,
        f"No se cumple «{checked.name}» en {checked.asset}",
        checked.advice or "Abra la comprobación en la página del asset: su última evaluación dice qué encontró.",
        means=f"Debería cumplirse siempre: {checked.promise or checked.name}",
        run_id=checked.run_id,
    )


def holds_again(checked: Checked) -> str:
    return f"Vuelve a cumplirse «{checked.name}» en {checked.asset}"


def stale_alert(asset: str) -> Alert:
    area = AREAS[area_of_asset(asset)]
    return Alert(
        f"{STALE}{asset}",
        area.severity,
        f"{asset} lleva demasiado tiempo sin actualizarse",
        "Vea en la página del asset cuándo se actualizó por última vez y por qué no después: si su programación "
        "(schedule) está en marcha y cómo terminó su última ejecución. Láncela otra vez cuando esté corregido.",
        means=f"Lo que se ve en {asset} es antiguo. {area.means}",
    )


def fresh_again(asset: str) -> str:
    return f"{asset} vuelve a estar al día"
