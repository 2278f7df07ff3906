"""Who may do what with Kafka: the plan, and in what a cluster differs from it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_cli.kafka_access import drift, handing_over
from pcare_cli.kafka_access.handing_over import Address
from pcare_cli.kafka_access.plan import (
    DEFAULT_FILE,
    AccessPlanError,
    Found,
    Permission,
    read_plan,
    to_add,
)
from pcare_cli.kafka_access.table import listing, table
from pcare_cli.topic_plan import read_plan as read_topics
from pcare_schemas.topics import SUBMITTED, provider_topic

PLAN = read_plan()
MECHANISM = "SCRAM-SHA-512"
PAGE = Path(__file__).parents[3] / "docs" / "kafka-access.md"
CODES = st.from_regex(r"\A[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,2}\Z")
PERMISSIONS = st.builds(
    Permission,
    st.sampled_from(["TOPIC", "GROUP", "CLUSTER"]),
    st.sampled_from([SUBMITTED, provider_topic("RKE"), "*", "kafka-cluster"]),
    st.sampled_from(["READ", "WRITE", "DESCRIBE", "ALL"]),
    st.sampled_from(["LITERAL", "PREFIXED"]),
    st.sampled_from(["ALLOW", "DENY"]),
)


def test_the_plan_names_topics_that_there_are() -> None:
    topics = read_topics().topics
    for user in PLAN.users.values():
        for name in user.topics:
            assert name in topics or name == f"{SUBMITTED}.*"


def test_nobody_may_change_the_cluster_or_everything() -> None:
    users = [PLAN.service(name) for name in PLAN.users] + [PLAN.of_provider("RKE")]
    for user in users:
        assert user is not None
        for permission in user.permissions:
            assert permission.resource in {"TOPIC", "GROUP"}
            assert permission.operation in {"READ", "WRITE", "DELETE", "DESCRIBE"}
            assert permission.name.startswith(SUBMITTED) or permission.pattern == "LITERAL"


@pytest.mark.parametrize(
    ("topic", "writers"),
    [
        ("interventions.recorded", ["recorder"]),
        ("interventions.checkpoints", ["sealer"]),
        # an erasure takes a link away, and what a rejection holds of a person
        ("interventions.subjects", ["recorder", "operator"]),
        ("interventions.rejected", ["recorder", "operator"]),
    ],
)
def test_who_writes_the_record_is_the_recorder_and_who_seals_it_the_sealer(topic: str, writers: list[str]) -> None:
    assert [name for name, user in PLAN.users.items() if "WRITE" in user.topics.get(topic, ())] == writers


def test_nobody_deletes_records_but_whoever_erases_and_none_of_what_is_kept_for_ever() -> None:
    may = {(name, topic) for name, user in PLAN.users.items() for topic, may in user.topics.items() if "DELETE" in may}
    assert may == {("operator", SUBMITTED), ("operator", f"{SUBMITTED}.*")}
    assert "DELETE" not in PLAN.provider


@given(CODES, CODES)
def test_a_provider_may_write_to_its_own_topic_and_nothing_else(code: str, other: str) -> None:
    user = PLAN.of_provider(code)
    own = provider_topic(code)
    assert user.permissions == {Permission("TOPIC", own, "WRITE"), Permission("TOPIC", own, "DESCRIBE")}
    assert user.name not in PLAN.users
    assert (PLAN.of_provider(other).name == user.name) == (code.lower() == other.lower())


@pytest.mark.parametrize("code", ["", "*", "a.b", "RKE*", "-", "rke\n", "a" + "\u0130"])
def test_what_is_no_code_is_no_user(code: str) -> None:
    with pytest.raises(ValueError, match="a provider code is"):
        PLAN.of_provider(code)


@given(st.frozensets(PERMISSIONS), st.booleans(), st.booleans())
def test_what_is_to_be_done_makes_a_user_as_planned(
    held: frozenset[Permission], has_password: bool, has_topic: bool
) -> None:
    user = PLAN.of_provider("RKE")
    found = Found(held, frozenset({MECHANISM} if has_password else ()), has_topic)
    changes = to_add(user, found, MECHANISM)
    assert held - set(changes.revoke) | set(changes.grant) == user.permissions
    assert not set(changes.grant) & set(changes.revoke)
    assert changes.make_password == (not has_password)
    assert bool(changes) == bool(changes.in_words())
    after = Found(user.permissions, frozenset({MECHANISM}), topic=True)
    assert not to_add(user, after, MECHANISM)


def as_planned() -> dict[str, Found]:
    users = {name: PLAN.service(name) for name in PLAN.users}
    return {name: Found(user.permissions, frozenset({MECHANISM})) for name, user in users.items() if user}


def test_no_difference_is_found_where_there_is_none() -> None:
    assert drift.of_services(PLAN, as_planned(), [], MECHANISM) == []


def test_a_service_that_is_not_in_and_one_that_has_no_password_are_named() -> None:
    users = as_planned()
    del users["auditor"]
    users["ingest"] = Found(users["ingest"].permissions, frozenset({"SCRAM-SHA-256"}))
    said = drift.of_services(PLAN, users, [], MECHANISM)
    assert [line.split(".")[0].split(", which")[0] for line in said] == [
        "ingest: has no password",
        "ingest: can log in by SCRAM-SHA-256 too",
        "auditor: is not let in",
    ]


@pytest.mark.parametrize(
    ("permission", "reaches"),
    [
        (Permission("TOPIC", "*", "READ"), True),
        (Permission("TOPIC", "inter", "READ", "PREFIXED"), True),
        (Permission("TOPIC", "interventions.recorded", "WRITE"), True),
        (Permission("CLUSTER", "kafka-cluster", "ALTER"), True),
        (Permission("TOPIC", "another.app", "READ"), False),
        (Permission("TOPIC", "another.", "READ", "PREFIXED"), False),
        (Permission("GROUP", "*", "READ"), False),
        (Permission("TOPIC", "*", "READ", kind="DENY"), False),
    ],
)
def test_who_else_may_do_something_with_our_topics_is_named(permission: Permission, reaches: bool) -> None:
    users = as_planned() | {"another": Found(frozenset({permission}))}
    said = drift.of_services(PLAN, users, [permission], MECHANISM)
    assert [line.split(":")[0] for line in said] == (["everybody", "another"] if reaches else [])


def test_providers_are_held_to_the_plan_and_to_the_register() -> None:
    rke, own = PLAN.of_provider("RKE"), provider_topic("RKE")
    users = {rke.name: Found(rke.permissions, frozenset({MECHANISM})), "provider-gone": Found()}

    def said(*asked: str, topics: frozenset[str] = frozenset({own})) -> list[str]:
        registered = {"rke", "ral"}
        return drift.of_providers(PLAN, users, asked=asked, registered=registered, topics=topics, mechanism=MECHANISM)

    (gone,) = said()
    assert "provider-gone: is not in the register" in gone
    assert "`pcare providers kafka remove gone`" in gone
    assert said("RKE") == said()
    assert "provider-ral: is not let in. `pcare providers kafka add ral`." in said("RAL")
    assert "provider-never: is not in the register, so nothing that it sends is recorded. register it first." in said(
        "never"
    )
    assert f"{rke.name}: its topic {own} is missing" in said(topics=frozenset())[1]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("users: {}\nprovider: [READ, EVERYTHING]\n", "provider.1"),
        ("users: {provider-x: {for: x}}\nprovider: []\n", "the providers'"),
        ("users: {x: {for: x, topic: {}}}\nprovider: []\n", "users.x.topic"),
        ("users: [", "is not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(tmp_path: Path, text: str, where: str) -> None:
    file = tmp_path / "access.yaml"
    file.write_text(text)
    with pytest.raises(AccessPlanError, match=where):
        read_plan(file)
    with pytest.raises(AccessPlanError, match="cannot be read"):
        read_plan(tmp_path / "missing.yaml")


def test_the_page_holds_the_table() -> None:
    assert table(PLAN) in PAGE.read_text(encoding="utf-8")
    assert DEFAULT_FILE.name in PAGE.read_text(encoding="utf-8")


def test_the_listing_names_every_user() -> None:
    for name in (*PLAN.users, "provider-<slug>"):
        assert f"\n{name}: " in "\n" + listing(PLAN)


def test_what_is_handed_over_names_everything_but_the_password() -> None:
    address = Address("kafka.example:9094", "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n", "/ca.pem")
    said = handing_over.for_provider("provider-rke", provider_topic("RKE"), address)
    for text in ("kafka.example:9094", "provider-rke", "interventions.submitted.rke", "BEGIN CERTIFICATE", "acks=all"):
        assert text in said
    assert said.count(handing_over.PASSWORD_HERE) == 3
    assert "ca.pem" not in handing_over.for_provider("u", "t", Address("kafka.example:9094"))
    assert "PCARE_KAFKA_SSL_CAFILE=/ca.pem" in handing_over.for_service("recorder", address)
    assert "CAFILE" not in handing_over.for_service("recorder", Address("kafka.example:9094"))
