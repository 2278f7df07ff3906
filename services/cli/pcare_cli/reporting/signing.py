"""What is signed of a report, and how the signature is checked with the public key alone. Pure.

The note that is signed names two hashes: of the report's JSON, and of its page without the region in which the note
itself stands. So the page alone is enough to check it, and no byte of it can change unnoticed.
"""

import hashlib
import html
import re
from typing import NamedTuple

from pcare_audit.signed_note import NoteError, Signer, Verifier, signer_names

FIRST_LINE = "uk.nhs.ncl.personalised-care/audit-report"
BEGINS, ENDS = b"<!-- the signed note begins -->", b"<!-- the signed note ends -->"
_TEXT = re.compile(
    rf"{re.escape(FIRST_LINE)}\nmade (?P<made>[0-9TZ:-]+)\njson sha256 (?P<json>[0-9a-f]{{64}})\n"
    r"page sha256 (?P<page>[0-9a-f]{64})\n"
)
_IN_THE_PAGE = re.compile(rb'<pre class="note">(.*?)</pre>', re.DOTALL)


class Stated(NamedTuple):
    """What a note says, and who signed it."""

    made_at: str
    json_sha256: str
    page_sha256: str
    signer: str


class CheckError(Exception):
    """The report is not what was signed, or nobody signed it. The message says which, and what to do."""


def sha256(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def region(note: str | None) -> bytes:
    """Return the part of a page that holds the note, as it is written; without a note it says so."""
    if note is None:
        inner = (
            '<p class="unsigned"><strong>This report is not signed.</strong> Nothing shows whether it was changed.</p>'
        )
    else:
        inner = f'<pre class="note">{html.escape(note)}</pre>'
    return BEGINS + b"\n" + inner.encode() + b"\n" + ENDS


def take_apart(page: bytes) -> tuple[bytes, bytes]:
    """Return a page without its region, and the region. Raises CheckError where there is not exactly one."""
    if page.count(BEGINS) != 1 or page.count(ENDS) != 1 or page.index(BEGINS) > page.index(ENDS):
        raise CheckError("This is no page of `pcare audit report`, or the part with the signature was changed.")
    begins, ends = page.index(BEGINS), page.index(ENDS) + len(ENDS)
    return page[:begins] + page[ends:], page[begins:ends]


def put_together(page: bytes, note: str | None) -> bytes:
    """Return a page whose region holds a note."""
    begins, ends = page.index(BEGINS), page.index(ENDS) + len(ENDS)
    return page[:begins] + region(note) + page[ends:]


def sign(page: bytes, document: bytes, made_at: str, signer: Signer) -> tuple[bytes, str]:
    """Return a page with its signed note, and the note. `document` is the report's JSON."""
    rest, _ = take_apart(page)
    note = signer.sign(f"{FIRST_LINE}\nmade {made_at}\njson sha256 {sha256(document)}\npage sha256 {sha256(rest)}\n")
    return put_together(page, note), note


def open_note(note: str, verifier: Verifier) -> Stated:
    """Return what a note says that this key signed. Raises CheckError."""
    try:
        text = verifier.open(note)
        signers = list(signer_names(note))
    except NoteError as error:
        raise CheckError(str(error)) from error
    stated = _TEXT.fullmatch(text)
    if stated is None:
        raise CheckError("The note is signed, and is about something else than a report.")
    return Stated(stated["made"], stated["json"], stated["page"], ", ".join(signers))


def check_page(page: bytes, verifier: Verifier) -> Stated:
    """Return what was signed of a page, if the page is just that. Raises CheckError."""
    rest, found = take_apart(page)
    inside = _IN_THE_PAGE.search(found)
    if inside is None:
        raise CheckError("The report is not signed: nothing shows whether it was changed.")
    try:
        note = html.unescape(inside[1].decode())
    except UnicodeDecodeError as error:
        raise CheckError("The part with the signature was changed.") from error
    stated = open_note(note, verifier)
    if found != region(note):
        raise CheckError("The part with the signature was changed: it holds more than the signed note.")
    if sha256(rest) != stated.page_sha256:
        raise CheckError("The page was changed after it was signed. Ask whoever gave it to you for the original.")
    return stated


def check_document(document: bytes, note: str, verifier: Verifier) -> Stated:
    """Return what was signed of a report's JSON, if it is just that. Raises CheckError."""
    stated = open_note(note, verifier)
    if sha256(document) != stated.json_sha256:
        raise CheckError("The JSON was changed after it was signed. Ask whoever gave it to you for the original.")
    return stated
