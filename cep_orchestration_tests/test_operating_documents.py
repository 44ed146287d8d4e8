"""The configs that operators paste, as docs/operacion.md and docs/operating.md write them, are what their jobs take."""

import re
from collections.abc import Iterator

import dagster as dg
import pytest
import yaml

from cep_orchestration.definitions import defs
from cep_orchestration.settings import PROJECT

MANUAL, ENGLISH = (PROJECT / "docs" / name for name in ("operacion.md", "operating.md"))
TASKS = (
    *("Un lead no recibió su correo", "Un canal está en pausa", "Falló la copia de seguridad", "Restaurar"),
    *("Volver a enviar", "Una campaña parece ir mal", "Silenciar un aviso"),
)
JOBS = {job.name: job for job in defs.get_repository_def().get_all_jobs()}


def examples() -> Iterator[tuple[str, str]]:
    """Each config with the job that was named last before it, in the text or in a heading."""
    for document in (MANUAL, ENGLISH):
        job = ""
        for text, config in re.findall(r"(.*?)```yaml\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
            named = [name for name in re.findall(r"(?:`|^## |, )(\w+)(?:`|$|,)", text, re.MULTILINE) if name in JOBS]
            job = named[-1] if named else job
            yield job, config


@pytest.mark.parametrize(("job", "config"), list(examples()))
def test_an_example_is_a_config_that_its_job_takes(job: str, config: str) -> None:
    assert dg.validate_run_config(JOBS[job], yaml.safe_load(config))


def test_the_manual_has_a_page_a_task_with_where_to_look_what_to_do_and_how_one_knows() -> None:
    pages = dict(
        re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", MANUAL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
    assert tuple(pages) == TASKS
    for task, page in pages.items():
        assert "**Ha funcionado**" in page, task
        assert "Mire" in page or task == "Un canal está en pausa", task


def test_whatever_the_manual_names_as_a_job_an_asset_or_a_sensor_is_there() -> None:
    named = set(re.findall(r"`([a-z]+(?:[_/][a-z_]+)+)`", MANUAL.read_text(encoding="utf-8")))
    repository = defs.get_repository_def()
    graph = defs.resolve_asset_graph()
    known = {*JOBS, *(sensor.name for sensor in repository.sensor_defs)}
    known |= {key.to_user_string() for key in graph.get_all_asset_keys()}
    known |= {key.name for key in graph.asset_check_keys}

    others = {"dry_run", "delivery_reason", "campaign_id", "lead_ids", "accept_shrinkage"}
    others |= {"confirmation_email", "advisor_message", "crm_contact", "mailing_list"}
    assert named - known - others == set()
