"""`pcare audit watch`."""


def watch() -> None:
    """Watch the whole system and show what is found to Prometheus, until stopped. Reads only. See docs/alerts.md."""
    from pcare_cli.watch.app import main

    main()
