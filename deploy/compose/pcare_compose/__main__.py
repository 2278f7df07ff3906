"""`make secrets` and `make certificates`: what `docker compose up` needs, written and explained."""

import argparse
import datetime as dt
import sys
from pathlib import Path

from pcare_common.clock import SystemClock
from pcare_compose import certificates, secrets

DIRECTORY = Path(__file__).resolve().parents[1] / "secrets"


def main() -> int:
    """Make what is asked for; return the exit status."""
    asked = _parser().parse_args()
    now = SystemClock().now()
    try:
        if asked.what == "secrets":
            _secrets(asked.directory, now)
        else:
            _certificates(asked, now)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"Not made: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make the secrets and certificates of the system in containers.")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help="where they are kept")
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("secrets", help="make what is missing; what is there stays")
    anew = what.add_parser("certificates", help="make all certificates anew, by the authority that there is")
    anew.add_argument("--host", action="append", default=[], help="a name or address that other machines know this by")
    anew.add_argument("--days", type=int, default=certificates.DAYS, help="how long they are good for")
    return parser


def _secrets(directory: Path, now: dt.datetime) -> None:
    made = secrets.make(directory)
    certificates.make(directory, now)
    sys.stdout.write(f"{len(made)} secrets made in {directory}; what was there before stayed.\n")
    if secrets.PSEUDONYM_KEY in made:
        sys.stdout.write(
            f"Keep a copy of {directory / secrets.PSEUDONYM_KEY} in a safe place, now: without it nobody's next event "
            "finds the earlier ones. The rest can be made anew; a copy of the whole directory saves you that.\n"
        )
    if secrets.SIGNING_KEY in made:
        sys.stdout.write(
            f"Whoever audits verifies what the sealer signs with {directory / secrets.PUBLIC_KEY}. Hand it over, by "
            "another way than the proofs, and now, before there is anything to sign:\n\n"
            f"    {(directory / secrets.PUBLIC_KEY).read_text(encoding='utf-8')}\n"
        )
    sys.stdout.write("Next: docker compose up --build --detach --wait\n")


def _certificates(asked: argparse.Namespace, now: dt.datetime) -> None:
    certificates.make(asked.directory, now, asked.host, anew=True, days=asked.days)
    sys.stdout.write(
        f"Made in {asked.directory}, good until {certificates.expires(asked.directory):%d %B %Y}. Whoever comes from "
        f"elsewhere trusts {asked.directory / 'authority.pem'}. Next: docker compose up -d --force-recreate\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
