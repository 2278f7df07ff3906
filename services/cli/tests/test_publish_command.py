"""The command: templates that are accepted as they stand, ids, and what the environment says of who calls."""

import csv
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from publish_support import NHS_NUMBER, rows
from typer.testing import CliRunner

from pcare_cli.main import app
from pcare_cli.publishing.settings import PublishSettings
from pcare_cli.publishing.template import template
from pcare_client import Anyone, ApiKey, ClientCredentials
from pcare_common.errors import OperatorError
from pcare_schemas.examples import VALID


@pytest.fixture(autouse=True)
def _key_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def pcare(*arguments: str | Path):
    return CliRunner().invoke(app, ["publish", *map(str, arguments)])


@pytest.mark.parametrize("kind", VALID)
def test_the_template_of_every_kind_is_accepted_as_it_stands(kind, tmp_path):
    printed = pcare("--template", kind)
    assert printed.exit_code == 0
    assert printed.stdout == template(kind)
    assert "Needed:" in printed.stderr
    file = tmp_path / "t.csv"
    file.write_text(printed.stdout)
    ended = pcare(file, "--kind", kind, "--source", VALID[kind]["source"], "--offline")
    assert ended.exit_code == 0, ended.output
    assert "1 of 1 rows would be accepted" in ended.stdout


def test_an_unknown_kind_names_its_neighbour():
    ended = pcare("--template", "pam-score")
    assert (ended.exit_code, "pam-scored" in ended.stderr) == (2, True)


def test_rejected_rows_are_the_exit_status_and_no_number_is_shown(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text(rows(3, wrong=frozenset({1})))
    ended = pcare(file, "--kind", "sp-declined", "--source", "RKE", "--offline")
    assert ended.exit_code == 1
    assert "x.checked.csv" in ended.stdout
    assert NHS_NUMBER not in ended.output


def test_ids_are_those_that_are_published(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text(rows(2) + "a,b,c,d,e\n")
    ended = pcare(file, "--kind", "sp-declined", "--source", "RKE", "--ids")
    assert ended.exit_code == 0, ended.output
    found = list(csv.DictReader(ended.stdout.splitlines()))
    assert [row["row"] for row in found] == ["2", "3", "4"]
    assert len({row["id"] for row in found[:2]}) == 2
    assert found[2]["id"] == ""
    assert pcare(file, "--kind", "sp-declined", "--source", "RKE", "--ids").stdout == ended.stdout
    assert NHS_NUMBER not in ended.output


def test_the_key_of_ids_is_announced_once(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text(rows(1))
    first, second = (pcare(file, "--kind", "sp-declined", "--source", "RKE", "--offline") for _ in range(2))
    assert "back it up" in first.stderr
    assert "back it up" not in second.stderr


def test_a_mapping_may_say_all_that_the_command_line_leaves_out(tmp_path):
    file, mapping = tmp_path / "x.csv", tmp_path / "map.yaml"
    file.write_bytes("Patient;When;Zuständig\n999 000 0018;19.04.2024;x\n".encode("cp1252"))
    mapping.write_text(
        json.dumps(
            {
                "kind": "sp-declined",
                "source": "RKE",
                "encoding": "cp1252",
                "columns": {"nhs_number": "Patient", "time": {"column": "When", "format": "%d.%m.%Y"}},
                "constants": {"borough": "E09000019"},
            }
        )
    )
    ended = pcare(file, "--mapping", mapping, "--offline")
    assert ended.exit_code == 0, ended.output


def test_the_mapping_of_the_page_reads_a_row_as_it_says(tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "files.md").read_text()
    mapping = tmp_path / "map.yaml"
    mapping.write_text(page.split("```yaml\n")[1].split("```")[0])
    file = tmp_path / "x.csv"
    file.write_text("NHS Number,Referral Date,Ref No,Referred By,Why\n9990000018,19-Apr-2024,7,Self,mental_health\n")
    ended = pcare(file, "--mapping", mapping, "--offline")
    assert ended.exit_code == 0, ended.output


def test_who_calls_is_said_by_the_environment(monkeypatch, tmp_path):
    assert isinstance(PublishSettings().credentials("http://x"), Anyone)
    monkeypatch.setenv("PCARE_API_KEY", "pcare_secret")
    assert isinstance(PublishSettings().credentials("http://x"), ApiKey)
    assert "pcare_secret" not in repr(PublishSettings())
    monkeypatch.setenv("PCARE_CLIENT_ID", "c")
    ended = pcare(tmp_path / "x.csv", "--kind", "sp-declined")
    assert (ended.exit_code, "PCARE_API_KEY" in ended.stderr) == (78, True)
    monkeypatch.delenv("PCARE_API_KEY")
    ended = pcare(tmp_path / "x.csv", "--kind", "sp-declined")
    assert "PCARE_CLIENT_KEY_FILE" in ended.stderr


def test_a_private_key_is_read_from_its_file(monkeypatch, tmp_path):
    file = tmp_path / "key.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name, value in (("CLIENT_ID", "c"), ("CLIENT_KEY_FILE", str(file)), ("CLIENT_KEY_ID", "k1")):
        monkeypatch.setenv(f"PCARE_{name}", value)
    assert isinstance(PublishSettings().credentials("http://x/"), ClientCredentials)
    file.write_text("no key")
    with pytest.raises(OperatorError, match="private key in PEM"):
        PublishSettings().credentials("http://x")
    monkeypatch.setenv("PCARE_CLIENT_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(OperatorError, match="cannot be read"):
        PublishSettings().credentials("http://x")


def test_an_api_key_is_read_from_its_file(monkeypatch, tmp_path):
    file = tmp_path / "key"
    file.write_text("pcare_secret\n")
    monkeypatch.setenv("PCARE_API_KEY_FILE", str(file))
    assert isinstance(PublishSettings().credentials("http://x"), ApiKey)


@pytest.mark.parametrize("address", ["ingest.example", "ftp://x"])
def test_an_address_that_is_none_is_named(address, tmp_path):
    file = tmp_path / "x.csv"
    file.write_text(rows(1))
    ended = pcare(file, "--kind", "sp-declined", "--source", "RKE", "--address", address)
    assert (ended.exit_code, "no address" in ended.stderr) == (78, True)
    assert not file.with_name("x.csv.pcare-journal").exists()
