"""The page for programme leads holds what it says: its examples are read from it and run."""

import re
from pathlib import Path

import pytest

from pcare_cli.kpis import formats
from pcare_schemas.kpis import catalogue, rules, targets
from pcare_schemas.kpis.data_file import DataFileError
from pcare_schemas.kpis.year_labels import year_from_label

PAGE = (Path(__file__).parents[3] / "docs" / "programme-lead.md").read_text()


def example(head: str) -> str:
    """Return the page's block of code that begins with `head`."""
    (found,) = re.findall(rf"```\w+\n({re.escape(head)}.*?)```", PAGE, re.DOTALL)
    return str(found)


def files(directory: Path, entry: str) -> tuple[Path, Path]:
    """Write the built-in files with the page's examples, as the page says to."""
    kpis, goals = directory / "catalogue.yaml", directory / "targets.yaml"
    kpis.write_text(catalogue.BUILT_IN.read_text() + entry)
    text = targets.BUILT_IN.read_text()
    goals.write_text(text.replace("targets:\n", "targets:\n" + example("# targets.yaml"), 1))
    return kpis, goals


def test_the_example_adds_a_kpi_and_its_targets(tmp_path: Path) -> None:
    kpis, goals = files(tmp_path, example("# catalogue.yaml"))
    added = catalogue.load(kpis)
    assert added.ids == (*catalogue.load().ids, "phb_dementia")
    assert added.version != catalogue.load().version
    aims = targets.load(goals, added.ids)
    years = ("2023/24", "2024/25", "2025/26", "2026/27", "2027/28", "2030/31")
    assert [aims.value("phb_dementia", "NCL", year_from_label(year)) for year in years] == [
        None, 40, 60, 130, 200, 200,
    ]  # fmt: skip
    assert aims.value("phb_dementia", "E09000007", 2027) == 60


def test_the_mistake_is_refused_as_the_page_says(tmp_path: Path) -> None:
    kpis, _ = files(tmp_path, example("# catalogue.yaml").replace("cohorts:", "cohort:"))
    with pytest.raises(DataFileError) as caught:
        catalogue.load(kpis)
    assert str(caught.value) == f"{tmp_path}/{example('catalogue.yaml, line').strip()}"


def test_the_page_names_every_rule_and_every_column() -> None:
    _, *named = re.findall(r"^\| `(\w+)` \|", PAGE.partition("### Rules")[2], re.MULTILINE)
    known = [member.model_fields["count"].annotation.__args__[0] for member in rules.Rule.__origin__.__args__]
    assert named == known
    table = PAGE.partition("### The columns of CSV")[2].partition("## Publish")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert tuple(re.findall(r"`(\w+)`", " ".join(cells))) == formats.COLUMNS
