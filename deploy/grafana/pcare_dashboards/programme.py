"""For the lead of the programme: the six components of the plan against their targets, by borough and year."""

from collections.abc import Iterator

from pcare_dashboards.classic import dashboard
from pcare_dashboards.frame import Section, assembled, from_prometheus, one_of
from pcare_dashboards.panels import About, Column, Thresholds, bars, grid, lines, number, red_from
from pcare_dashboards.queries import as_rows, at_the_end, over_time
from pcare_schemas.kpis import catalogue, targets
from pcare_schemas.kpis.areas import BOROUGHS, NCL, NCL_ONLY
from pcare_schemas.kpis.catalogue import Kpi

PAGE = "programme-lead.md"
ALL = "all"

OF_THE_YEAR = 'borough="NCL", year="$year"'
BEHIND: Thresholds = ((None, "red"), (90, "orange"), (100, "green"))
"""In percent of the trajectory."""

_KPIS = catalogue.load()
_TARGETS = targets.load(None, _KPIS.ids)
_TITLES = {kpi.id: kpi.title for kpi in _KPIS.kpis}
_WITH_TARGET = tuple(kpi for kpi in _KPIS.kpis if _TARGETS.get(kpi.id, NCL) is not None)
_AS_IT_IS = (
    "Not for publication as it is: what leaves the programme passes disclosure control (`pcare kpis --publish`)."
)


def made(docs: str) -> dashboard.Dashboard:
    """Return the dashboard."""
    components = dict.fromkeys(kpi.component for kpi in _KPIS.kpis if kpi.component != ALL)
    return assembled(
        "pcare-programme",
        "Programme: the plan and where we are",
        f"The six components of universal personalised care in North Central London. {_AS_IT_IS}",
        [
            Section("At a glance: North Central London, $year", list(_at_a_glance())),
            *(
                Section(component.capitalize(), [panel for kpi in _of(component) for panel in _of_kpi(kpi)])
                for component in (*components, ALL)
            ),
        ],
        variables=[
            from_prometheus("year", "Financial year", "label_values(pcare:kpi_value, year)", newest_first=True),
            one_of("borough", "Boroughs", BOROUGHS),
        ],
        since="now-30d",
        refresh="1m",
        docs=docs,
    )


def _of(component: str) -> list[Kpi]:
    return [kpi for kpi in _KPIS.kpis if kpi.component == component]


def _at_a_glance() -> Iterator[dashboard.Panel]:
    yield number(
        About(
            title="Behind their trajectory",
            shows="How many of the numbers that have a target are short of where they should be by now.",
            worry="it is above 0: the bars beside this name them, and the rows below show in which borough.",
            page="runbooks/PcareKpiOffTrajectory.md",
            unit="none",
            width=4,
            height=4,
        ),
        at_the_end(
            f"count(pcare:kpi_value{{{OF_THE_YEAR}}} < pcare:kpi_trajectory{{{OF_THE_YEAR}}})", "behind", otherwise=0
        ),
        thresholds=((None, "green"), (1, "orange")),
    )
    yield bars(
        About(
            title="How much of the trajectory is reached",
            shows="Each number that has a target, in percent of where it should be by now; in a closed year of "
            "the target.",
            worry="a bar is short of 100 percent, and does not come nearer from week to week.",
            page="runbooks/PcareKpiOffTrajectory.md",
            unit="percent",
            width=10,
            height=12,
        ),
        at_the_end(f"100 * pcare:kpi_value{{{OF_THE_YEAR}}} / (pcare:kpi_trajectory{{{OF_THE_YEAR}}} > 0)", "{{kpi}}"),
        thresholds=BEHIND,
        names={kpi.id: kpi.title for kpi in _WITH_TARGET},
    )
    yield grid(
        About(
            title="Now, where it should be by now, and the target",
            shows="What is recorded up to this minute, beside the plan. Numbers may fall: a plan lapses, an "
            "event is taken back.",
            worry="a number is short of where it should be by now.",
            page=PAGE,
            unit="locale",
            width=10,
            height=12,
        ),
        *(
            as_rows(f"sum by (kpi) (pcare:kpi_{what}{{{OF_THE_YEAR}}} and on (kpi) pcare:kpi_target{{{OF_THE_YEAR}}})")
            for what in ("value", "trajectory", "target")
        ),
        columns=[
            Column("kpi", "What is counted", texts=_TITLES),
            Column("Value #A", "now"),
            Column("Value #B", "by now"),
            Column("Value #C", "target"),
        ],
        hidden=["Time"],
    )
    yield number(
        About(
            title="How old the numbers are",
            shows="How long ago the instant is that all numbers of this dashboard speak of.",
            worry="it is more than a minute: tell whoever operates the system. After five minutes nothing is shown.",
            page="runbooks/PcareKpiStale.md",
            unit="s",
            width=4,
            height=4,
        ),
        at_the_end("pcare:kpi_age_seconds", "age"),
        thresholds=red_from(60),
    )


def _of_kpi(kpi: Kpi) -> Iterator[dashboard.Panel]:
    unit = "percent" if kpi.unit == "%" else "locale"
    of = f'kpi="{kpi.id}"'
    words = f" In the words of the plan: “{kpi.words}”." if kpi.words else ""
    series = [over_time(f"pcare:kpi_value{{{of}, {OF_THE_YEAR}}}", "now")]
    note = "it falls, or stops rising, and nobody knows why."
    if kpi in _WITH_TARGET:
        series.append(over_time(f"pcare:kpi_trajectory{{{of}, {OF_THE_YEAR}}}", "where it should be by now"))
        series.append(over_time(f"pcare:kpi_target{{{of}, {OF_THE_YEAR}}}", "target at the end of the year"))
        note = "the lower line is the recorded one, and the gap grows."
    yield lines(
        About(
            title=kpi.title,
            shows=f"North Central London, {kpi.unit}, as it stood at each moment.{words}",
            worry=note,
            page="runbooks/PcareKpiOffTrajectory.md" if kpi in _WITH_TARGET else "kpis.md",
            unit=unit,
            width=14,
            height=7,
        ),
        *series,
    )
    adding = "They add up to the whole." if kpi.additive else "They do not add up: each is finished by itself."
    yield bars(
        About(
            title=f"{kpi.title}, by borough",
            shows=f"The same in the boroughs chosen above, and of what has no borough, now. {adding}",
            worry="one borough stands still while the others grow: ask whether its organisations still send.",
            page=PAGE,
            unit=unit,
            width=10,
            height=7,
        ),
        at_the_end(f'pcare:kpi_value{{{of}, borough=~"$borough|NCL only", year="$year"}}', "{{borough}}"),
        names={**BOROUGHS, NCL_ONLY: "no borough"},
    )
