"""From which day to which a code or an organisation is valid."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True)
class Validity:
    """From the start of `first` to the start of `end`, days in London; None is no limit."""

    first: dt.date | None
    end: dt.date | None
    starts: dt.datetime | None
    ends: dt.datetime | None

    @classmethod
    def between(cls, first: dt.date | None, end: dt.date | None) -> "Validity":
        """Make it of two days. Raises ValueError if it ends before it starts."""
        if first is not None and end is not None and end <= first:
            raise ValueError("valid_to must be later than valid_from")
        return cls(first, end, _midnight(first), _midnight(end))

    def holds_at(self, instant: dt.datetime) -> bool:
        """Say whether an aware instant lies within."""
        return (self.starts is None or self.starts <= instant) and (self.ends is None or instant < self.ends)

    def began_by(self, instant: dt.datetime) -> bool:
        """Say whether it had begun at an aware instant, ended or not."""
        return self.starts is None or self.starts <= instant

    def document(self) -> dict[str, str]:
        """Return the limits there are, as text."""
        days = {"valid_from": self.first, "valid_to": self.end}
        return {name: day.isoformat() for name, day in days.items() if day is not None}


def _midnight(day: dt.date | None) -> dt.datetime | None:
    if day is None:
        return None
    return dt.datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(dt.UTC)
