"""The form of API keys."""

import hashlib
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pcare_common import api_keys
from pcare_schemas import identifiers


def test_a_key_is_read_back_as_it_was_made() -> None:
    key = api_keys.new()
    assert key.text == f"pcare_{key.id}_{key.secret}"
    assert api_keys.parse(key.text) == (key.id, key.secret)


def test_a_secret_has_256_bits_and_no_two_are_alike() -> None:
    assert len(set(api_keys.SECRET_LETTERS)) ** api_keys.SECRET_LENGTH >= 2**256
    assert len({(key.id, key.secret) for key in (api_keys.new() for _ in range(200))}) == 200


def test_what_is_kept_is_the_hash_of_the_secret_alone() -> None:
    key = api_keys.new()
    assert api_keys.sha256(key.secret) == hashlib.sha256(key.secret.encode()).digest()


def test_a_key_that_is_shown_by_accident_shows_its_id_only() -> None:
    key = api_keys.new()
    assert key.id in repr(key)
    assert key.secret not in repr(key)
    assert key.secret not in str(key)


def test_no_key_is_taken_for_an_nhs_number() -> None:
    key = api_keys.new()
    assert not set(key.text) & set(string.digits)
    assert not identifiers.find(key.text)


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key.text[:-1],
        lambda key: key.text + "a",
        lambda key: key.text + "\n",
        lambda key: " " + key.text,
        lambda key: key.text.upper(),
        lambda key: key.text.replace("_", "-"),
        lambda key: key.text.removeprefix("pcare_"),
        lambda key: f"pcare_{key.id}_",
        lambda key: f"pcare_{key.id}a_{key.secret}",
        lambda key: f"pcare_{key.id}_{key.secret[:-1]}é",
        lambda key: f"pcare_{key.id}_{key.secret[:-1]}1",
    ],
)
def test_what_has_another_form_is_no_key(change) -> None:
    assert api_keys.parse(change(api_keys.new())) is None


@given(st.text())
@example("")
@example("pcare__")
def test_any_text_is_read_or_not_and_nothing_is_raised(text: str) -> None:
    found = api_keys.parse(text)
    assert found is None or text == "pcare_" + "_".join(found)
