"""What an auditor asks about, by the names that people use: KPIs, a borough, a year. A slip is told what was meant."""

from collections.abc import Sequence

from pcare_cli.kpis.reading import ALL_YEARS, AREAS, ReadingError, meant
from pcare_schemas.kpis.areas import BOROUGHS, NCL
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.rules import ShareInPlaceRule
from pcare_schemas.kpis.year_labels import label, year_from_label


def kpis_named(catalogue: Catalogue, ids: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of some KPIs, or of all where none is named. Raises ReadingError for one that is not there."""
    for one in ids:
        if one not in catalogue.ids:
            raise ReadingError(f"There is no KPI {one!r}.{meant(one, catalogue.ids)}")
    return tuple(dict.fromkeys(ids)) or catalogue.ids


def catalogue_of(catalogue: Catalogue, ids: Sequence[str]) -> Catalogue:
    """Return a catalogue of some KPIs alone, and of those that they are made of."""
    needed = set(ids)
    for kpi in catalogue.kpis:
        if kpi.id in ids and isinstance(kpi.rule, ShareInPlaceRule):
            needed |= {kpi.rule.of, kpi.rule.also_in}
    return Catalogue(kpis=[kpi for kpi in catalogue.kpis if kpi.id in needed])


def area_named(text: str) -> str:
    """Return the code of an area: NCL, what has no borough, or a borough by its name or its GSS code.

    Raises ReadingError for anything else.
    """
    by_name = {name.casefold(): code for code, name in AREAS.items()} | {code.casefold(): code for code in AREAS}
    found = by_name.get(text.strip().casefold())
    if found is None:
        # nobody mistypes a code for another one's name: only names are guessed
        raise ReadingError(f"There is no borough {text!r}.{meant(text.strip().title(), [*BOROUGHS.values(), NCL])}")
    return found


def year_named(text: str | None, otherwise: int) -> str:
    """Return a financial year as it is written, `otherwise` where none is named. Raises ReadingError for another form.

    `all` stands for all years, where that is allowed: the caller sees to it.
    """
    if text is None:
        return label(otherwise)
    if text != ALL_YEARS:
        try:
            year_from_label(text)
        except ValueError as error:
            raise ReadingError(f"{error}.") from error
    return text
