"""`python -m pcare_cli` is the `pcare` command."""

from pcare_cli.main import main

main()
