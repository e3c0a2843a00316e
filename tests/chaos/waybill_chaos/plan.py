"""From a seed, which fault strikes whom, when and for how long; pure, so that the same seed strikes the same way."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

SENDERS: Final = ("connectors", "orders", "fulfillment", "tracking", "labels")
READERS: Final = ("orders", "fulfillment", "tracking", "labels", "portal")
SERVICES: Final = ("connectors", *READERS)
TOPICS: Final = ("waybill.sales", "waybill.orders", "waybill.fulfillment", "waybill.tracking")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. Faults of one lane follow one another; those of different lanes overlap."""

    name: str
    lane: str
    targets: Sequence[str]
    lasts_s: tuple[float, float]
    variants: Sequence[str] = ("",)


KINDS: Final = (
    Kind("kill", "processes", SERVICES, (0.1, 2)),
    Kind("kill-between-send-and-sent", "processes", SENDERS, (1, 4)),
    Kind("kill", "processes", ("kafka", "postgres"), (0.1, 2)),
    Kind("outbox-rows-held", "processes", ("fulfillment",), (2, 3.5)),
    Kind("zombie", "processes", READERS, (11, 14), ("anywhere", "in a batch")),
    Kind("overtaken", "processes", ("portal",), (16, 18), TOPICS[2:3]),
    Kind("rebalance", "processes", SERVICES, (4, 8), ("asked to leave", "killed")),
    Kind("clock", "processes", SERVICES, (4, 8), ("+7200", "-7200", "+900000")),
    Kind("no-leader", "processes", ("kafka",), (4, 12)),
    Kind("slow", "network", SERVICES, (3, 8), ("database", "kafka")),
    Kind("cut", "network", SERVICES, (0.1, 3), ("database", "kafka")),
    Kind("flaky", "network", SERVICES, (3, 8), ("database", "kafka")),
    Kind("silent", "network", SERVICES, (3, 12), ("database", "kafka")),
    Kind("locked", "network", READERS, (6, 9)),
    Kind("topic-behind", "network", ("portal",), (10, 20), TOPICS[1:]),
    Kind("older-copy-under-a-reader", "records", ("portal",), (4, 8)),
    Kind(
        "repeated",
        "records",
        (*TOPICS, "waybill.labels", "waybill.recipients"),
        (0, 1),
        ("newest", "oldest", "backwards"),
    ),
    Kind("poison", "records", TOPICS, (0, 1), ("unknown version", "refused")),
    Kind("undecodable", "records", TOPICS, (0, 1), ("value", "headers", "U+0000", "oversized")),
    Kind("older-copy-at-start", "records", ("orders", "fulfillment", "tracking", "labels"), (5, 8)),
    Kind("rebuild", "records", ("portal",), (0.5, 4), ("whole", "killed")),
    Kind("refused-row", "records", ("fulfillment", "portal", "orders", "labels"), (0, 1)),
)
LANES: Final = ("processes", "network", "records")


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: `at_s` seconds after the beginning, or later where the one before it in its lane took longer."""

    number: int
    at_s: float
    lane: str
    kind: str
    target: str
    variant: str
    lasts_s: float
    draw: int
    """For what else must be chosen when it strikes."""

    def __str__(self) -> str:
        variant = f" ({self.variant})" if self.variant else ""
        return f"{self.kind} {self.target}{variant} for {self.lasts_s:.1f} s"


PAUSE_S: Final = (0.5, 2.5)


def plan(seed: int, seconds: float, only: Collection[str] = (), pause_s: tuple[float, float] = PAUSE_S) -> list[Strike]:
    """All strikes of a run, by time. Each lane deals all of its kinds before it deals one again.

    `only` names what may be dealt, for a run that is after something in particular: a kind, or a kind and its target,
    as `cut@orders`. `pause_s` is how long a lane rests between two strikes, at least and at most.
    """
    strikes: list[Strike] = []
    for lane in LANES:
        kinds = [some for kind in KINDS if kind.lane == lane and (some := _allowed(kind, only)).targets]
        strikes += _of_lane(lane, kinds, seed, seconds, pause_s)
    return sorted(strikes, key=lambda strike: (strike.at_s, strike.lane))


def _allowed(kind: Kind, only: Collection[str]) -> Kind:
    if not only or kind.name in only:
        return kind
    return replace(kind, targets=[target for target in kind.targets if f"{kind.name}@{target}" in only])


def _of_lane(lane: str, kinds: Sequence[Kind], seed: int, seconds: float, pause_s: tuple[float, float]) -> list[Strike]:
    dice = random.Random(f"{seed}|{lane}")  # repeatable on purpose
    targets = {id(kind): dice.sample(kind.targets, len(kind.targets)) for kind in kinds}
    variants = {id(kind): dice.sample(kind.variants, len(kind.variants)) for kind in kinds}
    found: list[Strike] = []
    at, hand = dice.uniform(1, 3), list[Kind]()
    while kinds and at < seconds:
        hand = hand or dice.sample(kinds, len(kinds))
        kind = hand.pop()
        lasts = round(dice.uniform(*kind.lasts_s), 1)
        if at + lasts > seconds:
            break
        # Targets and variants are dealt in turn as well: a short run should not strike one of them twice.
        for pile in (targets[id(kind)], variants[id(kind)]):
            pile.append(pile.pop(0))
        target, variant = targets[id(kind)][-1], variants[id(kind)][-1]
        found.append(
            Strike(len(found) + 1, round(at, 1), lane, kind.name, target, variant, lasts, dice.randrange(2**32))
        )
        at += lasts + dice.uniform(*pause_s)
    return found
