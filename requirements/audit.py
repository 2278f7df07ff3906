"""`make audit-dependencies`: asks PyPI whether the locked dependencies have known vulnerabilities, by pip-audit.

Ends with 1 where there are some, and with 0 where there are none. Where it could not be asked, or not about each of
them, it says so plainly and ends with 0 too, because that says nothing against a build; with --strict it ends with 75.
pip-audit itself calls it "no known vulnerabilities" when nothing was known of any package.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

LOCKED = Path(__file__).with_name("requirements.txt")
SECONDS = 300
FOUND, NOT_ASKED = 1, 75


class Verdict(NamedTuple):
    """What became of the question: the exit status, strictly taken, and what to tell."""

    status: int
    words: str


def verdict(document: Mapping[str, Any] | None, trouble: str = "") -> Verdict:
    """Read what pip-audit found; None where it did not come to an end, with its last words. Pure."""
    if document is None:
        return Verdict(NOT_ASKED, f"COULD NOT BE ASKED: {trouble or 'pip-audit did not end'}. Nothing is known.")
    packages: Sequence[Mapping[str, Any]] = document["dependencies"]
    found = [
        f"{one['name']} {one['version']}: {each['id']} ({', '.join(each['aliases']) or 'no other name'}), mended in "
        f"{', '.join(each['fix_versions']) or 'no release yet'}"
        for one in packages
        for each in one.get("vulns", ())
    ]
    asked = sum("skip_reason" not in one for one in packages)
    if found:
        return Verdict(FOUND, "\n".join([f"{len(found)} known vulnerabilities:", *found, _WHAT_TO_DO]))
    if asked < len(packages):
        return Verdict(
            NOT_ASKED,
            f"COULD NOT BE ASKED about {len(packages) - asked} of {len(packages)} packages: the registry in use serves "
            "no data on vulnerabilities. Run it where the public package index answers.",
        )
    return Verdict(0, f"No known vulnerability in {len(packages)} packages.")


_WHAT_TO_DO = (
    "Take the release that mends it: `make lock`, `make test`. Where there is none and it does not concern us: "
    'ARGS="--ignore-vuln <id>", and a line in docs/security.md that says why.'
)


def ask(arguments: Sequence[str]) -> tuple[Mapping[str, Any] | None, str]:
    """Run pip-audit on the locked versions, without resolving or installing anything."""
    options = ["--disable-pip", "--require-hashes", "--requirement", str(LOCKED), "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", *options, "--progress-spinner", "off", "--timeout", "15", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return None, f"no answer in {SECONDS} s"
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        return None, (done.stderr.strip().splitlines() or [""])[-1][:300]


def main(arguments: Sequence[str]) -> int:
    """Ask, tell, and return the exit status."""
    told = verdict(*ask([one for one in arguments if one != "--strict"]))
    print(told.words)  # noqa: T201 - a program for people
    return 0 if told.status == NOT_ASKED and "--strict" not in arguments else told.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
