"""TLS of the HTTP server: version 1.2 or later, and a certificate that can be renewed while it runs."""

import ssl
from pathlib import Path

from pcare_common import logs

log = logs.get(__name__)

_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate with its chain, and its private key: two files in PEM that may be replaced at any time.

    `context` is the same object for ever; what `renew` loads into it holds for connections that come after.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        """Load the files. Raises OSError (an SSLError is one) if they are no certificate and its key."""
        self._files = (certificate, key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._stamp = self._look()
        self.context.load_cert_chain(*self._files, password=_no_password)

    def renew(self) -> bool:
        """Load the files again if they have changed. Return whether that was done.

        Files that do not fit together, as in the middle of a renewal, leave the certificate as it was.
        """
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return False
            # into a context of its own first: half a renewal must not get into the one that serves
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files, password=_no_password)
            self.context.load_cert_chain(*self._files, password=_no_password)
        except OSError as error:
            log.warning(
                "the certificate has changed and cannot be used: going on with the one before. Put certificate and "
                "key that belong together into the files",
                error=error.strerror or type(error).__name__,
            )
            return False
        self._stamp = stamp
        log.info("the certificate was renewed")
        return True

    def _look(self) -> _Stamp:
        stats = [file.stat() for file in self._files]
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)


def _no_password() -> str:
    """Or OpenSSL would ask the terminal for the password of an encrypted key."""
    return ""
