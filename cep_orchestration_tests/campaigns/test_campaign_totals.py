"""A campaign's lifetime is told whole or not at all, and the CMS gets it where it can take it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import text

from cep_orchestration.ad_ports import AdStatus
from cep_orchestration.campaigns.model import CampaignError
from cep_orchestration_tests.campaigns.ad_fakes import TODAY, AdDesk, figures

RECENT = (TODAY - timedelta(days=2), TODAY)


def test_three_days_are_never_written_as_a_lifetime(desk: AdDesk) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 200, figures(impressions=1_000, clicks=10, spend="10.00", leads=1))
    desk.sync().read_days(*RECENT)
    assert desk.metrics(otoño) == (None, None, None, None)
    desk.sync().read_totals()
    assert desk.metrics(otoño) == (200_000, 2_000, Decimal("2000.00"), Decimal("10.00"))


def test_a_campaign_whose_lifetime_cannot_be_read_keeps_what_the_cms_says(desk: AdDesk) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 200, figures())
    desk.ads.failing = {"11": "error 100"}
    desk.read()
    assert desk.metrics(otoño) == (None, None, None, None)


def test_a_campaign_without_leads_has_no_cpl_and_one_without_delivery_has_zeros(desk: AdDesk) -> None:
    otoño, parada = desk.campaign("Otoño", "11"), desk.campaign("Parada", "12")
    desk.ads.deliver("11", 2, figures(leads=0))
    desk.ads.deliver("12", 0, figures())
    desk.read()
    assert desk.metrics(otoño) == (4_000, 80, Decimal("40.00"), None)
    assert desk.metrics(parada) == (0, 0, 0, None)


def test_a_write_back_that_changes_nothing_touches_no_row(desk: AdDesk) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures())
    desk.read()
    before = desk.cms.rows("SELECT xmin::text FROM public.campaigns WHERE id::text = :id", id=otoño)
    assert desk.sync().read_totals().written.campaigns == 0
    assert desk.cms.rows("SELECT xmin::text FROM public.campaigns WHERE id::text = :id", id=otoño) == before


def test_what_the_view_does_not_let_us_write_is_left_out_and_named(desk: AdDesk) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures())
    with desk.cms.engine.begin() as connection:
        definition = connection.execute(text("SELECT pg_get_viewdef('orchestration.cms_campaigns')")).scalar_one()
        changed = definition.replace("impressions,", "NULL::numeric AS impressions,", 1)
        connection.exec_driver_sql("DROP VIEW orchestration.cms_campaigns")
        connection.exec_driver_sql(f"CREATE VIEW orchestration.cms_campaigns AS {changed.replace('%', '%%')}")
    desk.sync().read_days(*RECENT)
    written = desk.sync().read_totals().written
    assert (written.campaigns, written.left_out) == (1, ("impressions",))
    assert desk.metrics(otoño) == (None, 80, Decimal("40.00"), Decimal("10.00"))


def test_a_view_that_cannot_be_written_at_all_is_no_failure(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures())
    with desk.cms.engine.begin() as connection:
        definition = connection.execute(text("SELECT pg_get_viewdef('orchestration.cms_campaigns')")).scalar_one()
        whole = definition.rstrip(";").replace("%", "%%")
        connection.exec_driver_sql("DROP VIEW orchestration.cms_campaigns")
        connection.exec_driver_sql(f"CREATE VIEW orchestration.cms_campaigns AS SELECT DISTINCT * FROM ({whole}) AS c")
    desk.sync().read_days(*RECENT)
    written = desk.sync().read_totals().written
    assert (written.campaigns, written.left_out) == (0, ("impressions", "clicks", "spent", "cpl"))


def test_a_table_that_we_may_not_write_is_left_out_and_the_rest_is_done(desk: AdDesk) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures())
    user = f"reader_{uuid4().hex[:8]}"
    desk.cms.run(f"CREATE ROLE {user}; GRANT SELECT ON public.campaigns TO {user}")
    desk.cms.run(f"ALTER VIEW orchestration.cms_campaigns OWNER TO {user}")
    try:
        desk.sync().read_days(*RECENT)
        totals = desk.sync().read_totals()
    finally:
        desk.cms.run(f"REASSIGN OWNED BY {user} TO CURRENT_USER; DROP OWNED BY {user}; DROP ROLE {user}")
    assert (totals.written.campaigns, totals.written.left_out) == (0, ("impressions", "clicks", "spent", "cpl"))
    assert totals.rows[0].impressions == 4_000
    assert desk.metrics(otoño) == (None, None, None, None)


def test_both_cpls_are_shown(desk: AdDesk) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures(spend="20.00", leads=2))
    ids = desk.cms.rows("SELECT lead_id FROM orchestration.leads LIMIT 8")
    desk.cms.run("UPDATE orchestration.leads SET campaign_id = :c WHERE lead_id = ANY(:ids)", c=otoño, ids=ids)
    desk.read()
    [row] = desk.sync().read_totals().rows
    assert (row.meta_cpl, row.own_cpl, row.own_leads) == (Decimal(10), Decimal(5), 8)


def test_a_campaign_that_is_not_listed_any_more_keeps_what_it_had(desk: AdDesk) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 5, figures())
    desk.read()
    had, days = desk.metrics(otoño), desk.days()
    del desk.ads.campaigns_of["11"], desk.ads.days_of["11"]
    desk.read()
    assert (desk.metrics(otoño), desk.days(), desk.restatements()) == (had, days, [])
    assert desk.anomalies.open() == []


def test_an_answer_without_a_word_of_campaigns_that_delivered_changes_nothing(desk: AdDesk) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 5, figures())
    desk.read()
    had, days = desk.metrics(otoño), desk.days()
    desk.ads.days_of["11"] = {}
    story = desk.sync().read_days(*RECENT)
    totals = desk.sync().read_totals()
    assert (desk.metrics(otoño), desk.days()) == (had, days)
    assert "no dice nada" in story.failed["11"]
    assert "no da su total" in totals.failed["11"]


def test_an_id_that_the_service_never_knew_is_named_and_says_nothing_of_itself(desk: AdDesk) -> None:
    desk.campaign("Mal escrita", "11x")
    desk.campaign("Otoño", "12\n")
    desk.ads.deliver("12", 5, figures())
    story = desk.sync().read_days(*RECENT)
    totals = desk.sync().read_totals()
    assert [*story.failed] == [*totals.failed] == ["11x"]
    assert "meta_campaign_id" in totals.failed["11x"]
    assert desk.anomalies.open() == []


@pytest.mark.parametrize(
    "obstacle",
    [
        "ALTER TABLE public.campaigns ADD CHECK (id <> {id} OR coalesce(spent, 0) < 1) NOT VALID",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.id = {id} THEN RAISE 'no'; END IF; RETURN NEW; END $$;"
        " CREATE TRIGGER refuse BEFORE UPDATE ON public.campaigns FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
    ids=["a constraint", "a trigger"],
)
def test_a_row_that_the_cms_refuses_keeps_no_other_back_and_is_named(desk: AdDesk, obstacle: str) -> None:
    otoño, invierno = desk.campaign("Otoño", "11"), desk.campaign("Invierno", "12")
    for meta in ("11", "12"):
        desk.ads.deliver(meta, 2, figures())
    desk.cms.run(obstacle.format(id=otoño).replace(":", "\\:"))
    desk.sync().read_days(*RECENT)
    totals = desk.sync().read_totals()
    assert desk.metrics(otoño) == (None, None, None, None)
    assert desk.metrics(invierno) == (4_000, 80, Decimal("40.00"), Decimal("10.00"))
    assert "SQLSTATE" in totals.failed["11"]
    assert [*totals.failed] == ["11"]


def test_leads_that_are_held_are_not_ours_yet(desk: AdDesk) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures())
    ids = desk.cms.rows("SELECT lead_id FROM orchestration.leads LIMIT 8")
    desk.cms.run(
        "UPDATE orchestration.leads SET campaign_id = :c, held_at = now() WHERE lead_id = ANY(:ids)", c=otoño, ids=ids
    )
    desk.read()
    assert desk.sync().read_totals().rows[0].own_leads == 0


def test_another_account_is_read_before_its_days_are_written(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures())
    desk.read()
    desk.ads.account_now = replace(desk.ads.account_now, id="act_2", currency="JPY")
    desk.sync().read_days(*RECENT)
    assert desk.cms.rows("SELECT DISTINCT currency FROM orchestration.campaign_days") == ["JPY"]


def test_a_campaign_that_was_deleted_at_the_service_is_closed_and_kept(desk: AdDesk) -> None:
    for name, meta in (("Otoño", "11"), ("Invierno", "12")):
        desk.campaign(name, meta)
        desk.ads.deliver(meta, 5, figures())
    desk.read()
    desk.ads.change("11", status=AdStatus.DELETED)
    del desk.ads.campaigns_of["12"]
    desk.read()
    totals = desk.sync().read_totals()
    assert [row.closed for row in totals.rows] == [True, True]
    assert len(desk.days()) == 10


def test_one_campaign_can_be_asked_for_by_either_id(desk: AdDesk) -> None:
    otoño = desk.campaign("Otoño", "1101")
    desk.campaign("Invierno", "1102")
    desk.ads.deliver("1101", 0, figures())
    for asked in (otoño, "1101", f" {otoño} "):
        desk.sync(asked).read_days(*RECENT)
    assert desk.ads.asked == [("1101",)] * 3


@pytest.mark.parametrize(
    ("asked", "said"), [("99999", "No hay ninguna campaña con el id «99999»"), ("unlinked", "no está vinculada a Meta")]
)
def test_a_campaign_that_cannot_be_read_is_refused_in_a_sentence(desk: AdDesk, asked: str, said: str) -> None:
    unlinked = desk.campaign("Sin Meta", None)
    with pytest.raises(CampaignError, match=said):
        desk.sync(unlinked if asked == "unlinked" else asked).read_days(*RECENT)


def test_an_account_with_other_days_is_refused(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.account_now = replace(desk.ads.account_now, time_zone="America/Bogota")
    with pytest.raises(CampaignError, match="META_TIME_ZONE=America/Bogota"):
        desk.sync().read_days(*RECENT)


def test_the_window_is_read_once_a_day(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    assert desk.store.window_read_on() is None
    desk.read()
    assert desk.store.window_read_on() == TODAY
