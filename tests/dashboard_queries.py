"""Asks every query of a dashboard as Grafana would, with variables and macros put in, of Prometheus and PostgreSQL."""

import datetime as dt
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

FOLDER = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards"

SCRAPED_EVERY = 5
"""`timeInterval` of provisioning/datasources: no step is shorter."""

POINTS = 1000
"""How many points a panel is wide: the step follows from it."""

ALL = "$__all"
_REFERENCE = re.compile(r"\$(?:\{(\w+)(?::(\w+))?\}|(?!__)(\w+))")
_LEFT_OVER = re.compile(r"\$(?:\{|\w)")


class Sources(Protocol):
    """Where the answers come from. Each returns them, or the words of an error."""

    async def prometheus(self, path: str, **parameters: Any) -> Any | str:
        """Ask the HTTP API of Prometheus."""
        ...

    async def postgres(self, sql: str) -> Sequence[Mapping[str, Any]] | str:
        """Ask PostgreSQL, as the login that Grafana has."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as it was sent, and what is wrong with its answer, if anything is."""

    where: str
    text: str
    fault: str | None


@dataclass(slots=True)
class Reader:
    """Somebody who looks at a dashboard: over the time from `since` to `until`, with what is chosen in `wanted`."""

    dashboard: dict[str, Any]
    sources: Sources
    since: dt.datetime
    until: dt.datetime
    wanted: Mapping[str, list[str]] = field(default_factory=dict)
    _chosen: dict[str, list[str]] = field(default_factory=dict)

    async def look(self) -> list[Asked]:
        """Choose the variables in their order, as the browser does, and ask what every panel asks."""
        asked = [await self._choose(variable) for variable in self.dashboard["templating"]["list"]]
        for where, target in self._targets():
            asked.append(await self._ask(where, target))
        return [one for one in asked if one is not None]

    def _targets(self) -> Iterator[tuple[str, dict[str, Any]]]:
        uid = self.dashboard["uid"]
        for panel in self.dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield f"{uid}: {panel['title']} ({target['refId']})", target
        for annotation in self.dashboard["annotations"].get("list", ()):
            yield f"{uid}: annotation {annotation['name']}", annotation["target"]

    async def _choose(self, variable: dict[str, Any]) -> Asked | None:
        name = variable["name"]
        if variable["type"] == "constant":
            self._chosen[name] = [variable["query"]]
            return None
        if variable["type"] == "custom":
            options = [one.rsplit(" : ", 1)[-1] for one in variable["query"].split(", ")]
            self._chosen[name] = self._of(variable, options)
            return None
        where = f"{self.dashboard['uid']}: variable {name}"
        options, text = await self._options(variable)
        if isinstance(options, str) or not options:
            return Asked(where, text, options if isinstance(options, str) else "no values to choose from")
        self._chosen[name] = self._of(variable, options)
        return Asked(where, text, None)

    async def _options(self, variable: dict[str, Any]) -> tuple[list[str] | str, str]:
        if variable["datasource"]["type"] == "prometheus":
            text = self._filled(variable["query"], of_sql=False)
            values = re.fullmatch(r"label_values\((.+), (\w+)\)", text)
            assert values, f"{text}: this test knows label_values() only"
            answer = await self.sources.prometheus(
                f"label/{values[2]}/values", **{"match[]": values[1]}, **self._span()
            )
            if isinstance(answer, str):
                return answer, text
            return sorted(answer, reverse=variable["sort"] == 2), text
        text = self._filled(variable["query"], of_sql=True)
        rows = await self.sources.postgres(text)
        return (rows if isinstance(rows, str) else [row["__value"] for row in rows]), text

    def _of(self, variable: dict[str, Any], options: list[str]) -> list[str]:
        """Return what is chosen: as wanted, else all where that is the beginning, else the first."""
        wanted = self.wanted.get(variable["name"])
        if wanted is not None:
            assert variable["multi"] or len(wanted) == 1, f"{variable['name']} takes one value"
            return wanted
        return options if variable.get("current", {}).get("value") == [ALL] else options[:1]

    async def _ask(self, where: str, target: dict[str, Any]) -> Asked:
        if target["datasource"]["type"] == "prometheus":
            text = self._filled(target["expr"], of_sql=False)
            fault = f"not put in: {text}" if _LEFT_OVER.search(text) else await self._ask_prometheus(text, target)
        else:
            text = self._filled(target["rawSql"], of_sql=True)
            fault = f"not put in: {text}" if _LEFT_OVER.search(text) else await self._ask_postgres(text, target)
        return Asked(where, text, fault)

    async def _ask_prometheus(self, text: str, target: dict[str, Any]) -> str | None:
        span = self._span()
        if target["instant"]:
            answer = await self.sources.prometheus("query", query=text, time=str(self.until.timestamp()))
        else:
            answer = await self.sources.prometheus("query_range", query=text, step=f"{self._step()}", **span)
        if isinstance(answer, str):
            return answer
        samples = [
            float(value) for series in answer["result"] for _, value in series.get("values", [series.get("value")])
        ]
        if not samples:
            return "no series"
        return None if any(math.isfinite(sample) for sample in samples) else "no number"

    async def _ask_postgres(self, text: str, target: dict[str, Any]) -> str | None:
        rows = await self.sources.postgres(text)
        if isinstance(rows, str):
            return rows
        if not rows:
            return "no rows"
        if target["format"] == "time_series" and (fault := _of_time(rows)) is not None:
            return fault
        values = (value for row in rows for name, value in row.items() if name != "time")
        return None if any(value is not None for value in values) else "nothing but null"

    def _span(self) -> dict[str, str]:
        step = self._step()
        return {
            "start": str(math.floor(self.since.timestamp() / step) * step),
            "end": str(math.floor(self.until.timestamp() / step) * step),
        }

    def _step(self) -> int:
        return max(SCRAPED_EVERY, math.ceil((self.until - self.since).total_seconds() / POINTS))

    def _filled(self, text: str, *, of_sql: bool) -> str:
        step, seconds = self._step(), int((self.until - self.since).total_seconds())
        since, until = (f"'{when.isoformat().replace('+00:00', 'Z')}'" for when in (self.since, self.until))
        if of_sql:
            text = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {since} AND {until}", text)
            text = text.replace("$__timeFrom()", since).replace("$__timeTo()", until)
        rate = max(step + SCRAPED_EVERY, 4 * SCRAPED_EVERY)
        for name, value in (("$__rate_interval", rate), ("$__interval", step), ("$__range", seconds)):
            text = text.replace(name, f"{value}s")
        return _REFERENCE.sub(lambda found: self._value(found, of_sql=of_sql), text)

    def _value(self, found: re.Match[str], *, of_sql: bool) -> str:
        name = found[1] or found[3]
        if name not in self._chosen:
            return found[0]
        values, several = self._chosen[name], self._several(name)
        if of_sql:
            return ",".join(_quoted(one) for one in values) if several or found[2] == "sqlstring" else values[0]
        if not several:
            return values[0].replace("\\", "\\\\")
        escaped = [re.sub(r"[$^*{}\[\]+?.()|\\]", r"\\\\\g<0>", one) for one in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    def _several(self, name: str) -> bool:
        return any(one["name"] == name and one["multi"] for one in self.dashboard["templating"]["list"])


def dashboards() -> dict[str, dict[str, Any]]:
    """Return the dashboards as they are committed, by uid."""
    read = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json")))
    return {one["uid"]: one for one in read}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _of_time(rows: Sequence[Mapping[str, Any]]) -> str | None:
    times = [row.get("time") for row in rows]
    if not all(isinstance(time, dt.datetime) for time in times):
        return "no column `time` of instants"
    return None if times == sorted(times) else "not in the order of time"
