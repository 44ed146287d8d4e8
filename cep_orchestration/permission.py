"""Whether this thread's calls may be made, and whom they may tell of: asked before each, however deep in a client."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol, TypeVar


class Identified(Protocol):
    @property
    def id(self) -> str: ...


L = TypeVar("L", bound=Identified)
T = TypeVar("T")
Erased = Callable[[Collection[str]], Collection[str]]
"""Which of these leads, by id, are not in the CMS any more."""


@dataclass(frozen=True)
class _Permission:
    holds: Callable[[], bool] = lambda: True
    erased: Erased = lambda _leads: ()


@dataclass(frozen=True)
class _Telling:
    """The leads that a call tells of, and those of them who were erased, so that it was not made."""

    leads: Collection[str] = ()
    erased: set[str] = field(default_factory=set)


ALWAYS, NOBODY = _Permission(), _Telling()
_permission: ContextVar[_Permission] = ContextVar("permission", default=ALWAYS)
_telling: ContextVar[_Telling] = ContextVar("telling", default=NOBODY)


@contextmanager
def only_while(holds: Callable[[], bool], erased: Erased = lambda _leads: ()) -> Iterator[None]:
    """Calls within are made only while `holds` says so, and tell of nobody who is `erased` by then."""
    before = _permission.set(_Permission(holds, erased))
    try:
        yield
    finally:
        _permission.reset(before)


def may_call() -> bool:
    """To be asked when a call has nothing left to wait for: leads may have been erased while it waited."""
    permission, telling = _permission.get(), _telling.get()
    if not permission.holds():
        return False
    if telling.leads:
        telling.erased.update(permission.erased(telling.leads))
    return not telling.erased


def tell_of(leads: Sequence[L], call: Callable[[Sequence[L]], Mapping[str, T]]) -> tuple[dict[str, T], Collection[str]]:
    """What `call` says of each lead, by id, and the ids of those whom it was not made for, since they are erased.

    Where some turn out to be erased when a request of `call` would go out, that request is not made, and `call` is
    begun anew with the others: no request of it may have had an effect on them by then.
    """
    erased: set[str] = set()
    while left := [lead for lead in leads if lead.id not in erased]:
        telling = _Telling([lead.id for lead in left])
        before = _telling.set(telling)
        try:
            told = dict(call(left))
        finally:
            _telling.reset(before)
        if not telling.erased:
            return told, erased
        erased |= telling.erased
    return {}, erased
