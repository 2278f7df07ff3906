"""How PostgreSQL's tools are told where to go: no password on a command line, which everybody can read."""

import pytest

from pcare_operations.errors import OperationError
from pcare_operations.server import Server


def test_a_dsn_goes_by_the_environment() -> None:
    server = Server.at("postgresql://ada:p%40ss@db.example:6432/pcare%20two?sslmode=verify-full&sslrootcert=/ca.pem")
    assert server.database == "pcare two"
    assert server.prefix == ()
    assert server.environment == {
        "PGHOST": "db.example",
        "PGPORT": "6432",
        "PGUSER": "ada",
        "PGPASSWORD": "p@ss",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/ca.pem",
    }


@pytest.mark.parametrize("dsn", ["", "mysql://a/b", "postgresql://host", "postgresql://h/d?hostaddr=1"])
def test_what_is_not_understood_is_refused(dsn: str) -> None:
    with pytest.raises(OperationError):
        Server.at(dsn)


def test_a_missing_tool_is_named() -> None:
    server = Server("pcare", ("no-such-docker", "exec"))
    with pytest.raises(OperationError, match="no-such-docker is not installed here"):
        server.query("SELECT 1")
