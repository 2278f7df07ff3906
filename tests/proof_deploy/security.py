"""Security of the run: the controls of docs/security.md, by the tests that show them."""

import os
import shutil
from pathlib import Path

from proof_deploy.step import Step, by_tests

AREA = "security"
_POSTGRES = Path("/usr/lib/postgresql")


def _no_postgres_with_tls() -> str | None:
    if shutil.which("postgres") or list(_POSTGRES.glob("*/bin/postgres")):
        return None
    return "no PostgreSQL that speaks TLS is installed: `make test-tools`, or Debian's package postgresql"


def _no_prometheus() -> str | None:
    return None if shutil.which("prometheus") else "no prometheus is installed: `make test-tools`"


def _no_git() -> str | None:
    return None if os.access(Path(__file__).parents[2] / ".git", os.R_OK) else "this is no checkout of git"


STEPS: tuple[Step, ...] = (
    by_tests(
        AREA,
        "each program's login may do in the database what it needs, and nothing else, table by table",
        "tests/test_database_roles.py",
    ),
    by_tests(
        AREA,
        "operators' commands do their work by the operators' login: providers, the desk, merges and a rebuild",
        "tests/test_providers.py",
        "tests/test_desk.py::test_the_audit_trail_is_only_added_to",
        "tests/test_desk.py::test_a_gap_is_passed_over_by_the_command_in_the_message",
        "tests/test_persons_merge.py::test_the_person_counts_once_and_stays_one",
    ),
    by_tests(
        AREA,
        "services and commands speak TLS to PostgreSQL, and trust no server but the right one",
        "tests/test_postgres_tls.py",
        lacks=_no_postgres_with_tls,
    ),
    by_tests(
        AREA,
        "HTTP beyond loopback: TLS, renewed certificates, tokens for metrics and board; scraped by a real Prometheus",
        "tests/test_http_secured.py",
        "services/common/tests/test_common_bearer.py",
        "services/common/tests/test_common_http_settings.py",
        "services/ingest/tests/test_ingest_settings.py",
        lacks=_no_prometheus,
    ),
    by_tests(
        AREA,
        "on brokers with authorization on, each service and provider may do what it needs, and nothing else",
        "tests/test_kafka_access.py",
        "tests/test_kafka_users.py",
    ),
    by_tests(
        AREA,
        "no NHS number and no secret shows: in topics, tables, logs and errors",
        "tests/test_audit_identifiers.py",
        "tests/test_credentials.py::test_no_secret_shows_whatever_fails",
    ),
    by_tests(
        AREA,
        "dependencies are locked by hash, what is known of them is told plainly, no secret is committed",
        "tests/test_dependency_audit.py",
        "tests/test_no_secrets.py",
        lacks=_no_git,
    ),
    by_tests(AREA, "each control of docs/security.md names a test that is there", "tests/test_security_page.py"),
)
