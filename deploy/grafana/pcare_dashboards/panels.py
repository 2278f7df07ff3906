"""Panels: each says what it shows, when to worry, in which unit, and which page says what to do.

Only kinds of panel that come with Grafana are made here, so no dashboard needs a plugin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pcare_dashboards.classic import bargauge, common, dashboard, heatmap, stat, statetimeline, table, timeseries
from pcare_dashboards.frame import page_link
from pcare_dashboards.queries import Query

GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"
WHOLE_WIDTH = 24

Thresholds = Sequence[tuple[float | None, str]]
"""From which value on which colour; the first has no value and begins at the bottom."""

PLAIN: Thresholds = ((None, BLUE),)
NONE_IS_WELL: Thresholds = ((None, GREEN), (1, RED))


def red_from(value: float) -> Thresholds:
    """Return green, and red from a value on."""
    return ((None, GREEN), (value, RED))


def red_below(value: float) -> Thresholds:
    """Return red, and green from a value on."""
    return ((None, RED), (value, GREEN))


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What stands at a panel: `page` is one of docs/, and says what to do when it is as `worry` says."""

    title: str
    shows: str
    worry: str
    page: str
    unit: str
    width: int = 12
    height: int = 8


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that is no plain number of the table's unit, or is to be named otherwise."""

    field: str
    title: str | None = None
    unit: str | None = None
    texts: Mapping[str, str] | None = None
    instead_of_null: str | None = None
    link: dashboard.DashboardLink | None = None


def number(
    about: About, *queries: Query, thresholds: Thresholds = PLAIN, names: Mapping[str, str] | None = None
) -> dashboard.Panel:
    """Return large numbers, one a series."""
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.VALUE,
        reduce_options=_LAST,
        text_mode=common.BigValueTextMode.AUTO,
    )
    return _panel("stat", about, queries, options, thresholds=thresholds, names=names)


def moment(about: About, query: Query) -> dashboard.Panel:
    """Return how long ago something was; the query gives milliseconds since 1970, or null for never."""
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.NONE, color_mode=common.BigValueColorMode.NONE, reduce_options=_LAST
    )
    return _panel("stat", about, (query,), options, thresholds=PLAIN, no_value="never")


def lines(
    about: About,
    *queries: Query,
    thresholds: Thresholds | None = None,
    names: Mapping[str, str] | None = None,
    stacked: bool = False,
    from_zero: bool = True,
) -> dashboard.Panel:
    """Return a graph over time; with thresholds, the lines that should not be crossed are in it."""
    custom = timeseries.FieldConfig(
        fill_opacity=40 if stacked else 5,
        show_points=common.VisibilityMode.NEVER,
        stacking=common.StackingConfig(mode=common.StackingMode.NORMAL) if stacked else None,
        thresholds_style=None
        if thresholds is None
        else common.GraphThresholdsStyleConfig(mode=common.GraphThresholdsStyleMode.DASHED),
    )
    return _panel(
        "timeseries",
        about,
        queries,
        _graph_options(),
        custom=custom,
        thresholds=thresholds,
        names=names,
        from_zero=from_zero,
    )


def days(about: About, *queries: Query, names: Mapping[str, str] | None = None) -> dashboard.Panel:
    """Return a bar a day, stacked by series."""
    custom = timeseries.FieldConfig(
        draw_style=common.GraphDrawStyle.BARS,
        fill_opacity=80,
        bar_alignment=common.BarAlignment.AFTER,
        stacking=common.StackingConfig(mode=common.StackingMode.NORMAL),
    )
    return _panel("timeseries", about, queries, _graph_options(), custom=custom, names=names, from_zero=True)


def bars(
    about: About, *queries: Query, thresholds: Thresholds = PLAIN, names: Mapping[str, str] | None = None
) -> dashboard.Panel:
    """Return a lying bar a series, as it is at the end."""
    options = bargauge.Options(
        orientation=common.VizOrientation.HORIZONTAL,
        display_mode=common.BarGaugeDisplayMode.BASIC,
        reduce_options=_LAST,
    )
    return _panel("bargauge", about, queries, options, thresholds=thresholds, names=names, from_zero=True)


def states(about: About, query: Query, states_of: Mapping[str, tuple[str, str]]) -> dashboard.Panel:
    """Return a ribbon a series; `states_of` gives each value a text and a colour."""
    options = statetimeline.Options(show_value=common.VisibilityMode.NEVER)
    results = {value: dashboard.ValueMappingResult(text, colour) for value, (text, colour) in states_of.items()}
    mappings: list[dashboard.ValueMapping] = [dashboard.ValueMap(results)]
    return _panel("state-timeline", about, (query,), options, custom=statetimeline.FieldConfig(), mappings=mappings)


def spread(about: About, query: Query) -> dashboard.Panel:
    """Return how a histogram's values were spread over time."""
    options = heatmap.Options(
        y_axis=heatmap.YAxisConfig(unit=about.unit),
        color=heatmap.HeatmapColorOptions(mode=heatmap.HeatmapColorMode.SCHEME, scheme="Blues", steps=32),
        cell_values=heatmap.CellValues(unit="short"),
    )
    return _panel("heatmap", about, (query,), options, custom=heatmap.FieldConfig())


def grid(about: About, *queries: Query, columns: Sequence[Column] = (), hidden: Sequence[str] = ()) -> dashboard.Panel:
    """Return a table. Of several queries, rows that agree in their labels become one."""
    custom = table.FieldConfig(align=common.FieldTextAlignment.AUTO)
    panel = _panel("table", about, queries, table.Options(), custom=custom, columns=columns)
    transformations = [dashboard.DataTransformerConfig("merge", options={})] if len(queries) > 1 else []
    if hidden:
        exclude = {"excludeByName": dict.fromkeys(hidden, True)}
        transformations.append(dashboard.DataTransformerConfig("organize", options=exclude))
    panel.transformations = transformations or None
    return panel


_LAST = common.ReduceDataOptions(values=False, calcs=["lastNotNull"])


def _panel(
    kind: str,
    about: About,
    queries: Sequence[Query],
    options: object,
    *,
    custom: object = None,
    thresholds: Thresholds | None = None,
    names: Mapping[str, str] | None = None,
    from_zero: bool = False,
    no_value: str | None = None,
    mappings: list[dashboard.ValueMapping] | None = None,
    columns: Sequence[Column] = (),
) -> dashboard.Panel:
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        query.ref_id = letter
    defaults = dashboard.FieldConfig(
        unit=about.unit, custom=custom, min_val=0 if from_zero else None, mappings=mappings, no_value=no_value
    )
    if thresholds is not None:
        steps = [dashboard.Threshold(value, colour) for value, colour in thresholds]
        defaults.thresholds = dashboard.ThresholdsConfig(dashboard.ThresholdsMode.ABSOLUTE, steps)
        if kind != "timeseries":
            defaults.color = dashboard.FieldColor(dashboard.FieldColorModeId.THRESHOLDS)
    overrides = [_override(name, "displayName", title) for name, title in (names or {}).items()]
    overrides += [_of_column(column) for column in columns]
    return dashboard.Panel(
        type_val=kind,
        title=about.title,
        description=f"{about.shows}\n\n**Worry when** {about.worry}",
        links=[page_link(about.page)],
        datasource=queries[0].datasource,
        targets=list(queries),
        grid_pos=dashboard.GridPos(h=about.height, w=about.width),
        options=options,
        field_config=dashboard.FieldConfigSource(defaults, overrides),
    )


def _graph_options() -> timeseries.Options:
    return timeseries.Options(
        legend=common.VizLegendOptions(
            display_mode=common.LegendDisplayMode.LIST,
            placement=common.LegendPlacement.BOTTOM,
            show_legend=True,
            calcs=[],
        ),
        tooltip=common.VizTooltipOptions(mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING),
    )


def _override(field: str, name: str, value: object) -> dashboard.DashboardFieldConfigSourceOverrides:
    return dashboard.DashboardFieldConfigSourceOverrides(
        matcher=dashboard.MatcherConfig("byName", field), properties=[dashboard.DynamicConfigValue(name, value)]
    )


def _of_column(column: Column) -> dashboard.DashboardFieldConfigSourceOverrides:
    override = _override(column.field, "displayName", column.title or column.field)
    if column.unit is not None:
        override.properties.append(dashboard.DynamicConfigValue("unit", column.unit))
    mappings: list[dashboard.ValueMapping] = []
    if column.texts:
        results = {value: dashboard.ValueMappingResult(text) for value, text in column.texts.items()}
        mappings.append(dashboard.ValueMap(results))
    if column.instead_of_null is not None:
        null = dashboard.DashboardSpecialValueMapOptions(
            dashboard.SpecialValueMatch.NULL, dashboard.ValueMappingResult(column.instead_of_null)
        )
        mappings.append(dashboard.SpecialValueMap(null))
    if mappings:
        override.properties.append(dashboard.DynamicConfigValue("mappings", mappings))
    if column.link is not None:
        override.properties.append(dashboard.DynamicConfigValue("links", [column.link]))
    return override
