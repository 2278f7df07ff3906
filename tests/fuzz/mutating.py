"""Events spoilt in every way that a sender, a network or a hand may spoil them. Deterministic by seed and number.

Input `n` of a seed is the same on every machine and in every run, and needs no input before it: what failed is
made again from two numbers.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fuzz import hostile
from fuzz.nhs_numbers import NUMBERS, spelled

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
MOST_CHANGES = 5
LARGE_SHARE = 0.001
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to throw. `valid`: nothing was spoilt, so it has to be taken."""

    seed: int
    number: int
    value: bytes | None
    key: bytes | None
    valid: bool

    @property
    def name(self) -> str:
        """Return what makes it again."""
        return f"seed {self.seed}, input {self.number}"


@cache
def examples() -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the valid examples, and all, invalid ones too."""
    valid = sorted(EXAMPLES.glob("*.json"))
    invalid = [path for path in sorted((EXAMPLES / "invalid").glob("*.json")) if path.name != "manifest.json"]
    return tuple(path.read_bytes() for path in valid), tuple(path.read_bytes() for path in [*valid, *invalid])


def inputs(
    seed: int, numbers: range, *, valid_share: float = 0.1, change: Callable[[Event, Random], None] | None = None
) -> Iterator[Input]:
    """Make the inputs of these numbers. `change` is done to each valid event before it is spoilt, if it is at all."""
    for number in numbers:
        yield make(seed, number, valid_share=valid_share, change=change)


def make(
    seed: int, number: int, *, valid_share: float = 0.1, change: Callable[[Event, Random], None] | None = None
) -> Input:
    """Make one input."""
    rng = Random(seed * 1_000_000_007 + number)
    documents, texts = examples()
    document = json.loads(rng.choice(documents))
    document["id"] = f"fuzz-{seed}-{number}"
    if change is not None:
        change(document, rng)
    key: bytes | None = document["subject"].encode()
    if rng.random() < valid_share:
        return Input(seed, number, _written(document, Random(0)), key, valid=True)
    if rng.random() < 0.02:
        value = None if rng.random() < 0.1 else rng.randbytes(rng.randrange(200))
        return Input(seed, number, value, _spoilt_key(rng, key), valid=False)
    structure = rng.randrange(MOST_CHANGES)
    for _ in range(structure):
        rng.choice(_OF_STRUCTURE)(document, rng)
    value = rng.choice(texts) if rng.random() < 0.15 else _written(document, rng)
    for _ in range(rng.randrange(3) if structure else rng.randint(1, MOST_CHANGES)):
        value = rng.choice(_OF_BYTES)(value, rng)
    if rng.random() < LARGE_SHARE:
        value = _insert_raw(value, rng, hostile.LARGE)
    if rng.random() < 0.5:
        key = _subject_of(value, key)
    return Input(seed, number, value, _spoilt_key(rng, key) if rng.random() < 0.15 else key, valid=False)


def _subject_of(value: bytes, otherwise: bytes | None) -> bytes | None:
    try:
        return str(json.loads(value)["subject"]).encode("utf-8", "surrogatepass")
    except (ValueError, TypeError, KeyError, RecursionError):
        return otherwise


def _spoilt_key(rng: Random, key: bytes | None) -> bytes | None:
    return rng.choice(
        (None, b"", b"\xff\0", (key or b"") + b" ", rng.randbytes(20), spelled(rng, rng.choice(NUMBERS)).encode())
    )


def _written(document: Any, rng: Random) -> bytes:
    text = json.dumps(
        document,
        ensure_ascii=rng.random() < 0.5,
        separators=rng.choice(((",", ":"), (", ", ": "), (" ,\n", "\t:\r\n"))),
    )
    return text.encode("utf-8", "surrogatepass")


# ---- changes of structure


def _place(document: Event, rng: Random) -> Any:
    inner = document.get("data")
    return inner if isinstance(inner, dict) and inner and rng.random() < 0.6 else document


def _anything(rng: Random, depth: int = 0) -> Any:
    if depth < 3 and rng.random() < 0.2:
        several = [_anything(rng, depth + 1) for _ in range(rng.randrange(4))]
        return several if rng.random() < 0.5 else {rng.choice(hostile.NAMES): one for one in several}
    return rng.choice(
        (
            rng.choice(hostile.TEXTS),
            rng.choice(hostile.TEXTS),
            rng.choice(hostile.NUMBERS),
            rng.choice((None, True, False)),
            f"{rng.choice(hostile.DATES)}{rng.choice('T t')}{rng.choice(hostile.TIMES)}",
            spelled(rng, rng.choice(NUMBERS)),
        )
    )


def _set(document: Event, rng: Random) -> None:
    place = _place(document, rng)
    if place:
        place[rng.choice(list(place))] = _anything(rng)


def _remove(document: Event, rng: Random) -> None:
    place = _place(document, rng)
    if place:
        del place[rng.choice(list(place))]


def _add(document: Event, rng: Random) -> None:
    _place(document, rng)[rng.choice(hostile.NAMES)] = _anything(rng)


def _rename(document: Event, rng: Random) -> None:
    place = _place(document, rng)
    if place:
        name = rng.choice(list(place))
        place[rng.choice((name.upper(), name + "s", name[:-1], "_" + name, rng.choice(hostile.NAMES)))] = place.pop(
            name
        )


def _swap(document: Event, rng: Random) -> None:
    one, other = _place(document, rng), _place(document, rng)
    if one and other:
        first, second = rng.choice(list(one)), rng.choice(list(other))
        one[first], other[second] = other[second], one[first]


def _as_text(document: Event, rng: Random) -> None:
    place = _place(document, rng)
    if place:
        name = rng.choice(list(place))
        value = place[name]
        place[name] = rng.choice((str(value), [value], {"value": value}, [value] * 30, value or None))


def _time(document: Event, rng: Random) -> None:
    name = rng.choice(("time", "recordedtime"))
    document[name] = f"{rng.choice((*hostile.DATES, '2024-01-05'))}{rng.choice('TTTt _')}{rng.choice(hostile.TIMES)}"


def _day(document: Event, rng: Random) -> None:
    place = _place(document, rng)
    days = [name for name, value in place.items() if isinstance(value, str) and value[:2] == "20"]
    place[rng.choice(days or ["starts"])] = rng.choice(hostile.DATES)


def _hide_a_number(document: Event, rng: Random) -> None:
    number = spelled(rng, rng.choice(NUMBERS))
    place = _place(document, rng)
    if rng.random() < 0.2:
        place[number] = 1
        return
    names = list(place) or ["comment"]
    name = rng.choice((*names, "subject", "id", "source", "comment"))
    target = document if name in {"subject", "id", "source"} else place
    before = target.get(name)
    beside = rng.random() < 0.4 and isinstance(before, str)
    target[name] = rng.choice((f"{before}{number}", f"{number} {before}", f"{before}:{number}")) if beside else number
    if name == "subject" and rng.random() < 0.5:
        target[name] = f"nhs-number:{number}"


def _as_a_number(document: Event, rng: Random) -> None:
    place = _place(document, rng)
    place[rng.choice(list(place) or ["x"])] = rng.choice((int(rng.choice(NUMBERS)), float(rng.choice(NUMBERS))))


_OF_STRUCTURE: tuple[Callable[[Event, Random], None], ...] = (
    _set, _set, _set, _remove, _add, _rename, _swap, _as_text, _time, _day, _hide_a_number,
    _hide_a_number, _as_a_number,
)  # fmt: skip


# ---- changes of bytes


def _at(value: bytes, rng: Random) -> int:
    return rng.randrange(len(value) + 1)


def _flip(value: bytes, rng: Random) -> bytes:
    if not value:
        return value
    at = rng.randrange(len(value))
    return value[:at] + bytes([value[at] ^ (1 << rng.randrange(8))]) + value[at + 1 :]


def _delete(value: bytes, rng: Random) -> bytes:
    at = _at(value, rng)
    return value[:at] + value[at + rng.randint(1, 8) :]


def _insert(value: bytes, rng: Random) -> bytes:
    at = _at(value, rng)
    return value[:at] + rng.randbytes(rng.randint(1, 8)) + value[at:]


def _insert_raw(value: bytes, rng: Random, raw: tuple[bytes, ...] = hostile.RAW) -> bytes:
    at = value.find(rng.choice((b":", b",", b"[", b"{")), _at(value, rng)) + 1
    until = at + rng.choice((0, 0, 3))
    return value[:at] + rng.choice(raw) + value[until:]


def _replace_a_value(value: bytes, rng: Random) -> bytes:
    at = value.find(b":", _at(value, rng)) + 1
    end = min((place for place in (value.find(b",", at), value.find(b"}", at)) if place > 0), default=at)
    return value[:at] + rng.choice(hostile.RAW) + value[end:]


def _repeat(value: bytes, rng: Random) -> bytes:
    start, end = sorted((_at(value, rng), _at(value, rng)))
    return value[:end] + value[start:end] * rng.choice((1, 1, 2, 20)) + value[end:]


def _cut(value: bytes, rng: Random) -> bytes:
    return value[: _at(value, rng)]


def _splice(value: bytes, rng: Random) -> bytes:
    other = rng.choice(examples()[1])
    return value[: _at(value, rng)] + other[_at(other, rng) :]


def _say_twice(value: bytes, rng: Random) -> bytes:
    name = rng.choice((b"id", b"source", b"subject", b"type", b"data", b"time", b"borough", b"\\u0069d"))
    said = (
        b'"'
        + name
        + b'":'
        + rng.choice((b'"x"', b"{}", b"null", b'"nhs-number:' + rng.choice(NUMBERS).encode() + b'"'))
    )
    return (
        value.replace(b"{", b"{" + said + b",", 1) if rng.random() < 0.5 else value.rstrip()[:-1] + b"," + said + b"}"
    )


def _escape(value: bytes, rng: Random) -> bytes:
    at = _at(value, rng)
    if not value[at : at + 1].isalnum():
        return value
    return value[:at] + b"\\u%04x" % value[at] + value[at + 1 :]


def _wrap(value: bytes, rng: Random) -> bytes:
    return rng.choice(
        (
            b"\xef\xbb\xbf" + value,
            value + b"\0",
            value + b"\n\n\n",
            value + b"x",
            value + value,
            b"[" + value + b"]",
            b"\x00\x01" + value,
            value.replace(b'"', b"'"),
            value.decode("utf-8", "replace").encode("utf-16"),
            value.decode("utf-8", "replace").encode("utf-32-le"),
            value.decode("utf-8", "replace").encode("utf-7"),
            json.dumps(value.decode("utf-8", "replace")).encode(),
        )
    )


_OF_BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip, _flip, _flip, _delete, _delete, _insert, _insert, _insert_raw, _replace_a_value, _repeat, _cut, _splice,
    _say_twice, _escape, _escape, _escape, _wrap,
)  # fmt: skip


def change_bytes(value: bytes, rng: Random) -> bytes:
    """Spoil any bytes once."""
    return rng.choice(_OF_BYTES)(value, rng)
