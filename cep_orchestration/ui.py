"""How what was done is told in Dagster's UI: failures as sentences, tables with the types of their columns, times."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import dagster as dg

from cep_orchestration.database.engine import discreet
from cep_orchestration.failures import CepError
from cep_orchestration.logs import job_log

MOST_ROWS = 200
Cell = str | int | float | bool | None


@contextmanager
def told(job: str, level: str) -> Iterator[dict[str, int]]:
    """Around a job's work, as job_log: a failure that is a sentence reaches the UI as just that."""
    try:
        with discreet(), job_log(job, level, place()) as counts:
            yield counts
    except CepError as error:
        failure = dg.Failure(description=str(error), allow_retries=False)
    else:
        return
    raise failure from None


def place() -> Mapping[str, str]:
    """The run and the step that this is; nothing outside of a step."""
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return {}
    return {"run": context.run_id, "step": context.op_handle.name}


def own_sentence(event: dg.DagsterEvent) -> str:
    """Of the failure of a step, the sentence that `told` gave it; "" where it is none of ours."""
    data = event.step_failure_data.user_failure_data
    return " ".join((data.description or "").split()) if data else ""


def table(rows: Sequence[Mapping[str, Cell]], columns: Mapping[str, str]) -> dg.MetadataValue:
    """The first rows, with the types of their columns; an event is no place for thousands."""
    schema = dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in columns.items()])
    return dg.MetadataValue.table([_record(row) for row in rows[:MOST_ROWS]], schema=schema)


def _record(row: Mapping[str, Cell]) -> dg.TableRecord:
    """An event takes plain strings only, no members of enums."""
    return dg.TableRecord({name: str(cell) if isinstance(cell, str) else cell for name, cell in row.items()})
