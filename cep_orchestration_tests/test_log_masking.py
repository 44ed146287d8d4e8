"""No log holds a secret or a person's address or number, whoever writes it; and what is none of them stays readable."""

import io
import logging
import time
from collections.abc import Iterator

import dagster as dg
import pytest

from cep_orchestration.log_masking import Masking, mask_all_records, secrets_in

ENVIRON = {
    "WHATSAPP_ACCESS_TOKEN": "EAAGm0PX4ZCpsBA",
    "CMS_DATABASE_URL": "postgresql://cms:p4ss%2Fw0rd!@db.cep.es:5432/cms",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/abcdef",
    "BACKUP_PUBLIC_KEY": "age1publicandknown",
    "META_ACCESS_TOKEN": "sandbox",
    "LOG_LEVEL": "INFORMATIVE",
}
PERSONAL = (
    *("ana.perez+cep@example.com", "ñandú@educación.es", "ana%40example.com"),
    *("+34 612 34 56 78", "+34612345678", "612345678", "612 345 678", "912-345-678", "34612345678"),
    *("0034 612 345 678", "+52 1 55 1234 5678", '"phone": "5512345678"', "phone=612345678", "(612345678)"),
    *("Tel. 612.345.678", "tfno 612345678", "telephone 6123456789"),
)
SECRET = (
    *("EAAGm0PX4ZCpsBA", "p4ss%2Fw0rd!", "https://hooks.slack.com/services/T0/B0/abcdef"),
    *("Authorization: Bearer abc.def-123", "bearer abcdef123", "Authorization: Basic dXNlcjpwdw=="),
    *("https://graph.facebook.com/me?access_token=EAAzzz&x=1", "'client_secret': 's3cr3t'", "password=hunter2"),
    *("smtp://robot:hunter2@mail.cep.es:587", "AGE-SECRET-KEY-1QQQ", "hooks.slack.com/services/T1/B1/xyz"),
)
LEAKS = ("EAA", "p4ss", "abc", "dXNl", "s3cr3t", "hunter2", "QQQ", "xyz")
HARMLESS = (
    "run 612345678-0e5f-4f8e-9a63-612345678901 took 612345678 bytes",
    "run 1f6f3a40-7123-4567-8901-912345678abc",
    "2026-11-24T20:31:25.612345678+01:00 and 2026-11-24 20:31:25+00:00",
    "size_bytes=612345678 rows=734003200 tokens=12 seconds=612.34",
    "spend 612.345.678,90 € of 612345678 EUR, 6123456.78",
    "act_120210000612345678 campaign 120210000612345 and 238451234567890123",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "crc 7612345678900000 lead 1201 batch 612345678/1f6f3a40",
    "postgresql://127.0.0.1:5442/cep and http://127.0.0.1:3000/runs/1f6f3a40",
    "age1publicandknown sandbox INFORMATIVE",
    "deliveries/confirmation_email/dead (high): 3 of 612",
    "storage_id 734003200, cursor 734003200, count: 734003200, total 123456789",
)


@pytest.fixture(scope="module")
def masking() -> Masking:
    return Masking(secrets_in(ENVIRON))


@pytest.mark.parametrize("text", PERSONAL)
def test_people_are_masked(masking: Masking, text: str) -> None:
    masked = masking.mask(f"lead said {text}, twice")
    assert "***" in masked
    assert not any(
        part in masked for part in ("ana", "ñandú", "345678", "345 678", "345-678", "34 56", "5678", "345.678")
    )
    assert masked.endswith(", twice")


@pytest.mark.parametrize("text", SECRET)
def test_secrets_are_masked(masking: Masking, text: str) -> None:
    masked = masking.mask(f"refused: {text}")
    assert "***" in masked
    assert not any(leak in masked for leak in LEAKS)


@pytest.mark.parametrize("text", HARMLESS)
def test_ids_counts_times_amounts_and_hashes_stay_as_they_are(masking: Masking, text: str) -> None:
    assert masking.mask(text) == text


@pytest.fixture
def everywhere(masking: Masking) -> Iterator[None]:
    before = logging.getLogRecordFactory()
    mask_all_records(masking)
    yield
    logging.setLogRecordFactory(before)


def write_all(logger: logging.Logger) -> None:
    """A message, arguments that fit and some that do not, and a failure that quotes a person."""
    logger.setLevel(logging.INFO)
    logger.warning("asked by ana@example.com")
    logger.warning("told %s with %r and %d rows", "612 34 56 78", {"token": "EAAGm0PX4ZCpsBA"}, 12)
    logger.warning("%s", ValueError("Key (email)=(ana@example.com) exists"))
    logger.warning("%d too many", "ana@example.com", "612345678")
    try:
        raise ValueError("ana@example.com") from KeyError("612345678")
    except ValueError:
        logger.exception("failed")


def nothing_leaked(text: str) -> bool:
    return not any(each in text for each in ("ana@", "612345678", "612 34", "EAAG"))


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("name", ["cep_orchestration", "cep_orchestration.leads.a_child", "somebody.elses", "root"])
def test_whatever_handler_a_logger_has_it_gets_masked_records_only(name: str) -> None:
    logger, out = logging.getLogger(name), io.StringIO()
    handler = logging.StreamHandler(out)
    level = logger.level
    logger.addHandler(handler)
    try:
        write_all(logger)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert nothing_leaked(out.getvalue())
    for kept in ("asked by ***", "and 12 rows", "ValueError: ***", "KeyError"):
        assert kept in out.getvalue(), kept


@pytest.mark.usefixtures("everywhere")
def test_what_dagster_takes_from_our_loggers_into_its_storage_is_masked(capfd: pytest.CaptureFixture[str]) -> None:
    @dg.op
    def writes(context: dg.OpExecutionContext) -> None:
        write_all(logging.getLogger("cep_orchestration.leads.a_child"))
        context.log.info("told ana@example.com")

    @dg.job
    def one() -> None:
        writes()

    python_logs = {"python_logs": {"managed_python_loggers": ["cep_orchestration"]}}
    with dg.instance_for_test(overrides=python_logs) as instance:
        run = one.execute_in_process(instance=instance).run_id
        stored = [entry.user_message for entry in instance.all_logs(run) if not entry.is_dagster_event]
    assert len(stored) == 6
    assert nothing_leaked("\n".join(stored))
    assert nothing_leaked(capfd.readouterr().err)


def test_no_line_is_long_enough_to_hang_it(masking: Masking) -> None:
    for endless in ("a" * 100_000, "6" * 100_000, "6 " * 50_000, "http://" + "a" * 100_000, "+" + "1 " * 50_000):
        began = time.process_time()
        masking.mask(endless)
        assert time.process_time() - began < 0.5, endless[:10]
