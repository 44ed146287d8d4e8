"""What a failure is about, and how bad that is: the areas of the work, by an asset's group or the tags of a job."""

from collections.abc import Mapping
from dataclasses import dataclass

from cep_orchestration.alert_ports import Severity

AREA_TAG, PRIORITY_TAG = "cep/area", "dagster/priority"
"""The area of an op job is that of its priority, unless it names another."""


@dataclass(frozen=True)
class Area:
    """`name`: in Spanish, after «Fallo en»; `means`: what follows from a failure there."""

    name: str
    severity: Severity
    means: str


OTHER = "operations"
AREAS: Mapping[str, Area] = {
    "backups": Area(
        "backup diario",
        Severity.CRITICAL,
        "No hay copia nueva: si el servidor fallase ahora, se perdería todo desde la última copia probada.",
    ),
    "rotation": Area(
        "backup diario",
        Severity.CRITICAL,
        "La copia de esta noche está hecha; lo que sigue a ella, no: sin rotación el bucket se llena.",
    ),
    "recovery": Area(
        "copias de seguridad",
        Severity.HIGH,
        "Las copias siguen ahí. Lo que se pidió además no se hizo: un ensayo de restauración, o apuntar qué se borró.",
    ),
    "leads": Area(
        "leads",
        Severity.HIGH,
        "Puede haber personas que esperan una respuesta. No se pierde ningún lead: lo pendiente sale cuando una "
        "ejecución vuelva a terminar bien.",
    ),
    "campaigns": Area(
        "campañas",
        Severity.MEDIUM,
        "Las cifras de las campañas no están al día, y lo que vaya mal en ellas puede no avisarse.",
    ),
    "stats": Area(
        "estadísticas",
        Severity.MEDIUM,
        "Faltan números o reportes. No se pierde nada: se pueden volver a contar.",
    ),
    OTHER: Area("operación", Severity.MEDIUM, "Lo que se pidió no se hizo."),
}
PARTS = {"backups/retention": "rotation", "backups/catalog": "rotation", "backups/recovery": "recovery"}
"""Assets whose failure is another than that of their group."""
BY_PRIORITY = {"3": "backups", "2": "leads", "1": "campaigns", "0": "stats"}


def area_of_asset(asset: str) -> str:
    """`asset`: its key as the UI shows it; the first part is its group."""
    group = PARTS.get(asset) or asset.partition("/")[0]
    return group if group in AREAS else OTHER


def area_of_job(tags: Mapping[str, str]) -> str:
    named = tags.get(AREA_TAG) or BY_PRIORITY.get(tags.get(PRIORITY_TAG, ""), OTHER)
    return named if named in AREAS else OTHER
