import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pcare_local.jars import LOCK, Download, Jar, KafkaUnavailableError, kafka_classpath, kafka_version, read_lock

CONTENT = b"the jar as it should be"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "kafka.lock"
    file.write_text(
        f"# a comment\n\norg.apache.kafka:kafka-clients:4.1.2 {DIGEST}\norg.slf4j:slf4j-api:1.7.36 {DIGEST}\n"
    )
    return file


def writing(*contents: bytes) -> tuple[list[Jar], Download]:
    """A download that leaves the contents given, one an attempt, and the jars that it was asked for."""
    asked: list[Jar] = []
    left = list(contents)

    def download(jar: Jar, directory: Path) -> Path:
        asked.append(jar)
        path = directory / "org" / jar.filename
        path.parent.mkdir()
        path.write_bytes(left.pop(0) if left else CONTENT)
        return path

    return asked, download


def test_the_committed_lock_pins_the_whole_of_kafka() -> None:
    jars = read_lock(LOCK.read_text())
    assert kafka_version(jars) == "4.1.2"
    assert len({jar.filename for jar in jars}) == len(jars) == 46
    assert "http" not in LOCK.read_text()


@pytest.mark.parametrize(
    "line",
    ["org.slf4j:slf4j-api:1.7.36", f"org.slf4j:slf4j-api {DIGEST}", f"a:b:1 {DIGEST[:-1]}", f"a:../b:1 {DIGEST}"],
)
def test_a_malformed_line_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 of the lock"):
        read_lock(f"# fine\n{line}\n")


def test_an_empty_lock_is_refused() -> None:
    with pytest.raises(ValueError, match="names no jar"):
        read_lock("# nothing\n")


def test_jars_are_fetched_once_and_progress_is_told(lock: Path, tmp_path: Path) -> None:
    asked, download = writing()
    told: list[tuple[int, int]] = []

    def progress(fetched: int, wanted: int) -> None:
        told.append((fetched, wanted))

    first = kafka_classpath(progress, lock=lock, cache=tmp_path, download=download)
    second = kafka_classpath(progress, lock=lock, cache=tmp_path, download=download)

    assert first == second
    assert [path.read_bytes() for path in first] == [CONTENT, CONTENT]
    assert [path.name for path in first] == ["kafka-clients-4.1.2.jar", "slf4j-api-1.7.36.jar"]
    assert len(asked) == 2
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_of_several_at_once_one_fetches(lock: Path, tmp_path: Path) -> None:
    asked, download = writing()
    with ThreadPoolExecutor(4) as several:
        calls = [several.submit(kafka_classpath, lock=lock, cache=tmp_path, download=download) for _ in range(4)]
        assert len({tuple(call.result()) for call in calls}) == 1
    assert len(asked) == 2


def test_a_truncated_download_is_tried_again_and_never_kept(lock: Path, tmp_path: Path) -> None:
    asked, download = writing(CONTENT[:-3], CONTENT[:5])
    paths = kafka_classpath(lock=lock, cache=tmp_path, download=download)
    assert all(path.read_bytes() == CONTENT for path in paths)
    assert len(asked) == 4
    assert set(paths[0].parent.iterdir()) == set(paths)


def test_a_jar_that_was_damaged_in_the_cache_is_fetched_again(lock: Path, tmp_path: Path) -> None:
    asked, download = writing()
    paths = kafka_classpath(lock=lock, cache=tmp_path, download=download)
    paths[1].write_bytes(CONTENT[:4])
    assert kafka_classpath(lock=lock, cache=tmp_path, download=download)[1].read_bytes() == CONTENT
    assert [jar.artifact for jar in asked[2:]] == ["slf4j-api"]


def test_another_file_than_the_locked_one_is_refused(lock: Path, tmp_path: Path) -> None:
    _, download = writing(*[b"something else"] * 6)
    with pytest.raises(KafkaUnavailableError, match="the lock says"):
        kafka_classpath(lock=lock, cache=tmp_path, download=download)
    assert list((tmp_path / "kafka-4.1.2").glob("*.jar")) == []


def test_without_a_network_one_line_names_the_ways_out(lock: Path, tmp_path: Path) -> None:
    def download(jar: Jar, directory: Path) -> Path:
        raise OSError("no route to host\nat all")

    with pytest.raises(KafkaUnavailableError) as refused:
        kafka_classpath(lock=lock, cache=tmp_path, download=download)
    message = str(refused.value)
    assert "\n" not in message
    assert "docker compose up" in message
    assert "PCARE_KAFKA_BOOTSTRAP_SERVERS" in message


def test_what_a_killed_program_left_half_written_is_removed_in_time(lock: Path, tmp_path: Path) -> None:
    _, download = writing()
    directory = kafka_classpath(lock=lock, cache=tmp_path, download=download)[0].parent
    leftovers = [directory / ".download-abc", directory / "classes-0123.77-1"]
    leftovers[0].mkdir()
    leftovers[1].touch()
    kafka_classpath(lock=lock, cache=tmp_path, download=download)
    assert all(path.exists() for path in leftovers)
    for path in leftovers:
        os.utime(path, (0, 0))
    finished = directory / "classes-0123"
    finished.touch()
    os.utime(finished, (0, 0))
    kafka_classpath(lock=lock, cache=tmp_path, download=download)
    assert not any(path.exists() for path in leftovers)
    assert finished.exists()
