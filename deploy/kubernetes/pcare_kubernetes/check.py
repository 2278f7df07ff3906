"""`python -m pcare_kubernetes.check OVERLAY...` says where overlays break schemas or policy, without a cluster."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pcare_kubernetes.policy_system import complaints
from pcare_kubernetes.rendering import RenderingError, render
from pcare_kubernetes.validating import of_all

EXIT_NOT_RIGHT = 1
EXIT_CANNOT_LOOK = 78


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each mistake. Returns the exit status: 0 where there is none."""
    parser = argparse.ArgumentParser(description="Hold overlays against the schemas and the policy.")
    parser.add_argument("overlays", nargs="+", type=Path)
    parser.add_argument("--small", action="store_true", help="one of each will do: not for production")
    given = parser.parse_args(arguments)
    wrong = False
    for overlay in given.overlays:
        try:
            resources = render(overlay)
        except RenderingError as error:
            sys.stderr.write(f"{overlay}: {error}\n")
            return EXIT_CANNOT_LOOK
        found = [*of_all(resources), *complaints(resources, production=not given.small)]
        sys.stdout.writelines(f"{overlay}: {one}\n" for one in found)
        sys.stdout.write(f"{overlay}: {len(resources)} resources, {len(found)} mistakes\n")
        wrong = wrong or bool(found)
    return EXIT_NOT_RIGHT if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
