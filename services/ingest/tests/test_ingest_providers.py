"""For whom a provider may speak."""

import datetime as dt

from credential_support import CLIENT, LONG_AGO, RKE, SIGNING_KEY, by_key, by_signature, jwk, jwks, providers
from hypothesis import given
from hypothesis import strategies as st

from pcare_common import api_keys
from pcare_ingest.providers import Credential
from pcare_ingest.rate_limit import Rate
from pcare_schemas.register import LOCAL_SOURCE, ProviderEntry, Register
from pcare_schemas.rules import Rules

BUILT_IN = Rules.load().register
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def entry(slug: str, *, successor: str | None = None, ends: dt.date | None = None) -> ProviderEntry:
    return ProviderEntry(source=LOCAL_SOURCE + slug, name=slug, kind="council", valid_to=ends, successor=successor)


def speaks_for(slug: str, register: Register, now: dt.datetime = NOW) -> set[str]:
    credential = by_key(api_keys.new(), LOCAL_SOURCE + slug)
    caller = providers(credential, register=register).caller(credential, now)
    assert caller is not None
    assert caller.sources is not None
    return {source.removeprefix(LOCAL_SOURCE) for source in caller.sources}


def test_a_provider_speaks_for_itself_under_its_code() -> None:
    credential = by_key(api_keys.new())
    caller = providers(credential, register=BUILT_IN).caller(credential, NOW)

    assert caller is not None
    assert (caller.name, caller.sources, caller.credential) == ("RKE", {RKE}, credential.id)


def test_it_speaks_for_those_that_it_took_over_from_in_however_many_steps() -> None:
    ended = dt.date(2020, 4, 1)
    register = Register(
        [
            entry("first", successor="second", ends=ended),
            entry("second", successor="third", ends=dt.date(2022, 7, 1)),
            entry("third"),
            entry("stranger"),
        ]
    )

    assert speaks_for("third", register) == {"first", "second", "third"}
    assert speaks_for("second", register) == {"first", "second"}
    assert speaks_for("first", register) == {"first"}
    assert speaks_for("stranger", register) == {"stranger"}


def test_until_an_organisation_has_ended_its_successor_may_not_speak_for_it() -> None:
    register = Register(
        [
            entry("first", successor="second", ends=dt.date(2020, 4, 1)),
            entry("second", successor="third", ends=dt.date(2026, 7, 1)),
            entry("third"),
        ]
    )
    credential = by_key(api_keys.new(), LOCAL_SOURCE + "third")
    known = providers(credential, register=register)

    the_day_before = known.caller(credential, dt.datetime(2026, 6, 30, 22, 59, tzinfo=dt.UTC))
    on_the_day = known.caller(credential, dt.datetime(2026, 6, 30, 23, 0, tzinfo=dt.UTC))  # midnight in London

    assert the_day_before is not None
    assert on_the_day is not None
    assert the_day_before.sources == {LOCAL_SOURCE + "third"}
    assert on_the_day.sources == {LOCAL_SOURCE + slug for slug in ("first", "second", "third")}


def test_an_organisation_whose_last_day_is_not_known_has_not_ended() -> None:
    register = Register(
        [
            entry("first", successor="second", ends=dt.date(2020, 4, 1)),
            entry("second", successor="third"),
            entry("third"),
        ]
    )

    assert speaks_for("third", register) == {"third"}
    assert speaks_for("second", register) == {"first", "second"}


def test_of_the_built_in_register_nobody_speaks_for_a_trust_whose_last_day_it_does_not_have() -> None:
    credential = by_key(api_keys.new(), RKE.replace("RKE", "G6V2S"))
    caller = providers(credential, register=BUILT_IN).caller(credential, NOW)

    assert caller is not None
    assert caller.sources == {credential.source}


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=5, max_size=5))
def test_however_successors_are_linked_each_speaks_for_itself_and_for_nobody_it_did_not_follow(
    successors: list[str],
) -> None:
    names = ["a", "b", "c", "d", "e"]
    ended = dt.date(2020, 4, 1)
    register = Register([entry(name, successor=heir, ends=ended) for name, heir in zip(names, successors, strict=True)])
    following = dict(zip(names, successors, strict=True))
    for name in names:
        expected = {name}
        for other in names:
            at, steps = other, 0
            while at != name and steps < 6:
                at, steps = following[at], steps + 1
            if at == name:
                expected.add(other)
        assert speaks_for(name, register) == expected


def test_the_register_grants_a_rate_and_the_settings_grant_it_to_the_rest() -> None:
    own, other = by_key(api_keys.new()), by_key(api_keys.new(), RKE.replace("RKE", "RAL"))
    known = providers(own, other, register=BUILT_IN, RKE=7)

    assert known.caller(own, NOW).rate == Rate(7, 70)  # type: ignore[union-attr]
    assert known.caller(other, NOW).rate == Rate(5_000, 50_000)  # type: ignore[union-attr]


def test_a_credential_whose_provider_is_not_registered_any_more_is_nobody_s() -> None:
    credential = by_key(api_keys.new(), LOCAL_SOURCE + "gone")

    assert providers(credential, register=BUILT_IN).caller(credential, NOW) is None


def test_a_row_of_the_database_becomes_a_credential() -> None:
    row = {
        "id": CLIENT,
        "source": RKE,
        "form": "private_key_jwt",
        "secret_sha256": None,
        "jwks": jwks(jwk(SIGNING_KEY, "k1")),
        "valid_from": LONG_AGO,
        "expires_at": None,
    }

    assert Credential.of_row(row).keys.keys() == by_signature(jwks(jwk(SIGNING_KEY, "k1"))).keys.keys() == {"k1"}
