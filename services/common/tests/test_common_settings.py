"""Settings come from the environment, and a mistake names its variable without showing its value."""

import pytest
from pydantic import SecretStr

from pcare_common import settings
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_common.kafka import KafkaSettings


class Example(settings.Settings):
    example_port: int
    example_secret: SecretStr


@pytest.fixture(autouse=True)
def _no_inherited_settings(monkeypatch):
    import os

    for name in list(os.environ):
        if name.startswith("PCARE_"):
            monkeypatch.delenv(name)


def test_values_come_from_prefixed_variables(monkeypatch):
    monkeypatch.setenv("PCARE_EXAMPLE_PORT", "8080")
    monkeypatch.setenv("PCARE_EXAMPLE_SECRET", "s3cret")
    loaded = settings.load(Example)
    assert loaded.example_port == 8080
    assert loaded.example_secret.get_secret_value() == "s3cret"


def test_a_missing_and_a_wrong_value_are_named_without_their_content(monkeypatch, capsys):
    monkeypatch.setenv("PCARE_EXAMPLE_PORT", "943 476 5919")
    with pytest.raises(SystemExit) as ended:
        settings.load(Example)
    assert ended.value.code == EXIT_CONFIGURATION
    message = capsys.readouterr().err
    assert "PCARE_EXAMPLE_PORT" in message
    assert "PCARE_EXAMPLE_SECRET" in message
    assert "5919" not in message


def test_sasl_without_credentials_is_refused_with_both_names(monkeypatch, capsys):
    monkeypatch.setenv("PCARE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(SystemExit):
        settings.load(KafkaSettings)
    message = capsys.readouterr().err
    assert "PCARE_KAFKA_SASL_USERNAME" in message
    assert "PCARE_KAFKA_SASL_PASSWORD" in message
    assert "PCARE_: " not in message


def test_kafka_options_without_credentials_name_only_the_servers(monkeypatch):
    monkeypatch.setenv("PCARE_KAFKA_BOOTSTRAP_SERVERS", "a:1, b:2,")
    kafka = settings.load(KafkaSettings)
    expected = {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}
    assert kafka.kafka_python_options() == expected
    assert kafka.aiokafka_options() == expected


def test_kafka_options_carry_credentials_to_both_clients(monkeypatch):
    monkeypatch.setenv("PCARE_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("PCARE_KAFKA_SASL_USERNAME", "recorder")
    monkeypatch.setenv("PCARE_KAFKA_SASL_PASSWORD", "open sesame")
    kafka = settings.load(KafkaSettings)
    for options in (kafka.kafka_python_options(), kafka.aiokafka_options()):
        assert options["sasl_plain_username"] == "recorder"
        assert options["sasl_plain_password"] == "open sesame"
        assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert "open sesame" not in repr(kafka)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_no_brokers_that_are_away(monkeypatch, capsys, tmp_path, content):
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv("PCARE_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("PCARE_KAFKA_SSL_CAFILE", str(tmp_path / "ca.pem"))
    with pytest.raises(SystemExit) as ended:
        settings.load(KafkaSettings)
    assert ended.value.code == EXIT_CONFIGURATION
    assert "PCARE_KAFKA_SSL_CAFILE names no file" in capsys.readouterr().err


def test_tls_is_spelled_for_each_client(monkeypatch, tmp_path):
    import certifi

    monkeypatch.setenv("PCARE_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("PCARE_KAFKA_SSL_CAFILE", certifi.where())
    kafka = settings.load(KafkaSettings)
    assert kafka.kafka_python_options()["ssl_cafile"] == certifi.where()
    assert kafka.aiokafka_options()["ssl_context"].verify_mode.name == "CERT_REQUIRED"


def _secrets(monkeypatch, directory, **contents):
    for name, content in contents.items():
        (directory / name).write_text(content)
    monkeypatch.setenv("PCARE_SECRETS_DIR", str(directory))


def test_secrets_come_from_files_named_like_their_variables(monkeypatch, tmp_path):
    _secrets(monkeypatch, tmp_path, PCARE_EXAMPLE_SECRET="s3cret\n", PCARE_EXAMPLE_PORT=" 8080\n", another="x")
    loaded = settings.load(Example)
    assert loaded.example_secret.get_secret_value() == "s3cret"
    assert loaded.example_port == 8080


def test_the_environment_goes_before_a_file(monkeypatch, tmp_path):
    _secrets(monkeypatch, tmp_path, PCARE_EXAMPLE_SECRET="of the file", PCARE_EXAMPLE_PORT="1")
    monkeypatch.setenv("PCARE_EXAMPLE_PORT", "2")
    loaded = settings.load(Example)
    assert loaded.example_port == 2
    assert loaded.example_secret.get_secret_value() == "of the file"


def test_what_is_required_of_a_group_of_settings_may_come_from_files(monkeypatch, tmp_path):
    _secrets(monkeypatch, tmp_path, PCARE_KAFKA_SASL_PASSWORD="open sesame\n")
    monkeypatch.setenv("PCARE_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("PCARE_KAFKA_SASL_USERNAME", "recorder")
    assert settings.load(KafkaSettings).kafka_python_options()["sasl_plain_password"] == "open sesame"


def test_a_wrong_value_in_a_file_is_named_without_its_content(monkeypatch, capsys, tmp_path):
    _secrets(monkeypatch, tmp_path, PCARE_EXAMPLE_SECRET="s3cret", PCARE_EXAMPLE_PORT="943 476 5919")
    with pytest.raises(SystemExit) as ended:
        settings.load(Example)
    assert ended.value.code == EXIT_CONFIGURATION
    message = capsys.readouterr().err
    assert "PCARE_EXAMPLE_PORT" in message
    assert "5919" not in message


def test_a_directory_of_secrets_that_is_not_there_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PCARE_SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit) as ended:
        settings.load(Example)
    assert ended.value.code == EXIT_CONFIGURATION
    message = capsys.readouterr().err
    assert "PCARE_SECRETS_DIR" in message
    assert "nowhere" in message
