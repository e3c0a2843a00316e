"""Kafka's jars, fetched by coordinates and hash into a repository of the test's own."""

from pathlib import Path

import pytest

from waybill_chassis.embedded import jars

REAL = jars.LOCK


def one_of(lock: Path, digest: str | None = None) -> None:
    """A lock of the smallest jar alone, perhaps with another hash."""
    line = next(line for line in REAL.read_text().splitlines() if "slf4j-simple" in line)
    coordinates, _, actual = line.partition(" sha256:")
    lock.write_text(f"{coordinates} sha256:{digest or actual}\n")


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "repository"))
    monkeypatch.setattr(jars, "LOCK", tmp_path / "kafka.lock")
    return tmp_path / "kafka.lock"


def test_a_jar_is_fetched_once_and_again_where_it_was_left_half(lock: Path) -> None:
    one_of(lock)
    fetched: list[int] = []

    (jar,) = jars.fetch(lambda done, _of: fetched.append(done))
    whole = jar.read_bytes()
    jars.fetch(lambda done, _of: fetched.append(done))
    jar.write_bytes(whole[:100])
    jars.fetch(lambda done, _of: fetched.append(done))

    assert fetched == [1, 1]
    assert jar.read_bytes() == whole


def test_a_jar_of_another_hash_is_refused_and_not_kept(lock: Path) -> None:
    one_of(lock, "0" * 64)

    with pytest.raises(jars.WrongHash, match="slf4j-simple"):
        jars.fetch(lambda _done, _of: None)

    assert not list(lock.parent.rglob("*.jar"))
