"""Who an event is about: from the pseudonyms that it names to the subject of the log. Pure.

While the pseudonym key is being changed an event names its person twice, under the new key and under the old one; both
lead to one subject. Persons are told apart by one key, the anchor: nobody new begins with a pseudonym under another
key alone, for who that is, known or not, cannot be told; and nobody is given a second pseudonym under the anchor, for
two under one key are two people. So a wrong `subjectprev` says of one pseudonym whose it is, and makes no two people
one.
"""

from collections.abc import Callable, Mapping, Set

from pcare_schemas.envelope import Event
from pcare_schemas.rejections import FieldError

STRANGERS_AT_MOST = 0.01
"""Of all persons, how many may be known by nothing but a pseudonym that ingest never made; more are no mistake."""


def key_of(pseudonym: str) -> str:
    """Return the id of the key that a pseudonym is under."""
    return pseudonym.split(":", 2)[1]


class Persons:
    """The links of one batch: those that are recorded, and those that the batch makes.

    `anchor` is the id of the key by which persons are told apart; None: no key was ever changed, and every pseudonym
    is somebody. `anchored` are the subjects that have a pseudonym under it; those that `links` shows need not be among
    them. `new_subject` makes the subject of a person not seen before.
    """

    def __init__(
        self,
        links: Mapping[str, str],
        anchor: str | None,
        new_subject: Callable[[], str],
        anchored: Set[str] = frozenset(),
    ) -> None:
        self._links = links
        self._anchor = anchor
        self._new_subject = new_subject
        self._linked: dict[str, str] = {}
        self._anchored = set(anchored)
        if anchor is not None:
            self._anchored.update(subject for name, subject in links.items() if self._is_anchored(name))

    def subjects(self, event: Event) -> tuple[str, ...]:
        """Return the subjects, as in the log, that the event may be about: of the pseudonym under the anchor first.

        None, where it names a person whom nobody knows. Two, where its pseudonyms were linked apart: somebody mixed two
        people up, or a new pseudonym came before anybody said whose it is. Under the anchor a person was known before.
        """
        pseudonyms = event.pseudonyms
        if not pseudonyms:
            return (event.subject,)
        if len(pseudonyms) > 1 and self._is_anchored(pseudonyms[1]):
            pseudonyms = pseudonyms[::-1]
        known = (self._links.get(name) or self._linked.get(name) for name in pseudonyms)
        return tuple(dict.fromkeys(subject for subject in known if subject is not None))

    def tells(self, event: Event) -> bool:
        """Whether it can be told whom the event is about: somebody known, or for certain somebody new."""
        pseudonyms = event.pseudonyms
        return (
            self._anchor is None
            or not pseudonyms
            or any(map(self._is_anchored, pseudonyms))
            or bool(self.subjects(event))
        )

    def is_new(self, event: Event) -> bool:
        """Whether the event's person is somebody whom nobody knows.

        Also where its pseudonym under another key leads to a subject: one that has a pseudonym under the anchor, which
        is not the event's, is somebody else. (A subject has none only if a link of its two was lost with a database.)
        """
        return all(self._is_anothers(event, subject) for subject in self.subjects(event))

    def begin(self) -> str:
        """Return a subject for a person whom nobody knows."""
        return self._new_subject()

    def link(self, event: Event, subject: str) -> tuple[str, ...]:
        """Link the pseudonyms that are not linked yet to the event's subject, and return them.

        Not the one under the anchor, where the subject has another: whose that is, an event about them will say.
        """
        new = tuple(
            name
            for name in event.pseudonyms
            if not self._is_linked(name) and not (self._is_anchored(name) and subject in self._anchored)
        )
        self._linked.update(dict.fromkeys(new, subject))
        if any(map(self._is_anchored, new)):
            self._anchored.add(subject)
        return new

    def _is_anothers(self, event: Event, subject: str) -> bool:
        return subject in self._anchored and any(
            self._is_anchored(name) and not self._is_linked(name) for name in event.pseudonyms
        )

    def _is_linked(self, pseudonym: str) -> bool:
        return pseudonym in self._links or pseudonym in self._linked

    def _is_anchored(self, pseudonym: str) -> bool:
        return self._anchor is not None and key_of(pseudonym) == self._anchor


UNLINKED = FieldError(
    "/subject",
    "Nobody is known by this pseudonym, and it is not under the key by which persons are told apart.",
    "beside it, as `subjectprev`, the same person's pseudonym under that key: POST /pseudonyms gives both",
)
