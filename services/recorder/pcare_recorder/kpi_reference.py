"""What the KPIs in SQL go by: code lists, catalogue and targets as rows, and a view for each KPI.

The files are the truth; the tables are made to say the same, so writing them again changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import asyncpg
import orjson

from pcare_common.errors import OperatorError
from pcare_schemas import code_lists
from pcare_schemas.kpis import catalogue, targets
from pcare_schemas.kpis.areas import BOROUGHS, NCL
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.data_file import DataFileError
from pcare_schemas.kpis.targets import Targets
from pcare_schemas.kpis.year_labels import label

YEARS = range(2000, 2100)
"""Those that an event may be of."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KpiReference:
    """The rows of `pcare.code_list` and `pcare.kpi_targets`, and the one of `pcare.kpi_catalogue`."""

    codes: Sequence[Row]
    version: str
    document: str
    targets: Sequence[Row]

    @classmethod
    def load(cls, catalogue_file: Path | None = None, targets_file: Path | None = None) -> Self:
        """Read the files, or the built-in ones. Raises OperatorError that names file, line and reason."""
        try:
            kpis = catalogue.load(catalogue_file)
            chosen = targets.load(targets_file, kpis.ids)
        except DataFileError as error:
            raise OperatorError(str(error)) from error
        document = orjson.dumps(kpis.document()).decode()
        return cls(_codes(), kpis.version, document, _targets(kpis, chosen))


async def write(connection: asyncpg.Connection, reference: KpiReference) -> bool:
    """Make tables and views say what `reference` says, all at once; tell whether they did not. Needs migration 0007."""
    async with connection.transaction():
        merged = await connection.execute(
            """
            MERGE INTO pcare.kpi_catalogue AS c USING (SELECT $1::text, $2::jsonb) AS new (version, document) ON true
            WHEN NOT MATCHED THEN INSERT (version, document) VALUES (new.version, new.document)
            WHEN MATCHED AND (c.version, c.document) IS DISTINCT FROM (new.version, new.document)
                THEN UPDATE SET version = new.version, document = new.document
            """,
            reference.version,
            reference.document,
        )
        changed = [
            merged != "MERGE 0",
            await _replace(connection, "code_list", reference.codes),
            await _replace(connection, "kpi_targets", reference.targets),
        ]
        await connection.execute("SELECT pcare.make_kpi_views()")
    return any(changed)


async def _replace(connection: asyncpg.Connection, table: str, rows: Sequence[Row]) -> bool:
    """Make a table hold exactly these rows, and touch none that it holds already. Tell whether it did not."""
    new = f"json_populate_recordset(NULL::pcare.{table}, $1) AS new"
    text = orjson.dumps(rows).decode()
    deleted = await connection.execute(
        f"DELETE FROM pcare.{table} AS old WHERE NOT EXISTS (SELECT FROM {new} WHERE new = old)",  # noqa: S608
        text,
    )
    inserted = await connection.execute(
        f"INSERT INTO pcare.{table} SELECT * FROM {new} ON CONFLICT DO NOTHING",  # noqa: S608
        text,
    )
    return (deleted, inserted) != ("DELETE 0", "INSERT 0 0")


def _codes() -> list[Row]:
    return [
        {
            "list": name,
            "code": code.code,
            "position": position,
            "name": code.name,
            "area": code.area,
            "valid_from": code.validity.first,
            "valid_to": code.validity.end,
            "successor": code.successor,
        }
        for name, codes in code_lists.built_in().items()
        for position, code in enumerate(codes.codes.values(), start=1)
    ]


def _targets(kpis: Catalogue, chosen: Targets) -> list[Row]:
    return [
        {"kpi": kpi, "area": area, "year": label(year), "value": value, "note": chosen.note(kpi, area)}
        for kpi in kpis.ids
        for area in (NCL, *BOROUGHS)
        for year in YEARS
        if (value := chosen.value(kpi, area, year)) is not None
    ]
