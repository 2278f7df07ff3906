"""Each assertion is taken once: the `jti` of those that may still be valid, by client, in bounded memory."""

MOST_A_CLIENT = 1_000
"""Far more than a client needs, which asks for a token every few minutes; and it uses up nobody's share but its own."""


class TooManyError(Exception):
    """The client has so many assertions that are still valid that no more can be remembered."""


class Replays:
    """What each client has shown. Times are seconds. Only what a known client has signed may come here.

    So there are no more clients than credentials, and `jti` is as short as whoever reads assertions lets it be.
    """

    def __init__(self, most: int = MOST_A_CLIENT) -> None:
        self._most = most
        self._shown: dict[str, dict[str, float]] = {}  # by client: each jti, and until when it may be shown again

    def is_first(self, client: str, jti: str, *, until: float, now: float) -> bool:
        """Say whether the client shows `jti` for the first time, and remember it until `until`.

        Raises TooManyError where it cannot be remembered: what cannot be remembered must not be taken.
        """
        shown = self._shown.setdefault(client, {})
        if shown.get(jti, now) > now:
            return False
        if len(shown) >= self._most:
            for old in [old for old, end in shown.items() if end <= now]:
                del shown[old]
        if len(shown) >= self._most:
            raise TooManyError
        shown.pop(jti, None)
        shown[jti] = until
        return True
