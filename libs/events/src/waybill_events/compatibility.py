"""FULL_TRANSITIVE: today's models read every sample ever frozen, and today's output fits every frozen schema.

That holds within a version. A sample of a former one must also reach the newest, through its upcasters.
"""

from collections.abc import Callable, Mapping
from typing import Any

from waybill_events.model import Event
from waybill_events.registry import Registry, Undecodable

Schema = dict[str, Any]
Validate = Callable[[Schema, Any], list[str]]
"""Given a JSON Schema and a document, says what does not fit."""


def schema_of(event: type[Event]) -> Schema:
    """The JSON Schema of what this release writes."""
    return event.model_json_schema(mode="serialization")


def violations(
    registry: Registry,
    samples: Mapping[str, Mapping[str, bytes]],
    schemas: Mapping[str, Mapping[str, Schema]],
    validate: Validate,
) -> list[str]:
    """What breaks a reader or writer of another release; empty when nothing does.

    `samples` and `schemas` are frozen documents by type name and by their own name. A type without either is a
    violation too, so that nothing goes unchecked.
    """
    found = [
        f"{kind} of {type_name} are frozen, but nothing reads it any more"
        for kind, frozen in (("samples", samples), ("schemas", schemas))
        for type_name in sorted(frozen.keys() - {event.type_name() for event in registry})
    ]
    today = set(registry.written())
    for event in registry:
        name = event.type_name()
        if not samples.get(name) or not schemas.get(name):
            found.append(f"{name} has no frozen sample or schema; run `make freeze`")
        for sample, value in samples.get(name, {}).items():
            try:
                read = registry.decode(name, value)
            except Undecodable as error:
                found.append(f"{name} no longer reads {sample}: {error}")
                continue
            if type(read) not in today:
                found.append(f"{name} is read as {read.type_name()}, which is not what is written today")
            # What a release of that version writes, and what it is to handlers here; the same for the newest version.
            for each in {each.type_name(): each for each in (event.from_json(value), read)}.values():
                found += [
                    f"{each.type_name()} written from {sample} does not fit {release}: {problem}"
                    for release, schema in schemas.get(each.type_name(), {}).items()
                    for problem in validate(schema, each.model_dump(mode="json"))
                ]
    return found
