"""Which orders somebody looks at: a view, three filters that combine, and a search; the same on every page of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

from fastapi import Query

from waybill_chassis import paging
from waybill_chassis.problems import Problem
from waybill_portal import store
from waybill_portal.api.orders import typed
from waybill_portal.domain import Cancellations, Returns, Shipments

AT_RISK: Final = "at-risk"
VIEWS: Final[Mapping[str, tuple[str, store.orders.Wanted]]] = {
    "all": ("All", store.orders.Wanted()),
    "to-ship": ("To ship", store.orders.Wanted(to_ship=True)),
    AT_RISK: ("At risk", store.orders.Wanted()),
    "on-hold": ("On hold", store.orders.Wanted(on_hold=True)),
    "attention": ("Needs attention", store.orders.Wanted(exception=True)),
}
"""By their codes: what they are called, and what they show; at risk is worked out when it is asked."""
COUNTED: Final = {view: wanted for view, (_, wanted) in VIEWS.items() if view != AT_RISK}
"""The views that are counted, unfiltered."""
FILTERS: Final[Mapping[str, tuple[str, type[StrEnum]]]] = {
    "shipments": ("Shipments", Shipments),
    "cancellations": ("Cancellations", Cancellations),
    "returns": ("Returns", Returns),
}
F = TypeVar("F", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Asked:
    """A list of orders as an address says it; a filter that is empty lets everything pass."""

    view: str = "all"
    q: str = ""
    shipments: str = ""
    cancellations: str = ""
    returns: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Asked":
        """From a query or a form; raises Problem for what is no list."""
        asked = cls(**{name: given[name] for name in cls.__slots__ if name in given})
        if asked.view not in VIEWS:
            raise Problem(404, "not-found", f"There is no list {asked.view!r}. Go to all orders.")
        for name, (called, values) in FILTERS.items():
            if (said := getattr(asked, name)) and said not in {*values}:
                raise Problem(404, "not-found", f"{called} are never {said!r}. Go to all orders.")
        return replace(asked, q=typed(asked.q)[:200])

    def wanted(self, before: str = "", limit: int = 50) -> store.orders.Wanted:
        """The same for the store; raises Problem for a cursor that is none."""
        return replace(
            VIEWS[self.view][1],
            shipments=_one(Shipments, self.shipments),
            cancellations=_one(Cancellations, self.cancellations),
            returns=_one(Returns, self.returns),
            search=self.q,
            before=paging.read(before),
            limit=limit,
        )

    @property
    def said(self) -> Mapping[str, str]:
        """What is not as it always is."""
        return {name: value for name, value in asdict(self).items() if value and value != getattr(Asked(), name)}

    def at(self, **changed: Any) -> str:
        """The address of the same list, changed so."""
        query = urlencode({**self.said, **{name: value for name, value in changed.items() if value}})
        return f"/orders?{query}" if query else "/orders"

    def of(self, view: str) -> str:
        """The address of another view, filtered in the same way."""
        return replace(self, view=view).at()


def asked(
    view: str = "all",
    q: Annotated[str, Query(max_length=200)] = "",
    shipments: str = "",
    cancellations: str = "",
    returns: str = "",
) -> Asked:
    """From the address of a page."""
    return Asked.read(
        {"view": view, "q": q, "shipments": shipments, "cancellations": cancellations, "returns": returns}
    )


def _one(kind: type[F], said: str) -> tuple[F, ...]:
    return (kind(said),) if said else ()
