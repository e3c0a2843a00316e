"""Every identifier is derived from what it names, so doing the same thing twice makes the same id."""

import struct
from typing import Final
from uuid import UUID, uuid5

NAMESPACE: Final = UUID("6f3c0a5e-52d1-5b0e-9a77-7c1f4a1d9b10")
PARTITIONS: Final = 12


def sale_id(connection_id: UUID, source_order_id: str) -> UUID:
    """The sale that a platform calls `source_order_id`, on one connection."""
    return uuid5(NAMESPACE, f"sale|{connection_id}|{source_order_id}")


def order_id(sale: UUID, number: int) -> UUID:
    """The `number`-th order (from 1) of a sale, counted over all brands."""
    return uuid5(NAMESPACE, f"order|{sale}|{number:02d}")


def parcel_id(order: UUID, number: int) -> UUID:
    """The `number`-th parcel (from 1) of an order; a number is never reused."""
    return uuid5(NAMESPACE, f"parcel|{order}|{number}")


def label_id(parcel: UUID, purchase: int) -> UUID:
    """The label of the `purchase`-th purchase (from 1) for a parcel; also the key under which its carrier knows it."""
    return uuid5(NAMESPACE, f"label|{parcel}|{purchase}")


def request_id(order: UUID, causation_id: UUID, kind: str = "") -> UUID:
    """The request about an order that one command or event brought about; `kind` tells apart several of one event."""
    return uuid5(NAMESPACE, f"request|{order}|{causation_id}{kind and '|'}{kind}")


def hold_id(order: UUID, reason: str) -> UUID:
    """The hold with which an order was born; one that was asked for has the id of its request."""
    return uuid5(NAMESPACE, f"hold|{order}|{reason}")


def exception_id(order: UUID, kind: str, about: UUID) -> UUID:
    """The exception of a kind about one parcel, request or line of an order."""
    return uuid5(NAMESPACE, f"exception|{order}|{kind}|{about}")


def event_id(causation_id: UUID, type_: str, subject: UUID, ordinal: int) -> UUID:
    """The `ordinal`-th event (from 0) of this type and subject that one cause brought about."""
    return uuid5(NAMESPACE, f"event|{causation_id}|{type_}|{subject}|{ordinal}")


def command_id(caller: str, route: str, idempotency_key: str) -> UUID:
    """The causation id of a command that carries an Idempotency-Key."""
    return uuid5(NAMESPACE, f"command|{caller}|{route}|{idempotency_key}")


def webhook_id(connection_id: UUID, change_key: str) -> UUID:
    """The causation id of a webhook, by the key its platform gives to the change."""
    return uuid5(NAMESPACE, f"webhook|{connection_id}|{change_key}")


def bucket(subject: UUID) -> int:
    """The relay bucket of a subject, 0 to 255: its first byte."""
    return subject.bytes[0]


def partition(subject: UUID, partitions: int = PARTITIONS) -> int:
    """The Kafka partition of a subject, as Java's client computes it from the key's text.

    Source: `murmur2` and `toPositive` of `org.apache.kafka.common.utils.Utils`.
    """
    return (_murmur2(str(subject).encode()) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    digest = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4
    for word in struct.unpack_from(f"<{whole}I", data):
        mixed = word * multiplier & mask
        digest = (digest * multiplier ^ (mixed ^ (mixed >> 24)) * multiplier) & mask
    if tail := data[4 * whole :]:
        digest = (digest ^ int.from_bytes(tail, "little")) * multiplier & mask
    digest = (digest ^ (digest >> 13)) * multiplier & mask
    return digest ^ (digest >> 15)
