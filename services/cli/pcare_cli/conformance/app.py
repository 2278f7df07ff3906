"""`pcare conformance`: what is typed."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli import console


def conformance(
    *,
    provider: Annotated[str, typer.Option("--as", help="Your ODS code (RKE), or your slug in the register.")],
    url: Annotated[str, typer.Option(help="Base address of a TEST system, such as http://127.0.0.1:8080.")],
    credential: Annotated[
        Path | None,
        typer.Option(
            envvar="PCARE_API_KEY_FILE",
            help="A file that holds your API key, or an access token; default PCARE_API_KEY.",
        ),
    ] = None,
    client_id: Annotated[
        str | None,
        typer.Option(envvar="PCARE_CLIENT_ID", help="With a key pair in place of an API key: your client id."),
    ] = None,
    key_id: Annotated[str | None, typer.Option(envvar="PCARE_CLIENT_KEY_ID", help="The key pair's id, `kid`.")] = None,
    private_key: Annotated[
        Path | None, typer.Option(envvar="PCARE_CLIENT_KEY_FILE", help="The private key, PEM.")
    ] = None,
    token_audience: Annotated[
        str | None,
        typer.Option(envvar="PCARE_TOKEN_AUDIENCE", help="The token endpoint as it names itself, if not below --url."),
    ] = None,
    kinds: Annotated[
        str | None, typer.Option(help="The kinds that you send, by commas; default all that the register allows you.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(help="Events that your system wrote: one a line, or a JSON array. They are checked only."),
    ] = None,
    listen: Annotated[
        int | None, typer.Option(help="Watch what your system sends to this port of this machine, and pass it on.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.01, help="With --listen: the longest.")] = 60.0,
    report: Annotated[Path, typer.Option(help="Where to write the report: this name with .html and .json.")] = Path(
        "conformance"
    ),
    test_system: Annotated[
        bool, typer.Option("--test-system", help="--url is a test system, though not on this machine.")
    ] = False,
) -> None:
    """Play the script that a provider must pass before it goes live. Against a test system only.

    Without --events or --listen our own examples prove the connection; with one of them your system is judged too.
    """
    from pcare_cli.conformance.command import Wanted, run_conformance
    from pcare_cli.conformance.credential import Pair

    if events is not None and listen is not None:
        console.fail("--events or --listen: which of the two?", status=2)
    signing = None
    if client_id is not None or key_id is not None or private_key is not None:
        if client_id is None or key_id is None or private_key is None:
            console.fail("A key pair needs all three: --client-id, --key-id and --private-key.", status=2)
        signing = Pair(client_id, key_id, private_key, token_audience)
    run_conformance(Wanted(provider, url, credential, signing, kinds, events, listen, minutes, report, test_system))
