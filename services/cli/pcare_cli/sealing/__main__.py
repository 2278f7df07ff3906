"""`python -m pcare_cli.sealing`: the same as `pcare audit seal`."""

from pcare_cli.sealing.process import main

if __name__ == "__main__":
    main()
