import re

import pytest

from pcare_schemas import topics


@pytest.mark.parametrize(
    ("code", "topic"),
    [
        ("RKE", "interventions.submitted.rke"),
        ("age-well-camden", "interventions.submitted.age-well-camden"),
        ("G6V2S", "interventions.submitted.g6v2s"),
    ],
)
def test_a_providers_topic_is_named_after_its_code_and_leads_back_to_it(code, topic):
    assert topics.provider_topic(code) == topic
    assert re.fullmatch(topics.SUBMITTED_PATTERN, topic)
    assert topics.provider_of_topic(topic) == code.lower()


@pytest.mark.parametrize("code", ["", "a b", "a.b", "-a", "a--b", "é", "rke\n", "../x"])
def test_no_topic_is_named_after_anything_else(code):
    with pytest.raises(ValueError, match="provider code"):
        topics.provider_topic(code)


def test_the_shared_topic_is_nobodys():
    assert topics.provider_of_topic(topics.SUBMITTED) is None
    assert re.fullmatch(topics.SUBMITTED_PATTERN, topics.SUBMITTED)


@pytest.mark.parametrize(
    "topic", [topics.RECORDED, topics.REJECTED, "xinterventions.submitted", "interventions.submitted.a.b"]
)
def test_other_topics_carry_no_submitted_events(topic):
    assert not re.fullmatch(topics.SUBMITTED_PATTERN, topic)
    with pytest.raises(ValueError, match="submitted"):
        topics.provider_of_topic(topic)
