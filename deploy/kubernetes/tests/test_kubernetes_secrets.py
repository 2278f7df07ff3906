"""The secrets that the command makes are taken by who reads them."""

import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import yaml

from pcare_audit.signed_note import Signer, Verifier
from pcare_ingest.token_keys import read as read_token_keys
from pcare_kubernetes.policy_system import MADE_BY_PEOPLE
from pcare_kubernetes.secrets import LOGINS, NAMES, PUBLIC, SIGNER, SIGNING, make
from pcare_kubernetes.validating import of_all
from pcare_schemas.pseudonym import Keys


def test_each_secret_is_made_once_and_is_a_secret():
    made = make("pcare")
    assert sorted(one["metadata"]["name"] for one in made if one["kind"] == "Secret") == sorted(NAMES)
    assert {one["metadata"]["namespace"] for one in made} == {"pcare"}
    assert of_all(made) == []
    assert not NAMES & MADE_BY_PEOPLE
    assert make("pcare") != made


def test_a_login_comes_over_tls_and_as_nobody_else():
    by_name = {one["metadata"]["name"]: one["stringData"] for one in make("pcare") if one["kind"] == "Secret"}
    for login in LOGINS:
        told = by_name[f"login-{login}"]
        dsn = urlsplit(told["dsn"])
        assert (dsn.username, dsn.password) == (told["username"], told["password"]) == (login, told["password"])
        assert dsn.path == "/pcare"
        assert parse_qs(dsn.query)["sslmode"] == ["verify-full"]
    assert len({by_name[f"login-{login}"]["password"] for login in LOGINS}) == len(LOGINS)


def test_ingest_can_read_its_keys(tmp_path, monkeypatch):
    keys = next(one["stringData"] for one in make("pcare") if one["metadata"]["name"] == "ingest-keys")
    for name, text in keys.items():
        (tmp_path / name).write_text(text)
    assert read_token_keys(tmp_path / "token").signing
    monkeypatch.setenv("PCARE_PSEUDONYM_KEY_FILE", str(tmp_path / "pseudonym"))
    assert Keys.read()


def test_what_the_sealer_signs_is_verified_with_what_auditors_are_handed(tmp_path):
    made = {one["metadata"]["name"]: one for one in make("pcare")}
    (tmp_path / "key").write_text(made[SIGNING]["stringData"]["key"])
    note = Signer.load(tmp_path / "key", SIGNER).sign("a checkpoint\n")
    assert made[PUBLIC]["kind"] == "ConfigMap"
    assert Verifier.parse(made[PUBLIC]["data"]["public"]).open(note) == "a checkpoint\n"


def test_the_command_writes_what_kubectl_reads():
    done = subprocess.run(
        [sys.executable, "-m", "pcare_kubernetes.secrets", "--namespace", "elsewhere"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {one["metadata"]["namespace"] for one in yaml.safe_load_all(done.stdout)} == {"elsewhere"}
