"""Ingest that goes by the register of a test's database, and what its callers send."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge_database import EdgeDatabase, edge_login
from pcare_ingest import token_keys
from pcare_schemas.examples import VALID
from pcare_schemas.register import LOCAL_SOURCE
from system import Process, System

OWN, OTHER = f"{LOCAL_SOURCE}own-council", f"{LOCAL_SOURCE}other-council"


@asynccontextmanager
async def registering(system: System) -> AsyncIterator[EdgeDatabase]:
    """Register two providers, and have what ingest `start_ingest` starts go by that."""
    async with edge_login(system.dsn) as database:
        for source in (OWN, OTHER):
            await database.add_provider(source, kind="council")
        file = system.directory / "token-key"
        token_keys.new(file)
        system.environment |= {
            "PCARE_INGEST_CREDENTIALS": "register",
            "PCARE_INGEST_TOKEN_KEY_FILE": str(file),
            "PCARE_INGEST_REGISTER_POLL": "0.1",
        }
        yield database


def start_ingest(system: System, database: EdgeDatabase, **more: str) -> Process:
    """Start a copy of ingest with the login of its own, and return at once."""
    process = system.add("ingest")
    process.environment |= {"PCARE_POSTGRES_DSN": database.edge_dsn} | more
    process.start()
    return process


def event(source: str = OWN) -> bytes:
    """Make an event that nobody has sent before."""
    return json.dumps({**VALID["sp-referral"], "source": source, "id": str(uuid.uuid4())}).encode()
