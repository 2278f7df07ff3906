"""What is looked at of checkpoints: the newest ones of table and topic, and by which key they are signed."""

import datetime as dt
from pathlib import Path

from pcare_audit.signed_note import NoteError, Signer, Verifier
from pcare_cli.doctor import seal_reading, seal_rules
from pcare_cli.doctor.doors import UnseenError, reading
from pcare_cli.doctor.findings import Finding
from pcare_cli.doctor.looking import Look
from pcare_cli.doctor.reaching import Reaching
from pcare_cli.doctor.settings import listed


class SealLooks:
    """Checkpoints, and their keys."""

    def __init__(self, reaching: Reaching) -> None:
        self._reaching = reaching
        self._settings = reaching.settings

    def looks(self) -> list[Look]:
        """Return them all."""
        seconds, there = self._reaching.wanted.seconds, self._reaching.with_postgres
        return [
            Look(seal_rules.SEALED, self._reaching.with_kafka(there(self._sealing)), seconds),
            Look(seal_rules.SIGNED, self._keys, seconds),
        ]

    async def _sealing(self) -> list[Finding]:
        async with reading(self._reaching.dsn) as connection:
            facts = await seal_reading.sealing(connection, self._reaching.options)
        return seal_rules.of_sealing(facts, dt.timedelta(seconds=self._settings.seal_seconds))

    async def _keys(self) -> list[Finding]:
        files = [Path(file) for file in listed(self._settings.doctor_checkpoint_keys)]
        private = self._settings.seal_key_file
        try:
            if private is not None:
                Signer.load(private, seal_rules.SEALER)
            keys = list(map(Verifier.load, files))
        except NoteError as error:
            return [seal_rules.KEY_UNREADABLE.found(str(error))]
        if not keys:
            raise UnseenError("nobody said which public key auditors have", "Set PCARE_DOCTOR_CHECKPOINT_KEYS.")
        return await self._reaching.with_postgres(lambda: self._signature(keys))()

    async def _signature(self, keys: list[Verifier]) -> list[Finding]:
        async with reading(self._reaching.dsn) as connection:
            table, _ = await seal_reading.newest_in_table(connection)
        return [seal_rules.of_signature(table, keys)]
