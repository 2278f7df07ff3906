"""Asks a service of this machine how it is: `python -m pcare_common.probe http://127.0.0.1:8080/health/live`.

For the health check of a container, which has no other client. Ends with 0 where the answer is 200; else with 1, and
says in words what is missing, which `docker inspect` then shows. The certificate of an https address is not checked:
it is made for the name by which others come, and who asks here is the service's own container.
"""

import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

SECONDS = 4.0
WORDS_AT_MOST = 1000
OK = 200


def ask(address: str) -> tuple[int, str]:
    """Return the status and the beginning of the text that a GET answers. Raises OSError or HTTPException."""
    url = urlsplit(address)
    connection = _connection(url.scheme, url.netloc)
    try:
        connection.request("GET", url.path)
        answer = connection.getresponse()
        return answer.status, answer.read(WORDS_AT_MOST).decode(errors="replace")
    finally:
        connection.close()


def _connection(scheme: str, place: str) -> HTTPConnection:
    if scheme != "https":
        return HTTPConnection(place, timeout=SECONDS)
    import ssl  # noqa: PLC0415 - it takes longer than all the rest, several times a minute

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(place, timeout=SECONDS, context=context)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print what is answered, and return the exit status."""
    (address,) = sys.argv[1:] if arguments is None else arguments
    try:
        status, text = ask(address)
    except (OSError, HTTPException) as error:
        status, text = 0, f"no answer ({type(error).__name__}: {error})"
    sys.stdout.write(f"{text}\n")
    return 0 if status == OK else 1


if __name__ == "__main__":
    raise SystemExit(main())
