"""Access tokens, the keys that sign them, and what may be shown once."""

import stat
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_common.errors import OperatorError
from pcare_ingest import access_tokens, token_keys
from pcare_ingest.access_tokens import AccessTokens
from pcare_ingest.replays import Replays, TooManyError
from pcare_ingest.token_keys import TokenKeys

OLD, NEW = b"o" * 32, b"n" * 32


def test_a_token_says_which_credential_and_key_and_until_when() -> None:
    tokens = AccessTokens(TokenKeys("t1", {"t1": OLD}), seconds=600)

    token = tokens.give("client", "k1", 1_000.5)

    assert tokens.read(token) == access_tokens.Access("client", "k1", 1_600)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "kid": "t1", "typ": "at+jwt"}


def test_while_a_key_is_changed_the_tokens_of_both_are_taken() -> None:
    before, after = AccessTokens(TokenKeys("t1", {"t1": OLD}), seconds=60), TokenKeys("t2", {"t2": NEW, "t1": OLD})
    token = before.give("client", "k1", 0)

    assert AccessTokens(after, seconds=60).read(token) is not None
    assert AccessTokens(TokenKeys("t2", {"t2": NEW}), seconds=60).read(token) is None
    assert AccessTokens(TokenKeys("t1", {"t1": NEW}), seconds=60).read(token) is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_tokens, "MOST_REMEMBERED", 3)
    tokens = AccessTokens(TokenKeys("t1", {"t1": OLD}), seconds=60)
    given_ = [tokens.give(f"client{number}", "k1", 0) for number in range(10)]

    for token in given_ * 2:
        assert tokens.read(token) is not None
    for number in range(10):
        assert tokens.read(f"a.b.{number}") is None

    assert len(tokens._read) == 3


@given(st.text(max_size=60) | st.lists(st.text("abcXYZ019-_=", max_size=12), min_size=3, max_size=3).map(".".join))
def test_whatever_is_no_token_is_none(text: str) -> None:
    assert AccessTokens(TokenKeys("t1", {"t1": OLD}), seconds=60).read(text) is None


def test_a_new_file_is_for_its_owner_only_and_can_be_read(tmp_path: Path) -> None:
    token_keys.new(tmp_path / "one")
    token_keys.new(tmp_path / "two")
    one, two = token_keys.read(tmp_path / "one"), token_keys.read(tmp_path / "two")

    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600
    assert one.secrets[one.signing] != two.secrets[two.signing]
    assert len(one.secrets[one.signing]) == 32
    assert one.secrets[one.signing].hex() not in repr(one)
    with pytest.raises(OperatorError, match="exists already"):
        token_keys.new(tmp_path / "one")


def test_of_several_keys_the_first_signs(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"t2:{NEW.hex()}\n\n  t1:{OLD.hex()}  \n")

    assert token_keys.read(file) == TokenKeys("t2", {"t2": NEW, "t1": OLD})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        OLD.hex(),
        f"t1:{OLD.hex()[:-2]}",
        f"t1:{OLD.hex()}a",
        f"t1:{OLD.hex()}\nt1:{NEW.hex()}",
        "t1:ä",
        f"a b:{OLD.hex()}",
    ],
)
def test_a_file_of_no_good_keys_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text)

    with pytest.raises(OperatorError, match="PCARE_INGEST_TOKEN_KEY_FILE") as refused:
        token_keys.read(file)

    assert OLD.hex()[:16] not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read: No such file"):
        token_keys.read(tmp_path / "none")


def test_the_command_says_what_to_set_and_what_went_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert token_keys.main(["new", str(tmp_path / "key")]) == 0
    assert token_keys.main(["new", str(tmp_path / "key")]) != 0
    assert token_keys.main(["new", str(tmp_path / "none" / "key")]) != 0
    assert token_keys.main([]) != 0

    said = capsys.readouterr()
    assert "PCARE_INGEST_TOKEN_KEY_FILE=" in said.out
    assert "exists already" in said.err
    assert "Cannot write" in said.err
    assert "usage:" in said.err


def test_what_was_shown_is_refused_until_it_could_be_used_no_more() -> None:
    replays = Replays()

    assert replays.is_first("a", "1", until=10, now=0)
    assert not replays.is_first("a", "1", until=10, now=9.9)
    assert replays.is_first("b", "1", until=10, now=5)
    assert replays.is_first("a", "1", until=20, now=10)
    assert not replays.is_first("a", "1", until=20, now=11)


def test_what_cannot_be_remembered_is_not_taken_and_harms_nobody_else() -> None:
    replays = Replays(most=3)
    for number in range(3):
        assert replays.is_first("a", str(number), until=10 + number, now=0)

    with pytest.raises(TooManyError):
        replays.is_first("a", "3", until=10, now=9)
    assert replays.is_first("b", "3", until=10, now=9)
    assert replays.is_first("a", "4", until=30, now=10)
    with pytest.raises(TooManyError):
        replays.is_first("a", "5", until=30, now=10)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 5), st.floats(0.1, 5)), max_size=60))
def test_nothing_is_taken_twice_while_it_is_valid(shown: list[tuple[float, int, float]]) -> None:
    replays, now = Replays(most=4), 0.0
    valid: dict[int, float] = {}
    for pause, jti, length in shown:
        now += pause
        try:
            first = replays.is_first("a", str(jti), until=now + length, now=now)
        except TooManyError:
            continue
        assert first == (valid.get(jti, 0.0) <= now)
        if first:
            valid[jti] = now + length
