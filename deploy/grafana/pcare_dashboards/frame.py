"""What all dashboards have alike: variables, links to one another and to the pages of docs/, and where panels stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pcare_dashboards.classic import dashboard
from pcare_dashboards.queries import POSTGRES, PROMETHEUS, rows

TAG = "pcare"
DOCS = "/public/pcare"
"""Where the pages of docs/ are served, as Grafana in containers does from a mounted directory: see docs/grafana.md."""

COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Section:
    """A row of a dashboard: its heading, and its panels from left to right, line by line."""

    title: str
    panels: Sequence[dashboard.Panel]


def page_link(page: str) -> dashboard.DashboardLink:
    """Return the link to a page of docs/, which says what to do."""
    title = f"Runbook: {page.removeprefix('runbooks/').removesuffix('.md')}" if page.startswith("runbooks/") else page
    return dashboard.DashboardLink(title=title, url=f"${{docs}}/{page}", target_blank=True, tooltip=f"docs/{page}")


def from_prometheus(
    name: str, label: str, query: str, *, several: bool = False, newest_first: bool = False
) -> dashboard.VariableModel:
    """Return a variable whose values Prometheus knows; `several` lets people choose some, and begins with all."""
    sort = dashboard.VariableSort.ALPHABETICAL_DESC if newest_first else dashboard.VariableSort.ALPHABETICAL_ASC
    return _from(
        name, label, dashboard.VariableModel(datasource=PROMETHEUS, query=query, definition=query, sort=sort), several
    )


def from_postgres(name: str, label: str, sql: str) -> dashboard.VariableModel:
    """Return a variable of one value that PostgreSQL knows: columns `__text`, which is shown, and `__value`."""
    return _from(name, label, dashboard.VariableModel(datasource=POSTGRES, query=sql, definition=sql), several=False)


def one_of(name: str, label: str, texts: Mapping[str, str]) -> dashboard.VariableModel:
    """Return a variable of fixed values, each with the text that is shown; several, or all, may be chosen."""
    options = [dashboard.VariableOption(False, text, value) for value, text in texts.items()]
    query = ", ".join(f"{text} : {value}" for value, text in texts.items())
    variable = _from(name, label, dashboard.VariableModel(query=query, options=options), several=True)
    variable.type_val, variable.refresh = dashboard.VariableType.CUSTOM, None
    return variable


def _from(name: str, label: str, variable: dashboard.VariableModel, several: bool) -> dashboard.VariableModel:
    variable.name, variable.label = name, label
    variable.type_val = dashboard.VariableType.QUERY
    variable.refresh = dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED
    variable.multi = variable.include_all = several
    variable.allow_custom_value = False
    variable.auto, variable.auto_min, variable.auto_count = None, None, None
    if several:
        variable.current = dashboard.VariableOption(True, ["All"], ["$__all"])
    return variable


def _docs(where: str) -> dashboard.VariableModel:
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.CONSTANT,
        name="docs",
        query=where,
        hide=dashboard.VariableHide.HIDE_VARIABLE,
        skip_url_sync=True,
        current=dashboard.VariableOption(True, where, where),
        auto=None,
        auto_min=None,
        auto_count=None,
    )


def assembled(
    uid: str,
    title: str,
    description: str,
    sections: Sequence[Section],
    *,
    variables: Sequence[dashboard.VariableModel] = (),
    since: str = "now-6h",
    refresh: str = "30s",
    docs: str = DOCS,
) -> dashboard.Dashboard:
    """Return a dashboard: every panel placed and numbered, with links to the others and marks for what people did."""
    others = dashboard.DashboardLink(
        title="Personalised care", type_val=dashboard.DashboardLinkType.DASHBOARDS, tags=[TAG], keep_time=False
    )
    return dashboard.Dashboard(
        uid=uid,
        title=title,
        description=description,
        tags=[TAG],
        timezone="Europe/London",
        week_start="monday",
        fiscal_year_start_month=3,
        editable=False,
        graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
        time=dashboard.DashboardDashboardTime(from_val=since, to="now"),
        refresh=refresh,
        links=[others],
        templating=dashboard.DashboardDashboardTemplating([*variables, _docs(docs)]),
        annotations=dashboard.AnnotationContainer([_acts()]),
        panels=_placed(sections),
    )


def _acts() -> dashboard.AnnotationQuery:
    return dashboard.AnnotationQuery(
        name="What people did",
        datasource=POSTGRES,
        icon_color="purple",
        target=rows('SELECT at AS "time", what AS text, login AS tags FROM dashboards.acts WHERE $__timeFilter(at)'),
    )


def _placed(sections: Sequence[Section]) -> list[dashboard.Panel | dashboard.RowPanel]:
    placed: list[dashboard.Panel | dashboard.RowPanel] = []
    top = 0
    for section in sections:
        row = dashboard.RowPanel(title=section.title, grid_pos=dashboard.GridPos(h=1, w=COLUMNS, x=0, y=top), panels=[])
        placed.append(row)
        left, top, bottom = 0, top + 1, top + 1
        for panel in section.panels:
            where = panel.grid_pos = panel.grid_pos or dashboard.GridPos()
            if left + where.w > COLUMNS:
                left, top = 0, bottom
            where.x, where.y = left, top
            left, bottom = left + where.w, max(bottom, top + where.h)
            placed.append(panel)
        top = bottom
    for number, one in enumerate(placed, start=1):
        one.id_val = number
    return placed
