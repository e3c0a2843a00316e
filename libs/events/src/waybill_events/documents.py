"""The registry as AsyncAPI 3 and JSON Schema, for connectors and readers in any language."""

from typing import Any, Final

from waybill_events.compatibility import schema_of
from waybill_events.model import Event, personal_fields
from waybill_events.registry import TOPICS, Registry

_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid"},
        "ce_source": {"type": "string"},
        "ce_type": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string", "format": "uuid", "description": "Also the Kafka key."},
        "ce_brand": {"type": "string", "format": "uuid"},
        "ce_actor": {"type": "string"},
        "ce_sequence": {"type": "string", "description": "From 1 without a gap, per ce_source and ce_subject."},
        "ce_causationid": {"type": "string", "format": "uuid"},
        "traceparent": {"type": "string", "description": "W3C Trace Context."},
    },
}


def json_schema(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one event, with its personal fields listed under `x-personal`.

    That of a former version is marked `deprecated`: it is still read, and new programs write the newest.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:waybill:{event.type_name()}",
        **schema_of(event),
        "x-personal": sorted(set(personal_fields(event))),
        **({"deprecated": True} if event.is_former() else {}),
    }


def asyncapi(registry: Registry, version: str) -> dict[str, Any]:
    """All topics and events as one AsyncAPI 3.0 document; payloads refer to `schemas/<type>.json`.

    A channel names every version that it may hold: all of them are read, only the newest is written.
    """
    newest = {event.__name__: event.type_name() for event in registry.written()}
    messages = {event.type_name(): _message(event, newest[event.__name__]) for event in registry}
    read = {topic.name: [event.type_name() for event in registry.on_topic(topic)] for topic in TOPICS}
    written = {name: [type_ for type_ in types if type_ in newest.values()] for name, types in read.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Waybill events", "version": version, "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": {
            topic.name: {
                "address": topic.name,
                "description": f"{topic.says} Written by {topic.owner}.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in read[topic.name]},
            }
            for topic in TOPICS
        },
        "operations": {
            f"{verb}.{topic.name}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in types[topic.name]],
            }
            for verb, action, types in (("publish", "send", written), ("read", "receive", read))
            for topic in TOPICS
        },
        "components": {"messages": messages},
    }


def _message(event: type[Event], newest: str) -> dict[str, Any]:
    former = {"description": f"A former version: old releases write it and it is still read; write {newest}."}
    return {
        "name": event.type_name(),
        "summary": (event.__doc__ or "").strip().splitlines()[0],
        **(former if event.is_former() else {}),
        "headers": _HEADERS,
        "payload": {"$ref": f"schemas/{event.type_name()}.json"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "format": "uuid", "description": f"`{event.subject_field}`"},
                "bindingVersion": "0.5.0",
            },
        },
    }
