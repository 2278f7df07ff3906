"""What is said to whoever erases a person: how many, never which. Pure."""

from collections.abc import Iterator

from pcare_cli.erasing.erasure import Done, Seen


def seen(found: Seen, *, keep_submitted: bool) -> Iterator[str]:
    """Give what there is of a person, and what will become of it, a line each."""
    person, rejected = found.person, found.rejected
    yield f"Links of pseudonyms: {len(person.linked):,} in the database, {len(person.on_topic):,} on the topic."
    yield f"Rejections that hold something of the person: {len(found.rejections):,}."
    held = found.hand_over.of_the_person()
    told = f"Submitted events of the person that Kafka still holds: {found.hand_over.own:,}"
    if not held:
        yield f"{told}."
    elif keep_submitted:
        yield f"{told}; they stay there until its retention deletes them."
    else:
        others = sum(one.before for one in held.values())
        yield (
            f"{told}, in {len(held)} partitions. Kafka deletes from the front only: {others:,} records of others stand "
            "before them and go too, with a few after them. All are judged, and what was recorded of them stays."
        )
    waiting = person.records - len(person.on_topic) + rejected.records - rejected.last
    if waiting:
        yield (
            f"Records that others have taken the place of, which Kafka is about to remove: {waiting:,}. It does so in "
            "two days, as soon as something is added behind them."
        )


def recorded(naming: int) -> Iterator[str]:
    """Say how many recorded events hold a pseudonym of the person, where there are any, and what can be done."""
    if naming:
        yield (
            f"Recorded events that hold a pseudonym of the person, in their id or a reference: {naming:,}. THEY STAY: "
            "the log is never changed, so from the NHS number they still lead to the person in it. Ask their provider "
            "to retract them, to send them anew under another id or reference, and to make none of a pseudonym again; "
            "and tell the controller: docs/erasure.md."
        )


def done(what: Done) -> Iterator[str]:
    """Give what was erased, a line each."""
    if what.act is None:
        yield "There is nothing to erase any more. Nothing was done."
        return
    yield (
        f"Erased: {what.links:,} links, {what.rejections:,} rejections redacted, {what.own:,} submitted events of the "
        f"person deleted, and with them {what.others:,} records of others, all judged already."
    )
    yield (
        f"Act {what.act} of the audit trail says so. Kafka removes what was replaced on the topics in two days or so: "
        "`--dry-run` says whether it has. Backups from before this still know the person: docs/erasure.md."
    )
