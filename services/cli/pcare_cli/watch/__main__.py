"""`python -m pcare_cli.watch`: the same as `pcare audit watch`."""

from pcare_cli.watch.app import main

if __name__ == "__main__":
    main()
