"""Make the topics of the catalogue, and see at start that they are there as they should be."""

# aiokafka's own annotations are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Collection
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from waybill_events import TOPICS, Topic, ids

_CONFIGS: Final = {
    "log": {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"},
    "expiring": {"cleanup.policy": "delete", "retention.ms": str(30 * 24 * 3600 * 1000)},
    "table": {"cleanup.policy": "compact"},
}


class TopicsMissing(RuntimeError):
    """Topics are not there, or have another number of partitions than the ids are spread over."""


async def create(bootstrap: str, *, replication: int = 1, topics: Collection[Topic] = TOPICS) -> list[str]:
    """Create what is missing; the names of what was created."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        missing = [topic for topic in topics if topic.name not in await admin.list_topics()]
        if not missing:
            return []
        answer = await admin.create_topics(
            [NewTopic(topic.name, ids.PARTITIONS, replication, topic_configs=_CONFIGS[topic.kind]) for topic in missing]
        )
        errors: list[tuple[Any, ...]] = answer.topic_errors  # pyright: ignore[reportAttributeAccessIssue]
        for name, code, *_ in errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise for_code(code)(f"topic {name} could not be created")
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def check(bootstrap: str, topics: Collection[str]) -> None:
    """Raise TopicsMissing unless each topic has as many partitions as the ids are spread over."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        found = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics(sorted(topics))}
    finally:
        await admin.close()
    for name in sorted(topics):
        partitions = found.get(name)
        if not partitions:
            raise TopicsMissing(f"topic {name} does not exist; run `waybill topics create`")
        if len(partitions) != ids.PARTITIONS:
            raise TopicsMissing(
                f"topic {name} has {len(partitions)} partitions, not {ids.PARTITIONS}: keys would change their place"
            )


async def ends(bootstrap: str, topics: Collection[str]) -> dict[tuple[str, int], tuple[int, int]]:
    """The first and the next offset of every partition of these topics, which must exist."""
    if not topics:
        # aiokafka would cancel whoever stops a consumer that has had nothing to do.
        return {}
    # It rests so long once for each topic that it has not seen before.
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, retry_backoff_ms=10)
    try:
        await consumer.start()
        places = [TopicPartition(name, number) for name in sorted(topics) for number in range(ids.PARTITIONS)]
        first, last = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        return {(place.topic, place.partition): (first[place], last[place]) for place in places}
    finally:
        await consumer.stop()
