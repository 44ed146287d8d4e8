"""What people read about campaigns, in Spanish: the names of campaigns are data of the CMS and stand as they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cep_orchestration.ad_ports import AdAccount
from cep_orchestration.alert_ports import Alert, Audience, Severity
from cep_orchestration.campaigns.history import Anomaly

STALE = "data_is_fresh"
"""The rule that mutes the others."""
STALE_FINGERPRINT = f"campaigns/{STALE}"
READING = "hace demasiadas horas que no se leen de Meta, y mientras tanto no se comprueba nada más de ellas."
STALE_ADVICE = (
    "Vea por qué falló la última ejecución de sync_campaigns y láncela otra vez. Este aviso no se repite; se avisará "
    "cuando los datos vuelvan a estar al día."
)
FRESH_AGAIN = "Las cifras de las campañas vuelven a estar al día"
ACCESS_FINGERPRINT, ACCESS_AGAIN = "campaigns/access", "Meta Ads vuelve a dejar leer las campañas"
LOCKED = "55P03"
NONE_THERE = (
    "La cuenta publicitaria ya no tiene ninguna de las campañas que tenía; no se ha cambiado nada de ellas. Compruebe "
    "META_AD_ACCOUNT_ID y a qué cuenta llega el token. Si de verdad se borraron, márquelas como terminadas en el CMS."
)
NOT_THERE = "Meta no conoce este id; compruebe meta_campaign_id en el CMS"
SILENT = "Meta no dice nada de días que antes dio; se conserva lo que había"
NO_TOTAL = "Meta no da su total; se conserva el que había"
TOKEN_DAYS = 7
NOT_CONFIGURED = (
    "Meta Ads no está configurado: ponga META_ACCESS_TOKEN y META_AD_ACCOUNT_ID, y compruebe con «cep check»."
)
STATUSES = {"draft": "borrador", "active": "activa", "paused": "en pausa", "completed": "terminada"}
WHAT_TO_DO = (
    "Mírela en el Administrador de anuncios de Meta y en la tabla de campaigns/totals. Este aviso no se repite; se "
    "avisará cuando deje de ocurrir."
)
MEANS = {
    "budget_is_left": "La campaña deja de mostrarse antes de su último día: no trae más leads mientras no "
    "se amplíe el presupuesto.",
    "delivery_goes_on": "Meta no muestra los anuncios a nadie: la campaña no gasta, pero tampoco trae leads.",
    "spend_brings_leads": "Se paga por anuncios que no traen a nadie, o sus leads no llegan: puede fallar el "
    "formulario, la página de destino o la segmentación.",
    "pace_is_kept": "A este ritmo, el presupuesto se acaba antes de tiempo y se gasta más de lo previsto.",
    "cpl_is_usual": "Cada lead de esta campaña cuesta bastante más que antes: con el mismo dinero llegan menos.",
    "ctr_is_enough": "Mucha gente ve los anuncios y casi nadie pulsa en ellos: puede que el público se haya "
    "cansado de ellos, o que no sean para ese público.",
    "leads_agree": "O se pierden leads entre Meta y la web, o no se sabe de qué campaña llegan: su coste por lead no "
    "es de fiar.",
}
"""By rule: what it is to the business that it does not hold. Of stale data BLIND tells it."""
BLIND = "Nadie ve qué gastan ni qué traen las campañas, y lo que vaya mal en ellas no se avisa."


def not_at_meta(name: str, meta_campaign_id: str) -> str:
    return f"Meta no conoce la campaña «{name}» ({meta_campaign_id}): compruebe su meta_campaign_id en el CMS."


def other_time_zone(theirs: str, ours: str) -> str:
    return (
        f"La cuenta publicitaria cuenta sus días en {theirs}, pero META_TIME_ZONE es {ours}: ponga "
        f"META_TIME_ZONE={theirs}, reinicie el sistema y vuelva a leer los días que ya se habían leído."
    )


def anomaly_fingerprint(rule: str, campaign_id: str) -> str:
    return f"campaigns/{rule}/{campaign_id}"


def anomaly_alert(anomaly: Anomaly) -> Alert:
    return Alert(
        anomaly_fingerprint(anomaly.rule, anomaly.campaign_id),
        anomaly.severity,
        anomaly.sentence,
        WHAT_TO_DO,
        audience=Audience.MARKETING,
        quiet=None,
        means=MEANS.get(anomaly.rule, ""),
    )


def stale_alert(stale: Sequence[Anomaly]) -> Alert:
    """One for all campaigns whose numbers are old."""
    title = stale[0].sentence if len(stale) == 1 else f"Datos sin actualizar en {len(stale)} campañas: {READING}"
    audience = Audience.MARKETING
    return Alert(STALE_FINGERPRINT, stale[0].severity, title, STALE_ADVICE, audience=audience, quiet=None, means=BLIND)


def access_alert(why: str) -> Alert:
    """Meta answers nothing until somebody acts."""
    title, once_a_day = "Meta Ads no deja leer las campañas", timedelta(days=1)
    return Alert(ACCESS_FINGERPRINT, Severity.HIGH, title, why, quiet=once_a_day, means=BLIND)


def refused(code: str) -> str:
    """`code`: PostgreSQL's."""
    if code == LOCKED:
        return "el CMS la tiene ocupada; sus cifras se escribirán la próxima vez"
    return f"el CMS no aceptó sus cifras (SQLSTATE {code})"


def over(sentence: str) -> str:
    return f"Ya no ocurre: {sentence}"


def unwatched(sentence: str) -> str:
    """The campaign ended, or was taken out of the CMS."""
    return f"La campaña ya no está activa; queda sin efecto: {sentence}"


def account_alerts(account: AdAccount, now: datetime) -> list[tuple[Alert, str]]:
    """What may be wrong with the account, each with the title by which it is over; "": it is wrong now."""
    expires, warning = account.token_expires_at, account.version_warning
    expiring = expires is not None and expires <= now + timedelta(days=TOKEN_DAYS)
    token = Alert(
        "campaigns/token",
        Severity.HIGH,
        f"El token de Meta Ads caduca el {expires:%d/%m/%Y}" if expires else "El token de Meta Ads caduca",
        "Genere otro (mejor uno de usuario del sistema, que no caduca) y póngalo en META_ACCESS_TOKEN; sin él no hay "
        "métricas de campañas.",
        quiet=timedelta(days=1),
        means=f"A partir de ese día: {BLIND[0].lower()}{BLIND[1:]}",
    )
    version = Alert(
        "campaigns/version",
        Severity.MEDIUM,
        "Meta va a retirar la versión de su API que se usa",
        "Pase META_BASE_URL a una versión más nueva (https://graph.facebook.com/v…) y lance sync_campaigns.",
        quiet=timedelta(days=7),
        means=f"Cuando la retire: {BLIND[0].lower()}{BLIND[1:]}",
    )
    return [
        (token, "" if expiring else "El token de Meta Ads ya no está a punto de caducar"),
        (version, "" if warning else "La versión de la API de Meta vuelve a ser vigente"),
    ]


def missing(failed: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Which campaigns could not be read; the others are written."""
    told = [
        f"{names.get(each) or 'sin nombre'} ({each}): {reason.rstrip('.')}" for each, reason in sorted(failed.items())
    ]
    rest = f"; y {len(told) - 20} más" if len(told) > 20 else ""
    could_not = "No se pudo leer 1 campaña" if len(told) == 1 else f"No se pudieron leer {len(told)} campañas"
    return (
        f"{could_not}; todas las demás están al día. {'; '.join(told[:20])}{rest}. Compruebe lo que se dice de cada "
        "una y vuelva a lanzar sync_campaigns."
    )
