"""Code lists, the provider register, and the version that names the rules."""

import copy
import datetime as dt
import re

import pytest

from pcare_schemas.code_lists import CodeList, built_in, load_yaml
from pcare_schemas.kinds import KINDS
from pcare_schemas.register import Register
from pcare_schemas.rules import Rules
from pcare_schemas.validity import Validity

NOON = dt.datetime(2024, 4, 1, 12, tzinfo=dt.UTC)


def a_list(*codes, name="a-list"):
    return CodeList.from_document(name, {"title": "A list", "source": "This test", "codes": list(codes)})


def verhoeff(number):
    times = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
    for _ in range(6):
        times.append([times[-1][times[1][digit]] for digit in range(10)])
    plus = [[(a + b) % 5 if a < 5 and b < 5 else 0 for b in range(10)] for a in range(10)]
    for a in range(10):
        for b in range(10):
            if a < 5:
                plus[a][b] = (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
            else:
                plus[a][b] = 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = plus[check][times[place % 8][int(digit)]]
    return check == 0


def test_the_lists_say_where_they_come_from():
    lists = built_in()
    assert lists.keys() == {
        "boroughs",
        "choice-standards",
        "commissioners",
        "ethnic-categories",
        "priority-areas",
        "situations",
        "snomed",
    }
    assert all(codes.source and codes.title and codes.codes for codes in lists.values())


def test_every_list_that_a_kind_draws_on_exists(rules):
    for kind in KINDS.values():
        payload = kind.model_fields["data"].annotation
        for field, name in payload.CODE_FIELDS.items():
            assert field in payload.model_fields
            assert name in rules.lists
        assert set(payload.ORGANISATION_FIELDS) <= payload.model_fields.keys()


def test_the_snomed_codes_are_well_formed_and_of_known_kinds(rules):
    for code in rules.lists["snomed"].codes.values():
        assert re.fullmatch("[0-9]{6,18}", code.code)
        assert verhoeff(code.code), code
        assert code.kinds <= KINDS.keys()
    assert not verhoeff("871731000000107")


def test_no_code_from_memory_is_accepted(rules):
    """These two were named by memory only: one is not a code that anyone was seen to use."""
    assert not {"871691000000100", "1187941000000106"} & rules.lists["snomed"].codes.keys()


def test_the_situations_cover_the_five_priority_areas(rules):
    areas = {code.area for code in rules.lists["situations"].codes.values()} - {None}
    assert areas == rules.lists["priority-areas"].codes.keys()
    assert len(areas) == 5


def test_there_are_five_boroughs_and_nine_standards_and_sixteen_categories_and_two(rules):
    assert list(rules.lists["boroughs"].codes) == ["E09000003", "E09000007", "E09000010", "E09000014", "E09000019"]
    assert list(rules.lists["choice-standards"].codes) == list("123456789")
    assert len(rules.lists["ethnic-categories"].codes) == 18


@pytest.mark.parametrize(
    ("first", "end", "instant", "valid"),
    [
        (None, None, "2024-04-01T00:00:00+00:00", True),
        ("2024-04-01", None, "2024-03-31T22:59:59+00:00", False),
        ("2024-04-01", None, "2024-03-31T23:00:00+00:00", True),
        (None, "2024-04-01", "2024-03-31T22:59:59.999999+00:00", True),
        (None, "2024-04-01", "2024-03-31T23:00:00+00:00", False),
        ("2023-12-01", "2024-01-01", "2023-12-31T23:59:59+00:00", True),
        ("2023-12-01", "2024-01-01", "2024-01-01T00:00:00+00:00", False),
    ],
)
def test_validity_is_by_days_in_london(first, end, instant, valid):
    validity = Validity.between(*(None if day is None else dt.date.fromisoformat(day) for day in (first, end)))
    assert validity.holds_at(dt.datetime.fromisoformat(instant)) == valid
    assert validity.document() == {
        name: day for name, day in (("valid_from", first), ("valid_to", end)) if day is not None
    }


def test_nothing_ends_before_it_starts():
    with pytest.raises(ValueError, match="later than valid_from"):
        Validity.between(dt.date(2024, 4, 1), dt.date(2024, 4, 1))


def test_nearest_means_alike_by_code_or_by_name_and_valid():
    codes = a_list(
        {"code": "hip_pain", "name": "Hip pain"},
        {"code": "knee_pain", "name": "Knee pain", "valid_to": "2020-04-01"},
        {"code": "x1", "name": "Asthma"},
        *({"code": f"other{n}", "name": f"Other {n}"} for n in range(9)),
    )
    assert codes.nearest("hip_pian", NOON) == ("hip_pain",)
    assert "knee_pain" not in codes.nearest("knee_pian", NOON)
    assert codes.nearest("asthma", NOON)[0] == "x1"
    assert codes.nearest("qqqqqq", NOON) == codes.valid(NOON)
    assert len(codes.nearest("other", NOON)) == 3


def test_a_list_that_holds_a_code_twice_is_an_error():
    with pytest.raises(ValueError, match="twice"):
        a_list({"code": "a", "name": "A"}, {"code": "a", "name": "B"})


@pytest.mark.parametrize("code", [{"code": "a b", "name": "A"}, {"code": "a"}, {"code": "a", "name": "A", "extra": 1}])
def test_a_list_with_a_fault_is_an_error(code):
    with pytest.raises(ValueError, match="validation error"):
        a_list(code)


def test_yaml_with_a_fault_names_its_file():
    with pytest.raises(ValueError, match="the-file is not YAML"):
        load_yaml("a: [", "the-file")


def test_the_built_in_register_names_each_organisation_once(rules):
    assert "https://fhir.nhs.uk/Id/ods-organization-code/RKE" in rules.register.by_source
    assert rules.register.by_code["RKE"].name == "Whittington Health NHS Trust"
    assert rules.register.by_code["RKE"].topic_slug == "rke"
    for provider in rules.register.by_source.values():
        assert provider.successor is None or provider.successor in rules.register.by_code


@pytest.fixture
def register_file(tmp_path):
    def write(*providers):
        file = tmp_path / "register.yaml"
        file.write_text("providers:\n" + "".join(f"  - {{{provider}}}\n" for provider in providers))
        return file

    return write


def test_a_register_file_adds_and_replaces(register_file):
    file = register_file(
        'source: "urn:ncl:provider:age-well", name: Age Well, kind: voluntary_sector, valid_from: 2020-01-01',
        'source: "https://fhir.nhs.uk/Id/ods-organization-code/RKE", name: W, kind: trust, valid_to: 2030-01-01',
    )
    register = Register.load(file)
    assert register.by_code["age-well"].source == "urn:ncl:provider:age-well"
    assert register.by_code["age-well"].validity.first == dt.date(2020, 1, 1)
    assert register.by_code["RKE"].validity.end == dt.date(2030, 1, 1)
    assert len(register.by_source) == len(Register.load().by_source) + 1


@pytest.mark.parametrize(
    ("providers", "said"),
    [
        (['source: "urn:ncl:provider:a", name: A, kind: trust'] * 2, "twice"),
        (['source: "urn:ncl:provider:rke", name: A, kind: trust'], "one topic"),
        (['source: "urn:ncl:provider:A", name: A, kind: trust'], "PCARE_PROVIDER_REGISTER"),
        (['source: "urn:ncl:provider:a", name: A, kind: hospital'], "PCARE_PROVIDER_REGISTER"),
        (['source: "urn:ncl:provider:a", name: A, kind: trust, colour: red'], "PCARE_PROVIDER_REGISTER"),
        (["source"], "PCARE_PROVIDER_REGISTER"),
        (["]"], "PCARE_PROVIDER_REGISTER"),
    ],
)
def test_a_register_file_with_a_fault_is_an_error_that_says_so(providers, said, register_file):
    with pytest.raises(ValueError, match=said):
        Register.load(register_file(*providers))


def test_a_register_file_that_cannot_be_read_names_the_variable(tmp_path):
    with pytest.raises(ValueError, match=r"PCARE_PROVIDER_REGISTER: .*cannot be read"):
        Register.load(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"providers: [\xff]")
    with pytest.raises(ValueError, match=r"PCARE_PROVIDER_REGISTER: .*cannot be read"):
        Register.load(tmp_path / "latin.yaml")


ROW = {
    "source": "urn:ncl:provider:age-well",
    "name": "Age Well",
    "kind": "voluntary_sector",
    "valid_from": dt.date(2024, 4, 1),
    "valid_to": None,
    "successor": None,
    "kinds": ["sp-closed", "sp-referral"],
    "events_per_second": 5,
}


def test_rows_of_the_table_add_and_stand_before_files(rules):
    base = rules.register
    rke = {**ROW, "source": base.by_code["RKE"].source, "name": "W", "kind": "trust", "kinds": None}
    register = base.with_rows([ROW, rke])
    assert len(register.by_source) == len(base.by_source) + 1
    assert register.by_code["RKE"].name == "W"
    assert register.by_code["RKE"].validity.first == dt.date(2024, 4, 1)
    added = register.by_code["age-well"]
    assert added.kinds == ("sp-referral", "sp-closed")
    assert base.by_code["RKE"].name == "Whittington Health NHS Trust"


def test_no_rows_change_nothing(rules):
    same = rules.with_register(rules.register.with_rows([]))
    assert same.document() == rules.document()
    assert same.version == rules.version


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": "urn:ncl:provider:rke"}, "pcare.register: .* one topic"),
        (
            {"kinds": ["sp-referal"]},
            "pcare.register .*(?s:.*)no kind of event: sp-referal. The kinds are choice-offered",
        ),
        ({"kinds": []}, "pcare.register"),
        ({"kind": "hospital"}, "pcare.register"),
        ({"valid_to": dt.date(2024, 4, 1)}, "pcare.register"),
    ],
)
def test_a_table_that_is_no_register_is_an_error_that_names_it(change, said, rules):
    with pytest.raises(ValueError, match=said):
        rules.register.with_rows([{**ROW, **change}])


def test_kinds_are_in_the_document_only_where_they_are_limited(rules):
    assert all("kinds" not in entry for entry in rules.document()["register"])
    limited = rules.with_register(rules.register.with_rows([ROW]))
    (entry,) = (entry for entry in limited.document()["register"] if entry["source"] == ROW["source"])
    assert entry["kinds"] == ["sp-referral", "sp-closed"]
    assert limited.version != rules.version
    again = Rules.from_document(limited.document())
    assert (again.version, again.register.by_code["age-well"].kinds) == (limited.version, ("sp-referral", "sp-closed"))
    unordered = rules.with_register(rules.register.with_rows([{**ROW, "kinds": ["sp-referral", "sp-closed"]}]))
    assert unordered.version == limited.version


def test_rules_of_before_there_were_kinds_keep_their_version():
    """The document and version as the release before wrote them into the table of rules."""
    stored = {
        "contract": {"generation": 1, "schemas": "0" * 64},
        "code_lists": {},
        "register": [{"source": "urn:ncl:provider:a", "name": "A", "kind": "trust", "valid_to": "2030-01-01"}],
    }
    register = Register.from_document(stored["register"])
    assert register.document() == stored["register"]
    assert register.by_code["a"].kinds is None


def test_the_version_is_a_format_and_a_hash(rules):
    assert re.fullmatch("1-[0-9a-f]{12}", rules.version)
    assert Rules.load().version == rules.version


def test_stored_rules_come_back_with_their_version(rules, register_file):
    own = Rules.load(register_file('source: "urn:ncl:provider:a", name: A, kind: trust, valid_from: 2020-01-01'))
    for stored in (rules, own):
        again = Rules.from_document(stored.document())
        assert again.version == stored.version
        assert again.document() == stored.document()
    assert own.version != rules.version


def test_rules_of_another_generation_keep_their_version(rules):
    document = copy.deepcopy(rules.document())
    document["contract"]["generation"] += 1
    later = Rules.from_document(document)
    assert later.version != rules.version
    assert later.document() == document


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["contract"].update(schemas="0" * 64),
        lambda document: document["code_lists"]["boroughs"]["codes"].pop(),
        lambda document: document["code_lists"]["commissioners"]["codes"][0].update(valid_to="2020-04-02"),
        lambda document: document["register"].pop(),
        lambda document: document["register"][0].update(valid_to="2040-01-01"),
    ],
)
def test_every_part_of_the_rules_is_in_the_version(rules, change):
    document = copy.deepcopy(rules.document())
    change(document)
    assert Rules.from_document(document).version != rules.version


def test_old_rules_give_their_old_verdict(rules, changed, judge):
    document = copy.deepcopy(rules.document())
    document["code_lists"]["boroughs"]["codes"].append({"code": "E09000001", "name": "City of London"})
    old = Rules.from_document(document)
    event = changed("pam-scored", {"borough": "E09000001"})
    assert judge(event, by=old).kind == "pam-scored"
    assert judge(event).reason == "unknown_code"
