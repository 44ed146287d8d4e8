"""One sync: the ad account, days, lifetimes and what looks wrong, read and written in this order. No Dagster."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta

from cep_orchestration.ad_ports import AdAccount, AdCampaign, Ads, Lifetimes
from cep_orchestration.campaigns import words
from cep_orchestration.campaigns.anomalies import anomalies
from cep_orchestration.campaigns.anomaly_store import OpenAnomaly
from cep_orchestration.campaigns.history import Anomaly
from cep_orchestration.campaigns.model import Campaign, CampaignError, CampaignRow, DaysStory, WriteBack, Written
from cep_orchestration.campaigns.rules import chosen, nothing_is_listed, on_record, wanted, window_start
from cep_orchestration.campaigns.services import CampaignServices
from cep_orchestration.failures import CepError, SettingError


@dataclass(frozen=True)
class TotalsStory:
    """What the campaigns are in all, after a reading.

    failed  by the ad service's id, why a campaign is not up to date
    """

    account: AdAccount
    rows: Sequence[CampaignRow]
    written: WriteBack
    anomalies: Sequence[OpenAnomaly]
    failed: Mapping[str, str]


@dataclass(frozen=True)
class CampaignSync:
    """`asked`: one campaign only, by its id in the CMS or at the ad service; "": all that a sync reads.

    Every method raises CepError with a sentence. What was read before stays written; whatever fails, it is judged what
    is known by then, so that numbers that grow old are told.
    """

    services: CampaignServices
    asked: str = ""
    _seen: dict[str, AdCampaign | str | None] = field(default_factory=dict)
    """What the ad service has of each campaign, asked once; a text: why that cannot be read; None: nothing."""

    def read_days(self, since: date, until: date) -> DaysStory:
        """Part by part, so that what was read is kept whatever comes after."""
        with self._judged_if_it_fails():
            targets, account = self._targets(since), self._known_account()
            ids, failed = self._listed(targets)
            self.services.store.note_failures(failed)
            written, remembered = Written(), until + timedelta(days=1)
            for part in self._ads.days(ids, since, until):
                new, unread = self.services.store.write_days(part, account, self.services.now())
                written, failed, remembered = written + new, failed | unread, min(remembered, part.since)
            remembered = remembered if ids else since
            read = [each for each in ids if each not in failed]
            self._note_reading(read, remembered, until)
            return DaysStory(since, until, remembered, targets, written, len(read), failed)

    def read_totals(self) -> TotalsStory:
        """The account, the campaigns' budgets, and lifetimes, which are written back to the CMS; what looks wrong."""
        with self._judged_if_it_fails():
            services, today = self.services, self.services.today()
            targets, account = self._targets(), self._account()
            ids, failed = self._listed(targets)
            lifetimes = self._ads.lifetimes(ids)
            unsaid = services.store.ever_delivered([each for each in ids if each not in lifetimes.found])
            failed |= {**dict.fromkeys(unsaid, words.NO_TOTAL), **lifetimes.failed}
            services.store.write_lifetimes(ids, Lifetimes(lifetimes.found, failed), today, services.now())
            written = services.store.write_back([each for each in ids if each not in failed])
            self.judge(targets)
            rows = services.store.rows(today)
            unread = {row.meta_campaign_id: row.failure for row in rows if row.failure and row.meta_campaign_id in ids}
            return TotalsStory(
                account=account,
                rows=rows,
                written=written,
                anomalies=services.anomalies.open(),
                failed={**unread, **failed, **written.refused},
            )

    def judge(self, targets: Sequence[Campaign]) -> None:
        """Tells people what is new and what is over, then keeps it: an alert that is raised or resolved twice is told
        once, so a crash in between leaves nothing untold.

        Active campaigns only: one that ended with its budget spent did what it should, a closed one does nothing.
        """
        services = self.services
        account = services.store.account()
        if account is None:
            return
        now = services.now()
        active = [one.id for one in targets if one.status == "active"]
        thresholds = services.thresholds
        days = thresholds.baseline_days + 2 * thresholds.recent_days + 3
        histories = services.anomalies.histories(active, services.today(), days, account.currency, now)
        watched = [history.campaign_id for history in histories]
        found = [each for history in histories for each in anomalies(history, thresholds)]
        known = services.anomalies.open()
        unread = [one.id for one in targets if isinstance(self._seen.get(one.meta_campaign_id or ""), str)]
        over = [each for each in known if self._is_over(each, found, watched, unread)]
        if not self.asked:
            self._alert_of_old_numbers(found, known)
        self._alert(found, over, watched)
        services.anomalies.keep(found, over, now)
        services.alerts.tell()

    def _alert_of_old_numbers(self, found: Sequence[Anomaly], known: Sequence[OpenAnomaly]) -> None:
        """They are one trouble, however many campaigns have them: it is the reading that does not work. A sync of one
        campaign says nothing of the others."""
        stale = [each for each in found if each.rule == words.STALE]
        if stale:
            self.services.alerts.raise_alert(words.stale_alert(stale))
        elif any(one.rule == words.STALE for one in known):
            self.services.alerts.resolve(words.STALE_FINGERPRINT, words.FRESH_AGAIN)

    def _alert(self, found: Sequence[Anomaly], over: Sequence[OpenAnomaly], watched: Sequence[str]) -> None:
        alerts = self.services.alerts
        for each in found:
            if each.rule != words.STALE:
                alerts.raise_alert(words.anomaly_alert(each))
        for one in over:
            if one.rule != words.STALE:
                title = words.over(one.sentence) if one.campaign_id in watched else words.unwatched(one.sentence)
                alerts.resolve(words.anomaly_fingerprint(one.rule, one.campaign_id), title)

    def _is_over(
        self, known: OpenAnomaly, found: Sequence[Anomaly], watched: Sequence[str], unread: Sequence[str]
    ) -> bool:
        """Not if it could not be asked: a campaign whose numbers are old says nothing of its other rules, one that
        could not be read says nothing new at all."""
        if known.campaign_id not in watched:
            return not self.asked
        if known.campaign_id in unread:
            return False
        rules = {each.rule for each in found if each.campaign_id == known.campaign_id}
        return known.rule not in rules and (known.rule == words.STALE or words.STALE not in rules)

    @property
    def _ads(self) -> Ads:
        if self.services.ads is None:
            raise CampaignError(words.NOT_CONFIGURED)
        return self.services.ads

    def _targets(self, since: date | None = None) -> list[Campaign]:
        """`since`: the first day to be read, if it is days that are read."""
        campaigns, today = self.services.store.campaigns(), self.services.today()
        if self.asked:
            return [chosen(campaigns, self.asked)]
        return on_record(campaigns) if since and since < window_start(today) else wanted(campaigns, today)

    def _account(self) -> AdAccount:
        """As it is now. Raises CampaignError where its days are not those of the partitions."""
        services, now = self.services, self.services.now()
        account = self._ads.account()
        services.store.write_account(account, now)
        services.alerts.resolve(words.ACCESS_FINGERPRINT, words.ACCESS_AGAIN)
        for alert, over in words.account_alerts(account, now):
            if over:
                services.alerts.resolve(alert.fingerprint, over)
            else:
                services.alerts.raise_alert(alert)
        services.alerts.tell()
        if account.time_zone != services.time_zone.key:
            raise CampaignError(words.other_time_zone(account.time_zone, services.time_zone.key))
        return account

    def _known_account(self) -> AdAccount:
        """Read once; again where it is not the one that is configured any more."""
        services, known = self.services, self.services.store.account()
        is_the_same = known and (known.id, known.time_zone) == (services.account_id, services.time_zone.key)
        return known if known and is_the_same else self._account()

    def _listed(self, targets: Sequence[Campaign]) -> tuple[list[str], dict[str, str]]:
        """The ids that the ad service has; and those that failed: what it says of them cannot be read, or it has never
        known them, though their campaigns are active. One that it does not list any more is closed, and keeps what it
        had: of such a one silence says nothing. Raises CampaignError for the one that was asked for, and where it lists
        nothing any more."""
        ids = _ids(targets)
        if new := [each for each in ids if each not in self._seen]:
            self._ask_for(new, targets)
        unknown = [one for one in targets if not one.was_listed and self._seen[one.meta_campaign_id or ""] is None]
        if unknown and self.asked:
            raise CampaignError(words.not_at_meta(unknown[0].name, unknown[0].meta_campaign_id or ""))
        failed = dict.fromkeys(_ids([one for one in unknown if one.status == "active"]), words.NOT_THERE)
        failed |= {each: why for each in ids if isinstance(why := self._seen[each], str)}
        return [each for each in ids if isinstance(self._seen[each], AdCampaign)], failed

    def _ask_for(self, new: Sequence[str], targets: Sequence[Campaign]) -> None:
        services, listing = self.services, self._ads.campaigns(new)
        listed: dict[str, AdCampaign | str] = {**listing.failed, **listing.found}
        if nothing_is_listed([one for one in targets if one.meta_campaign_id in new], listed):
            raise CampaignError(words.NONE_THERE)
        services.store.write_campaigns(new, listing, services.today(), services.now())
        self._seen.update({each: listed.get(each) for each in new})

    def _note_reading(self, read: Sequence[str], since: date, until: date) -> None:
        """Old days say nothing of how fresh the numbers are."""
        services, today = self.services, self.services.today()
        if since > until:
            return
        services.store.days_were_read(read, since, until, services.now() if until >= today else None)
        if since <= window_start(today) and until >= today and not self.asked:
            services.store.window_was_read(today)

    @contextmanager
    def _judged_if_it_fails(self) -> Iterator[None]:
        try:
            yield
        except CepError as error:
            if self.services.ads is not None and not self.asked:
                if isinstance(error, SettingError):
                    self.services.alerts.raise_alert(words.access_alert(str(error)))
                self.judge(self._targets())
                self.services.alerts.tell()
            raise


def _ids(campaigns: Sequence[Campaign]) -> list[str]:
    """Of the ad service; two campaigns of the CMS may name the same one."""
    return list(dict.fromkeys(one.meta_campaign_id for one in campaigns if one.meta_campaign_id))
