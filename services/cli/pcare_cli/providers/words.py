"""What is typed about a provider, read. Pure."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from pcare_schemas import identifiers
from pcare_schemas.register import LOCAL_SOURCE, ODS_SOURCE, SOURCE_PATTERN, Register
from pcare_schemas.validity import LONDON

_ODS_CODE = re.compile("[A-Z0-9]{3,8}")
_SLUG = re.compile("[a-z0-9]+(-[a-z0-9]+)*")

NONE = "none"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALL = "all"
_DAYS = frozenset({"valid_from", "valid_to"})
_CAN_BE_NONE = _DAYS | {"successor"}


class RefusedError(Exception):
    """It is not done. The message says why, and what to do."""


def known_source(text: str, register: Register) -> str | None:
    """Return the source of a provider of the register, named by its code, in any case, or by its source."""
    if text in register.by_source:
        return text
    codes = {provider.topic_slug: provider.source for provider in register.by_source.values()}
    return codes.get(text.lower())


def new_source(text: str) -> str:
    """Return the source of an organisation that is not registered yet. Raises RefusedError where it is not clear."""
    if re.fullmatch(SOURCE_PATTERN, text):
        return text
    if _ODS_CODE.fullmatch(text) and re.search("[A-Z]", text):
        return ODS_SOURCE + text
    if _SLUG.fullmatch(text):
        upper = text.upper()
        ods = f"{upper}, if that is its ODS code; " if _ODS_CODE.fullmatch(upper) else ""
        raise RefusedError(
            f"No organisation of the register has the code {text}. Write {ods}{LOCAL_SOURCE}{text}, if it has none and "
            "that is to be its name in events."
        )
    raise RefusedError(
        f"An organisation is named by its ODS code (RKE), or without one by {LOCAL_SOURCE}<slug>, the slug of small "
        "letters, digits and single hyphens."
    )


def day(option: str, text: str) -> dt.date:
    """Return a day. Raises RefusedError naming the option."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"{option} takes a day, such as 2026-04-01.") from None


def end_of_life(text: str, now: dt.datetime) -> dt.datetime:
    """Return the instant from which a credential is refused: the start of a day in London, or an instant to come."""
    try:
        if len(text) == len("2026-04-01"):
            instant = dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), LONDON)
        else:
            instant = dt.datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise RefusedError(
            "--expires takes a day (2026-04-01: refused from its start in London) or an instant with its offset."
        )
    if instant <= now:
        raise RefusedError("--expires lies in the past: what it names would never be accepted.")
    return instant.astimezone(dt.UTC)


def expected(by: str | None, days: str | None, bank_holidays: bool | None) -> dict[str, Any]:
    """Return the columns that say by when a provider normally sends; `none` takes that away. Raises RefusedError."""
    given: dict[str, Any] = {} if bank_holidays is None else {"expected_on_bank_holidays": bank_holidays}
    if by == NONE:
        return {"expected_by": None, "expected_days": None, "expected_on_bank_holidays": False}
    if by is not None:
        if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", by):
            raise RefusedError("--expected-by takes an hour of London's clocks, such as 09:30, or `none`.")
        given |= {"expected_by": dt.time.fromisoformat(by), "expected_days": weekdays(days or "mon-fri")}
    elif days is not None:
        given["expected_days"] = weekdays(days)
    return given


def weekdays(text: str) -> list[str]:
    """Return the weekdays of `mon-fri`, `mon,wed` or both mixed, in their order. Raises RefusedError."""
    found: set[str] = set()
    for part in text.lower().split(","):
        first, _, last = (name.strip() for name in part.partition("-"))
        if first not in DAYS or (last or first) not in DAYS:
            raise RefusedError(f"--days takes {', '.join(DAYS)}: with commas, or from one to another (mon-fri).")
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {DAYS[number % len(DAYS)] for number in range(start, end + 1 if end >= start else end + 1 + len(DAYS))}
    return [name for name in DAYS if name in found]


def changes(texts: Mapping[str, str | None], kinds: str | None, events_per_second: int | None) -> dict[str, Any]:
    """Return what was given, by column of the register; `none`, `all` and 0 take a limit away.

    Raises RefusedError for a day that is none, and for a name that is empty or would identify a person.
    """
    given: dict[str, Any] = {}
    for column, text in texts.items():
        if text is None:
            continue
        if not text.strip() or identifiers.find(text):
            raise RefusedError(f"--{column.replace('_', '-')} is empty, or holds what looks like an NHS number.")
        if text == NONE and column in _CAN_BE_NONE:
            given[column] = None
        else:
            given[column] = day(f"--{column.replace('_', '-')}", text) if column in _DAYS else text
    if kinds is not None:
        named = [kind.strip() for kind in kinds.split(",") if kind.strip()]
        given["kinds"] = None if kinds == ALL else named
    if events_per_second is not None:
        given["events_per_second"] = events_per_second or None
    return given
