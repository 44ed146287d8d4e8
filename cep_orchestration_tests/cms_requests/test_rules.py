"""Which requests are understood, with which words the others are refused, and which share a run."""

from datetime import date

import dagster as dg
import pytest

from cep_orchestration.cms_requests.model import Campaign, Job, Plan, Request, Unread
from cep_orchestration.cms_requests.rules import FIRST_DAY, campaign_fault, judge, order, plan
from cep_orchestration.stats import ui_defs

TODAY = date(2026, 11, 24)
PERSON = {"email": "ana@example.com", "name": "Ana", "consent": {"ip": "10.0.0.1"}}


@pytest.mark.parametrize(
    ("job", "fields", "payload"),
    [
        ("lead.created", {"leadId": 7, **PERSON}, {"leadId": "7"}),
        ("lead.created", {"leadId": "0b9f-a1"}, {"leadId": "0b9f-a1"}),
        ("campaign.sync", {}, {}),
        ("campaign.sync", {"campaignId": None}, {}),
        ("campaign.sync", {"campaignId": 3}, {"campaignId": "3"}),
        ("stats.rollup", {"date": "2026-11-23"}, {"date": "2026-11-23"}),
        ("stats.rollup", {"date": "2020-01-01"}, {"date": "2020-01-01"}),
        ("backup.daily", {"type": "incremental"}, {"type": "incremental"}),
    ],
)
def test_a_right_request_is_understood_and_keeps_only_what_is_needed(
    job: str, fields: dict[str, object], payload: dict[str, str]
) -> None:
    found = judge(Unread(1, job, fields), TODAY)
    assert (found.refusal, found.payload) == ("", payload)


@pytest.mark.parametrize(
    ("job", "fields", "sentence"),
    [
        ("lead.deleted", {"leadId": 7}, "No existe ese trabajo: pida uno de estos: lead.created, campaign.sync"),
        ("", None, "No existe ese trabajo"),
        ("lead.created", None, "payload debe ser un objeto: lead.created lleva leadId."),
        ("lead.created", {}, "Falta leadId en payload: debe ser el id del lead"),
        ("lead.created", {**PERSON}, "Falta leadId"),
        ("lead.created", {"leadId": "ana@example.com"}, "leadId no es válido"),
        ("lead.created", {"leadId": True}, "leadId no es válido"),
        ("lead.created", {"leadId": 7.5}, "leadId no es válido"),
        ("lead.created", {"leadId": []}, "leadId no es válido"),
        ("lead.created", {"leadId": None}, "leadId no es válido"),
        ("campaign.sync", {"campaignId": ""}, "campaignId no es válido"),
        ("campaign.sync", {"campaign": 3}, "Sobra un campo en payload: campaign.sync solo lleva campaignId (o nada)."),
        ("stats.rollup", {}, "Falta date en payload: debe ser un día como «2026-11-01»."),
        ("stats.rollup", {"date": 20261101}, "date no es válido"),
        ("stats.rollup", {"date": "20261101"}, "date no es válido"),
        ("stats.rollup", {"date": "2026-02-30"}, "date no es válido"),
        ("stats.rollup", {"date": "2026-11-24"}, "El día 2026-11-24 aún no ha terminado"),
        ("stats.rollup", {"date": "2027-01-01"}, "El día 2027-01-01 aún no ha terminado"),
        ("stats.rollup", {"date": "2019-12-31"}, "No hay estadísticas de antes del 2020-01-01"),
        ("backup.daily", {}, "Falta type en payload: debe ser «full» o «incremental»."),
        ("backup.daily", {"type": "weekly"}, "type no es válido"),
        ("backup.daily", {"type": "full", **PERSON}, "Sobra un campo"),
    ],
)
def test_a_wrong_request_is_refused_with_a_sentence_that_repeats_nothing_of_it(
    job: str, fields: dict[str, object] | None, sentence: str
) -> None:
    found = judge(Unread(1, job, fields), TODAY)
    assert found.refusal.startswith(sentence)
    assert found.refusal.endswith((".", ")."))
    assert "ana" not in found.refusal.lower().replace("semana", "")
    assert not set(found.payload) - {"date"}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [("7", ""), ("120", ""), ("8", "La campaña 8 no está vinculada a Meta Ads"), ("9", "No existe la campaña 9")],
)
def test_a_campaign_is_known_by_either_id_and_must_be_linked(asked: str, sentence: str) -> None:
    found = [Campaign("7", "120"), Campaign("8", None), Campaign("6", "8")]
    assert campaign_fault(asked, found).startswith(sentence)
    assert bool(campaign_fault(asked, found)) == bool(sentence)


def request(number: int, job: Job = Job.STATS, **payload: str) -> Request:
    return Request(number, str(number), job, payload)


def test_equal_requests_share_a_run_and_so_do_all_new_leads() -> None:
    one, same, other = (request(n, date=day) for n, day in ((1, "2026-11-01"), (2, "2026-11-01"), (3, "2026-11-02")))
    leads = [request(n, Job.LEAD, leadId=str(n)) for n in (4, 5)]
    assert plan([one, same, other, *leads], [], 10) == Plan({2: 1, 5: 4}, (1, 3, 4))
    assert plan([same, *leads], [one], 10) == Plan({2: 1, 5: 4}, (4,))
    assert plan([one, other], [], 1) == Plan({}, (1,)), "the others come later"
    assert plan([one], [], -3) == Plan({}, ())


def test_every_request_becomes_a_run_that_dagster_takes(repository: dg.RepositoryDefinition) -> None:
    asked = [
        request(1, Job.LEAD, leadId="7"),
        request(2, Job.CAMPAIGN),
        request(3, Job.CAMPAIGN, campaignId="7"),
        request(4, Job.STATS, date="2026-11-01"),
        *(request(5, Job.BACKUP, type=kind) for kind in ("full", "incremental")),
    ]
    for one in asked:
        ordered = order(one)
        dg.validate_run_config(repository.get_job(ordered.job), ordered.config)
    assert [order(one).partition for one in asked if order(one).partition] == ["2026-11-01"]
    assert FIRST_DAY.isoformat() == ui_defs.FIRST_DAY
