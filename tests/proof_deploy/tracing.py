"""Tracing: what leads from a request to the row and the gauge, what is never in it, and what harms nobody."""

from proof_deploy.step import Step, by_tests

STEPS: tuple[Step, ...] = (
    by_tests(
        "Tracing",
        "One trace leads from the request over Kafka's headers to the row and the gauge's exemplar; none of it tells "
        "of a person; off, there is none",
        "tests/test_tracing.py::test_a_trace_leads_from_the_request_to_the_row_and_to_the_gauge",
        "tests/test_tracing.py::test_nothing_is_followed_unless_a_collector_is_configured",
    ),
    by_tests(
        "Tracing",
        "A collector that hangs or is away harms no event; what waits for it is bounded, what is lost is counted",
        "tests/test_tracing.py::test_a_collector_in_trouble_harms_nobody",
        "services/common/tests/test_common_tracing.py",
    ),
    by_tests(
        "Tracing",
        "What is published again has the header that it had, and a rebuild restores it",
        "services/recorder/tests/test_recorder_recording.py::test_links_and_rows_of_a_span_are_found_again",
        "services/recorder/tests/test_recorder_rebuild.py::test_a_lost_database_is_restored_row_for_row",
    ),
)
