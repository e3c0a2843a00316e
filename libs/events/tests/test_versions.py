"""How a registry leads a record of a former version to the newest one."""

from uuid import UUID

import pytest

from waybill_events import Registry, Undecodable
from waybill_events.compatibility import Schema, violations
from waybill_events.model import Event, Name, Text

ORDER = UUID(int=1)


class V1:
    class Named(Event, topic="waybill.orders", subject="order_id", version=1):
        order_id: UUID
        full: Text

        def upcast(self) -> "V2.Named":
            given_name, _, family = self.full.partition(" ")
            return V2.Named(order_id=self.order_id, given=given_name, family=family)


class V2:
    class Named(Event, topic="waybill.orders", subject="order_id", version=2):
        order_id: UUID
        given: Text
        family: Text

        def upcast(self) -> "V3.Named":
            return V3.Named(order_id=self.order_id, names=(self.given, self.family))


class V3:
    class Named(Event, topic="waybill.orders", subject="order_id", version=3):
        order_id: UUID
        names: tuple[Name, ...]


ANN = V3.Named(order_id=ORDER, names=("Ann", "Bee"))


def test_versions_are_passed_through_one_by_one() -> None:
    registry = Registry([V3.Named, V1.Named, V2.Named])
    written = [
        V1.Named(order_id=ORDER, full="Ann Bee"),
        V2.Named(order_id=ORDER, given="Ann", family="Bee"),
        ANN,
    ]

    assert [registry.decode(event.type_name(), event.to_json()) for event in written] == [ANN, ANN, ANN]
    assert (list(registry), list(registry.written())) == ([V1.Named, V2.Named, V3.Named], [V3.Named])


def test_what_the_newest_version_refuses_is_named_by_field_and_never_shown() -> None:
    nameless = V1.Named(order_id=ORDER, full="Secret")

    with pytest.raises(Undecodable, match=r"^waybill\.Named\.v1: names\.1: String should have at least 1 character$"):
        Registry([V1.Named, V2.Named, V3.Named]).decode("waybill.Named.v1", nameless.to_json())


def test_an_upcaster_with_a_bug_costs_one_record_and_says_whose_it_is() -> None:
    class Named(Event, topic="waybill.orders", subject="order_id", version=2):
        order_id: UUID

        def upcast(self) -> V3.Named:
            raise KeyError("Secret")

    with pytest.raises(Undecodable, match=r"^waybill\.Named\.v2: its upcaster failed with KeyError$"):
        Registry([Named, V3.Named]).decode("waybill.Named.v2", Named(order_id=ORDER).to_json())


def test_a_version_that_does_not_lead_to_the_newest_is_refused() -> None:
    class Named(V2.Named, topic="waybill.labels", subject="order_id", version=2):
        pass

    with pytest.raises(ValueError, match=r"Named\.v1 has no way to v2"):
        Registry([V1.Named, V3.Named])
    with pytest.raises(ValueError, match=r"Named\.v2 is the newest version and has an upcaster"):
        Registry([V1.Named, V2.Named])
    with pytest.raises(ValueError, match=r"Named\.v2 and waybill\.Named\.v3 differ in topic, key or numbering"):
        Registry([Named, V3.Named])


def test_an_upcaster_that_spoils_a_sample_or_leads_astray_is_a_violation() -> None:
    class Renamed(Event, topic="waybill.orders", subject="order_id"):
        order_id: UUID

    class Astray(Event, topic="waybill.orders", subject="order_id", version=2):
        order_id: UUID

        def upcast(self) -> Renamed:
            return Renamed(order_id=self.order_id)

    class Spoiling(V2.Named, topic="waybill.orders", subject="order_id", version=2):
        def upcast(self) -> V3.Named:
            return V3.Named.model_construct(order_id=self.order_id, names=())

    Astray.__name__ = Spoiling.__name__ = "Named"
    old, newest = "waybill.Named.v2", "waybill.Named.v3"
    samples = {
        old: {"ann.json": V2.Named(order_id=ORDER, given="Ann", family="Bee").to_json()},
        newest: {"ann.json": ANN.to_json()},
    }
    schemas: dict[str, dict[str, Schema]] = {old: {"schema-1.json": {}}, newest: {"schema-2.json": {}}}

    def names_nobody(_schema: Schema, document: dict[str, object]) -> list[str]:
        return ["names nobody"] if document.get("names") == [] else []

    assert violations(Registry([V2.Named, V3.Named]), samples, schemas, names_nobody) == []
    assert violations(Registry([Astray, V3.Named]), samples, schemas, names_nobody) == [
        "waybill.Named.v2 is read as waybill.Renamed.v1, which is not what is written today"
    ]
    assert violations(Registry([Spoiling, V3.Named]), samples, schemas, names_nobody) == [
        "waybill.Named.v3 written from ann.json does not fit schema-2.json: names nobody"
    ]
