"""docs/settings.md shows every setting, as it is."""

from pathlib import Path

from pcare_cli.settings_page import page

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == page(), "run `make generate`"


def test_a_setting_that_must_be_set_says_so():
    assert "| `PCARE_POSTGRES_DSN` | **must be set** |" in page()
