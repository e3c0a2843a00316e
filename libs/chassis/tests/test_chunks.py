"""In which order, and in how large portions, a rebuild takes in the topics of one partition number."""

from collections.abc import AsyncGenerator

from waybill_chassis.rebuild import CHUNK_BYTES, chunks
from waybill_chassis.records import Record

Told = list[list[tuple[str, int]]]


async def topic(name: str, *times_ms: int, fetch: int = 2, size: int = 1) -> AsyncGenerator[list[Record]]:
    """A topic with a record at each of these times, `fetch` at a time."""
    records = [Record(name, 0, at, b"key", (), b"x" * size, time_ms) for at, time_ms in enumerate(times_ms)]
    for at in range(0, len(records), fetch):
        yield records[at : at + fetch]


async def told(*topics: AsyncGenerator[list[Record]], most: int) -> Told:
    return [[(each.topic, each.offset) for each in chunk] async for chunk in chunks(topics, most)]


async def test_what_fits_into_one_chunk_comes_topic_after_topic() -> None:
    found = await told(topic("causes", 1, 5, 9), topic("effects", 2, 3, 6, 7), most=100)

    assert found == [[*(("causes", at) for at in range(3)), *(("effects", at) for at in range(4))]]


async def test_what_does_not_is_cut_by_time_so_that_no_effect_comes_before_its_cause() -> None:
    found = await told(topic("causes", 1, 3, 5, 7), topic("effects", 2, 4, 6, 8), most=3)

    assert found == [
        [("causes", 0), ("causes", 1), ("effects", 0)],
        [("causes", 2), ("causes", 3), ("effects", 1), ("effects", 2)],
        [("effects", 3)],
    ]


async def test_a_topic_that_is_far_behind_comes_first() -> None:
    found = await told(topic("causes", 50, 60), topic("effects", 1, 2, 3, 4, 5), topic("nothing"), most=2)

    assert found == [
        [("effects", 0), ("effects", 1)],
        [("effects", 2), ("effects", 3)],
        [("causes", 0), ("causes", 1), ("effects", 4)],
    ]


async def test_a_clock_that_goes_backwards_costs_nothing_and_changes_no_order_within_a_topic() -> None:
    found = await told(topic("causes", 9, 1, 8, 2), topic("effects", 5, 4, 3), most=1)

    each = [place for chunk in found for place in chunk]
    assert [place for place in each if place[0] == "causes"] == [("causes", at) for at in range(4)]
    assert [place for place in each if place[0] == "effects"] == [("effects", at) for at in range(3)]


async def test_large_values_make_smaller_chunks() -> None:
    found = await told(topic("causes", 1, 2, 3, 4, fetch=1, size=CHUNK_BYTES // 2), most=100)

    assert found == [[("causes", 0), ("causes", 1)], [("causes", 2), ("causes", 3)]]
