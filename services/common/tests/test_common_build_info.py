"""Which release and which rules a copy names."""

from prometheus_client import CollectorRegistry, generate_latest

from pcare_common import build_info


def test_a_copy_names_its_release_and_the_rules_as_they_are_at_the_scrape():
    registry, rules = CollectorRegistry(), ["1-a"]
    build_info.show(registry, "pcare-common", lambda: rules[0])
    assert 'pcare_build_info{rules="1-a",version="0.1.0"} 1.0' in generate_latest(registry).decode()
    rules[0] = "1-b"
    shown = generate_latest(registry).decode()
    assert 'rules="1-b"' in shown
    assert 'rules="1-a"' not in shown


def test_a_package_that_nobody_installed_is_of_an_unknown_release():
    registry = CollectorRegistry()
    build_info.show(registry, "pcare-not-there")
    assert 'pcare_build_info{rules="",version="unknown"} 1.0' in generate_latest(registry).decode()
