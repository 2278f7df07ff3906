"""The certificates of the system in containers: who trusts the authority is talking to whom it means."""

import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from pcare_compose import certificates

SERVERS = certificates.SERVERS


def _chain(directory, name):
    return x509.load_pem_x509_certificates((directory / f"{name}.pem").read_bytes())


def _verify(directory, name, host, at):
    (authority,) = x509.load_pem_x509_certificates((directory / "authority.pem").read_bytes())
    policy = PolicyBuilder().store(Store([authority])).time(at).build_server_verifier(x509.DNSName(host))
    certificate, *rest = _chain(directory, name)
    return policy.verify(certificate, rest)


def _loads(directory, name):
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
        directory / f"{name}.pem", directory / f"{name}.key"
    )


@pytest.mark.parametrize("name", SERVERS)
def test_each_server_is_known_by_its_name_in_the_network(tmp_path, now, name):
    certificates.make(tmp_path, now)
    _loads(tmp_path, name)
    _verify(tmp_path, name, name, now)
    with pytest.raises(VerificationError):
        _verify(tmp_path, name, "somebody-else", now)


def test_a_host_that_was_named_is_known_too(tmp_path, now):
    certificates.make(tmp_path, now, ["pcare.example.nhs.uk"])
    _verify(tmp_path, "ingest", "pcare.example.nhs.uk", now)


def test_they_end_and_it_is_said_when(tmp_path, now):
    certificates.make(tmp_path, now, days=30)
    assert certificates.expires(tmp_path) == now + dt.timedelta(days=30)
    with pytest.raises(VerificationError):
        _verify(tmp_path, "ingest", "ingest", now + dt.timedelta(days=31))


def test_made_again_they_stay_and_made_anew_the_authority_stays(tmp_path, now):
    certificates.make(tmp_path, now)
    authority, first = (tmp_path / "authority.pem").read_text(), _chain(tmp_path, "kafka")[0]
    certificates.make(tmp_path, now)
    assert _chain(tmp_path, "kafka")[0] == first
    certificates.make(tmp_path, now, anew=True)
    assert _chain(tmp_path, "kafka")[0] != first
    assert (tmp_path / "authority.pem").read_text() == authority
    _verify(tmp_path, "kafka", "kafka", now)


def test_the_brokers_file_holds_its_key_and_the_chain(tmp_path, now):
    certificates.make(tmp_path, now)
    store = (tmp_path / "kafka-keystore.pem").read_text()
    assert store == (tmp_path / "kafka.key").read_text() + (tmp_path / "kafka.pem").read_text()
    subject = _chain(tmp_path, "kafka")[0].subject.rfc4514_string()
    assert subject == "CN=kafka"


def test_an_authority_whose_key_is_kept_elsewhere_is_not_replaced(tmp_path, now):
    certificates.make(tmp_path, now)
    key = (tmp_path / "authority.key").read_text()
    (tmp_path / "authority.key").unlink()
    before = {file.name: file.read_text() for file in tmp_path.iterdir()}
    certificates.make(tmp_path, now)  # nothing is missing
    for anew in (False, True):
        (tmp_path / "ingest.pem").unlink(missing_ok=True)
        with pytest.raises(ValueError, match=r"authority\.key is not there.*put the key back"):
            certificates.make(tmp_path, now, anew=anew)
    del before["ingest.pem"]
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == before
    (tmp_path / "authority.key").write_text(key)
    certificates.make(tmp_path, now)
    _verify(tmp_path, "ingest", "ingest", now)


def test_with_another_authority_every_server_is_of_it(tmp_path, now):
    certificates.make(tmp_path, now)
    for name in ("authority.pem", "authority.key"):
        (tmp_path / name).unlink()
    certificates.make(tmp_path, now)
    _verify(tmp_path, "kafka", "kafka", now)


@pytest.mark.parametrize("part", ["kafka.key", "kafka-keystore.pem", "ingest.key"])
def test_what_was_interrupted_is_made_whole(tmp_path, now, part):
    certificates.make(tmp_path, now)
    (tmp_path / part).unlink()
    certificates.make(tmp_path, now)
    name = part.partition(".")[0].removesuffix("-keystore")
    _loads(tmp_path, name)
    assert (tmp_path / part).is_file()
