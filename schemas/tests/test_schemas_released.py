"""What was released is kept: a change that would break a provider fails here, and says whom and what to do."""

import copy
import json

import jsonschema_rs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pcare_schemas import released
from pcare_schemas.compatible import breaks
from pcare_schemas.examples import VALID
from pcare_schemas.kinds import KINDS

RELEASED = released.released()


def test_the_models_keep_what_was_released():
    found = released.broken(RELEASED, released.current())

    assert not found, released.in_words(found)


def test_every_kind_was_released():
    assert set(RELEASED) == set(KINDS), "Run `python -m pcare_schemas.released --release` when a new kind is released."


# ---- the comparison itself: every kind of change, on the released schemas


def changed(kind, change):
    schema = copy.deepcopy(RELEASED[kind])
    change(schema["properties"], schema["properties"]["data"], schema["properties"]["data"]["properties"])
    return schema


def set_in(path, **values):
    """Return a change that sets keywords of a field of data."""

    def change(_envelope, _data, fields):
        node = fields
        for part in path:
            node = node[part]
        for keyword, value in values.items():
            if value is None:
                node.pop(keyword)
            else:
                node[keyword] = value

    return change


def required(name):
    return lambda _envelope, data, _fields: data["required"].append(name)


BREAKING = {
    "a field of data becomes required": ("sp-referral", required("pcn"), "/data/pcn", "leaves it out"),
    "a new required field": (
        "sp-referral",
        lambda _e, data, fields: (fields.update(urgency={"type": "string"}), data["required"].append("urgency")),
        "/data/urgency",
        "leaves it out",
    ),
    "a field is removed": ("sp-referral", lambda _e, _d, fields: fields.pop("pcn"), "/data/pcn", "is gone"),
    "an attribute is removed": ("sp-referral", lambda e, _d, _f: e.pop("traceparent"), "/traceparent", "is gone"),
    "a value of a list is removed": (
        "sp-referral",
        lambda _e, _d, fields: fields["referrer"]["enum"].remove("nhs_111"),
        "/data/referrer",
        "'nhs_111'",
    ),
    "a value of a list in a list is removed": (
        "sp-referral",
        lambda _e, _d, fields: fields["reasons"]["items"]["enum"].pop(),
        "/data/reasons/*",
        "is refused",
    ),
    "an optional list is shortened": (
        "sp-referral",
        lambda _e, _d, fields: fields["age_band"]["anyOf"][0]["enum"].pop(),
        "/data/age_band",
        "'90+'",
    ),
    "a list is closed": ("sp-referral", set_in(["borough"], enum=["E09000019"]), "/data/borough", "listed values"),
    "a pattern is narrowed": (
        "sp-referral",
        set_in(["referral_ref"], pattern="^[A-Za-z0-9]{1,64}$"),
        "/data/referral_ref",
        "pattern",
    ),
    "a pattern is added": ("pam-scored", set_in(["instrument"], pattern="^PAM-13$"), "/data/instrument", "pattern"),
    "a longest length is set": (
        "sp-referral",
        set_in(["referral_ref"], maxLength=32),
        "/data/referral_ref",
        "maxLength",
    ),
    "a shortest length is set": (
        "sp-referral",
        set_in(["referral_ref"], minLength=8),
        "/data/referral_ref",
        "minLength",
    ),
    "a largest value is lowered": ("pam-scored", set_in(["score"], maximum=99), "/data/score", "maximum was 100"),
    "a smallest value is raised": ("pam-scored", set_in(["score"], minimum=0.1), "/data/score", "minimum was 0"),
    "a step is set": ("pam-scored", set_in(["score"], multipleOf=0.5), "/data/score", "multiples of 0.5"),
    "a number becomes whole": ("pam-scored", set_in(["score"], type="integer"), "/data/score", "sends number"),
    "a text becomes a number": ("sp-referral", set_in(["borough"], type="integer"), "/data/borough", "sends string"),
    "null is no longer taken": (
        "sp-referral",
        lambda _e, _d, fields: fields["pcn"].update(anyOf=fields["pcn"]["anyOf"][:1]),
        "/data/pcn",
        "sends null",
    ),
    "one of two forms is no longer taken": (
        "sp-referral",
        lambda _e, _d, fields: fields["pcn"].update(anyOf=fields["pcn"]["anyOf"][1:]),
        "/data/pcn",
        "sends string",
    ),
    "fewer in a list": ("sp-referral", set_in(["reasons"], maxItems=1), "/data/reasons", "maxItems"),
    "more in a list": ("sp-referral", set_in(["reasons"], minItems=2), "/data/reasons", "minItems"),
    "each once": (
        "care-plan-agreed",
        lambda _e, _d, fields: fields["plan_ref"].update(uniqueItems=True),
        "/data/plan_ref",
        "twice",
    ),
    "another code list": (
        "sp-referral",
        set_in(["borough"], **{"x-code-list": "situations"}),
        "/data/borough",
        "code list",
    ),
    "another default": ("sdm-conversation", set_in(["decision_aid"], default=True), "/data/decision_aid", "left out"),
    "a default goes": ("sdm-conversation", set_in(["decision_aid"], default=None), "/data/decision_aid", "left out"),
    "another type of event": (
        "sp-referral",
        lambda envelope, _d, _f: envelope["type"].update(const="uk.nhs.ncl.personalised-care.sp-referral.v2"),
        "/type",
        "sp-referral.v1",
    ),
    "a format is asked for": ("sp-referral", set_in(["referral_ref"], format="uuid"), "/data/referral_ref", "format"),
    "a keyword that is not known here": (
        "sp-referral",
        set_in(["referral_ref"], dependentRequired={"a": ["b"]}),
        "/data/referral_ref",
        "dependentRequired changed",
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_breaks_a_provider_is_found_and_said(name):
    kind, change, pointer, words = BREAKING[name]

    found = breaks(RELEASED[kind], changed(kind, change))

    assert [one.pointer for one in found] == [pointer]
    assert words in found[0].what
    assert found[0].instead


def test_an_attribute_that_becomes_required_is_a_break():
    after = copy.deepcopy(RELEASED["sp-referral"])
    after["required"].append("recordedtime")

    assert [one.pointer for one in breaks(RELEASED["sp-referral"], after)] == ["/recordedtime"]


HARMLESS = {
    "other words": ("sp-referral", set_in(["borough"], description="Where they live", title="Borough")),
    "a new optional field": (
        "sp-referral",
        lambda _e, _d, fields: fields.update(
            urgency={"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
        ),
    ),
    "a new value": ("sp-referral", lambda _e, _d, fields: fields["referrer"]["enum"].append("pharmacy")),
    "values in another order": ("sp-referral", lambda _e, _d, fields: fields["referrer"]["enum"].reverse()),
    "no longer required": ("sp-referral", lambda _e, data, _f: data["required"].remove("referrer")),
    "a wider range": ("pam-scored", set_in(["score"], minimum=-1, maximum=101)),
    "no range": ("pam-scored", set_in(["score"], minimum=None, maximum=None)),
    "no pattern": ("sp-referral", set_in(["referral_ref"], pattern=None)),
    "another form beside it": (
        "sp-referral",
        lambda _e, _d, fields: fields.update(
            referral_ref={"anyOf": [fields["referral_ref"], {"type": "string", "format": "uuid"}]}
        ),
    ),
    "null beside it": (
        "sp-referral",
        lambda _e, _d, fields: fields.update(referral_ref={"anyOf": [{"type": "null"}, fields["referral_ref"]]}),
    ),
    "a whole number becomes any": (
        "choice-offered",
        set_in(["providers_offered"], type="number"),
    ),
    "a list becomes a pattern that takes each": (
        "sp-referral",
        set_in(["referrer"], enum=None, pattern="^[a-z0-9_]+$"),
    ),
    "a constant becomes one of two": (
        "sp-referral",
        lambda envelope, _d, _f: envelope.update(specversion={"enum": ["1.0", "2.0"], "type": "string"}),
    ),
    "no code list": ("sp-referral", set_in(["borough"], **{"x-code-list": None})),
    "other fields are taken too": ("sp-referral", lambda _e, data, _f: data.update(additionalProperties=True)),
    "more in a list": ("sp-referral", lambda _e, _d, fields: fields["reasons"].pop("minItems", None)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_an_addition_is_no_break(name):
    kind, change = HARMLESS[name]
    after = changed(kind, change)

    assert after != RELEASED[kind]
    assert breaks(RELEASED[kind], after) == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_field_of_each_kind_is_watched(kind):
    """Whatever is taken away from any place of the released schema, or asked for in it, is noticed."""
    watched = 0
    for place, name in fields_of(RELEASED[kind], ()):
        gone, needed = copy.deepcopy(RELEASED[kind]), copy.deepcopy(RELEASED[kind])
        del at(gone, place)["properties"][name]
        at(needed, place)["properties"][name] = {"type": "string", "const": "something else altogether"}
        assert breaks(RELEASED[kind], gone), f"{name} is gone, and nobody says so"
        assert breaks(RELEASED[kind], needed), f"{name} is another, and nobody says so"
        watched += 1
    assert watched >= 10


def fields_of(schema, place):
    for name, field in schema.get("properties", {}).items():
        yield place, name
        yield from fields_of(field, (*place, "properties", name))


def at(schema, place):
    for part in place:
        schema = schema[part]
    return schema


ANY_FIELD = st.recursive(
    st.one_of(
        st.fixed_dictionaries({"type": st.just("string")}, optional={"maxLength": st.integers(1, 9)}),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["number", "integer"])},
            optional={"minimum": st.integers(-3, 3), "maximum": st.integers(0, 6)},
        ),
        st.fixed_dictionaries({"enum": st.lists(st.sampled_from(["a", "bb", 1, 2.5, None, True]), min_size=1)}),
        st.just({"type": "null"}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda several: {"anyOf": several}),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional={"maxItems": st.integers(0, 3)}),
        st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
                "additionalProperties": st.booleans(),
            },
            optional={"required": st.lists(st.sampled_from("xyz"), unique=True, max_size=2)},
        ),
    ),
    max_leaves=5,
)
PLAIN = ["", "a", "bb", "a longer text", -4, 0, 1, 2, 2.5, 8, None, True, False]
FLAT = [*PLAIN, [], *([one] for one in PLAIN), ["a", "a"], [1, 2, 3, 4], {}, {"w": 1}, *({"x": one} for one in PLAIN)]
VALUES = [
    *FLAT,
    *([one] for one in FLAT),
    *({name: one} for one in FLAT for name in "xyz"),
    {"x": 1, "y": "a", "z": None},
]


@st.composite
def before_and_after(draw):
    """Return a schema, and one that a few small changes made of it."""
    before = draw(ANY_FIELD)
    after = copy.deepcopy(before)
    for _ in range(draw(st.integers(0, 2))):
        nodes = list(nodes_of(after))
        node = draw(st.sampled_from(nodes))
        keyword = draw(
            st.sampled_from(["maxLength", "minimum", "maximum", "maxItems", "enum", "required", "drop", "field"])
        )
        if keyword == "drop":
            node.pop(draw(st.sampled_from(sorted(node))))
        elif keyword == "field" and "properties" in node:
            node["properties"][draw(st.sampled_from("xyz"))] = copy.deepcopy(draw(ANY_FIELD))
        elif keyword == "required":
            node["required"] = draw(st.lists(st.sampled_from("xyz"), unique=True, max_size=2))
        elif keyword == "enum":
            node["enum"] = draw(st.lists(st.sampled_from(["a", "bb", 1, 2.5, None, True]), min_size=1))
        else:
            node[keyword] = draw(st.integers(0, 8))
        if not node:
            node["type"] = "string"
    return before, after


def nodes_of(schema):
    yield schema
    for inner in [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), schema.get("items", {})]:
        if inner:
            yield from nodes_of(inner)


@settings(max_examples=400, deadline=None)
@given(both=before_and_after())
@example(both=({"anyOf": [{"maxLength": 1}]}, {"anyOf": [{"maxLength": 1}], "maxLength": 0}))
def test_where_no_break_is_found_whatever_was_taken_is_taken(both):
    """A validator that knows nothing of this comparison is the judge."""
    before, after = both
    if not breaks(before, after):
        old, new = jsonschema_rs.validator_for(before), jsonschema_rs.validator_for(after)
        assert [value for value in VALUES if old.is_valid(value) and not new.is_valid(value)] == []


@settings(deadline=None)
@given(schema=ANY_FIELD)
def test_nothing_breaks_what_did_not_change(schema):
    assert breaks(schema, copy.deepcopy(schema)) == []


# ---- the command


def test_a_kind_that_is_gone_is_a_break():
    after = released.current()
    del after["pam-scored"]

    found = released.broken(RELEASED, after)

    assert list(found) == ["pam-scored"]
    assert "pam-scored the whole: The kind is gone" in released.in_words(found)


def test_a_new_kind_is_none():
    assert released.broken(RELEASED, {**released.current(), "brand-new": RELEASED["pam-scored"]}) == {}


def test_the_command_says_what_breaks_whom_and_what_to_do(tmp_path, capsys):
    promised = copy.deepcopy(RELEASED["sp-referral"])
    promised["properties"]["data"]["properties"]["referrer"]["enum"].append("pharmacy")
    (tmp_path / "sp-referral.json").write_text(json.dumps(promised))

    assert released.main([], tmp_path) == released.main(["--release"], tmp_path) == 1

    said = capsys.readouterr().err
    assert "sp-referral /data/referrer: Whoever sends 'pharmacy' is refused." in said
    assert "deprecations.yaml" in said
    assert json.loads((tmp_path / "sp-referral.json").read_text()) == promised


def test_the_command_releases_what_was_added(tmp_path, capsys):
    assert released.main(["--release"], tmp_path) == 0
    assert "pam-scored" in capsys.readouterr().out
    assert released.released(tmp_path) == released.current()
    assert released.main(["--release"], tmp_path) == 0
    assert "nothing new" in capsys.readouterr().out
    assert released.main([], tmp_path) == 0
    assert released.main(["--relaese"], tmp_path) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_each_kind_fits_what_was_released(kind):
    assert jsonschema_rs.validator_for(RELEASED[kind]).is_valid(VALID[kind])
