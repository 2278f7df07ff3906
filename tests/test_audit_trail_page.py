"""docs/audit-trail.md names each act that any command puts down, and none that nothing does."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "audit-trail.md"
PACKAGES = (*(ROOT / "services").glob("*/pcare_*"), ROOT / "deploy" / "operations" / "pcare_operations")
ACT = r'"([a-z]+(?:-[a-z]+)+)"'
BEFORE = r"what=|Step\(|_step\(|\.act\(|Act\(who, |by, |\(arguments, \"[a-z ]+\"\), |note_down\(|changes, "
NAMED = re.compile(f"(?:{BEFORE}){ACT}")
# what is put down by a name that stands elsewhere: a constant, or a default
BY_NAME = re.compile(r'\b(?:ACT|WHAT|OUTCOME|ERASED|CUT|what: str|what) = (?:new and )?"([a-z]+(?:-[a-z]+)+)"')
CONDITIONAL = re.compile(r'what = "([a-z-]+)" if \w+ else "([a-z-]+)"')
WRITES = re.compile(
    r"add_act|acts\.add\(|put_down\(|note_down|_trail\.act\(|providers\.plan import|redriving import Act"
)
ROTATION = re.compile(r'_set\(connection, "([a-z-]+)"')


def put_down() -> set[str]:
    found: set[str] = set()
    for package in PACKAGES:
        for file in package.rglob("*.py"):
            text = re.sub(r"\(\n\s+", "(", file.read_text())
            if not WRITES.search(text):
                continue
            for pattern in (NAMED, BY_NAME, CONDITIONAL, ROTATION):
                for match in pattern.finditer(text):
                    found |= set(match.groups())
    return {name for name in found if not name.startswith("audit-")}


def test_the_page_names_every_act_and_no_other() -> None:
    table = PAGE.read_text().partition("## What is put down")[2].partition("\n\n**Who and why")[0]
    named = {
        name
        for row in table.splitlines()
        if row.startswith("| ")
        for name in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", row.split(" | ")[-1])
        if not name.startswith("audit-")
    }
    assert named == put_down()
