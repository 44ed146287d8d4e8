"""The stand-in for Mailchimp Marketing: so far it only says that it is there."""

from cep_orchestration.local.sandbox.exchange import Answer, Call, Refused, is_accepted_secret

PROBLEM = {"content-type": "application/problem+json"}


def answer_mailchimp(call: Call) -> Answer:
    if not is_accepted_secret(call.basic_password()):
        raise _refused(401, "API Key Invalid", "Your API key may be invalid, or belongs to another data center.")
    if (call.method, call.path) != ("GET", "3.0/ping"):
        raise _refused(404, "Resource Not Found", f"The sandbox does not know {call.method} /{call.path}.")
    return Answer(200, {"health_status": "Everything's Chimpy!"})


def _refused(status: int, title: str, detail: str) -> Refused:
    kind = "https://mailchimp.com/developer/marketing/docs/errors/"
    body = {"type": kind, "title": title, "status": status, "detail": detail, "instance": ""}
    return Refused(Answer(status, body, PROBLEM))
