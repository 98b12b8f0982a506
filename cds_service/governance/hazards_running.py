"""Hazards of running the service: other patients, failures, silence, reliance and disclosure."""

from __future__ import annotations

from cds_service.governance.hazard import Hazard, Mitigation, Severity

RUNNING: tuple[Hazard, ...] = (
    Hazard(
        "H12",
        "Cards are ignored because too many are needless",
        ("cards about unrelated patients", "the same advice again and again"),
        Severity.MODERATE,
        (
            Mitigation(
                "Silence outside the population, at most three cards, and nothing suggested that is already drafted",
                (
                    "tests/hooks/test_routes.py::test_an_unrelated_patient_gets_an_empty_list",
                    "tests/hooks/test_suggestions.py::test_what_is_drafted_is_not_suggested_again",
                    "tests/clinical/test_properties.py::test_a_patient_outside_gets_no_indication_by_any_rule",
                ),
            ),
        ),
        "Override rates by rule are reviewed (monitoring plan).",
    ),
    Hazard(
        "H13",
        "Data of another patient are used",
        ("a mixed Bundle", "the same id on another server", "a draft order of another patient"),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "Another patient's resources are left out and named, another patient's record or order is refused",
                (
                    "tests/fhir/test_gather.py::test_another_patient_stops_everything",
                    "tests/hooks/test_routes.py::test_a_server_that_is_not_allowed_is_never_asked",
                    "tests/hooks/test_orders.py::test_what_cannot_be_used_is_refused_by_name",
                ),
            ),
        ),
        "A record that mixes two people under one id cannot be told apart.",
    ),
    Hazard(
        "H14",
        'A failure is taken for "nothing to say"',
        ("service or FHIR server down, slow or wrongly answering", "an unforeseen fault"),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "A failure is a 4xx or 5xx with an OperationOutcome and never an empty list of cards",
                (
                    "tests/hooks/test_routes.py::test_a_failing_server_is_412_for_required_data",
                    "tests/hooks/test_routes.py::test_the_unforeseen_is_a_500_that_tells_nothing_of_the_patient",
                    "tests/hooks/test_routes.py::test_the_whole_call_keeps_its_deadline",
                ),
            ),
            Mitigation(
                "Silence is a recorded decision with its reason",
                ("tests/hooks/test_routes.py::test_silence_is_recorded_as_a_decision",),
            ),
        ),
        "How the EHR shows a failed call is the EHR's: agree on it, and never rely on the absence of a card.",
    ),
    Hazard(
        "H15",
        "The service stops recognising known patients and nobody notices",
        ("changed codes or units at the laboratory", "a wrong site profile", "a faulty release"),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "Canary patients with known answers are run through the full path",
                ("tests/test_cli.py::test_doctor_notices_a_canary_that_answers_otherwise",),
            ),
            Mitigation(
                "A site profile is checked key by key before the service starts",
                (
                    "tests/test_site_profile.py::test_a_problem_names_key_value_and_range",
                    "tests/test_site_profile.py::test_the_service_does_not_start_on_a_wrong_one",
                ),
            ),
            Mitigation(
                "Rules and profile in force are identified by hashes that change with any rule, number or key",
                (
                    "tests/clinical/test_ruleset.py::test_any_change_of_the_tables_is_another_rule_set",
                    "tests/clinical/test_ruleset.py::test_any_key_of_a_profile_changes_its_hash",
                ),
            ),
        ),
        "Someone has to watch `/readyz`, the metrics and the report (monitoring plan).",
    ),
    Hazard(
        "H16",
        "The clinician relies on the card instead of judging the case",
        ("a recommendation without its grounds", "a chart text that poses as advice"),
        Severity.SERIOUS,
        (
            Mitigation(
                "Every card shows its rule, the inputs as charted, the gaps, the source and where guidelines differ",
                (
                    "tests/hooks/test_cards.py::test_the_detail_reads_in_order",
                    "tests/hooks/test_cards.py::test_the_extension_has_the_agreed_shape",
                ),
            ),
            Mitigation(
                "Chart texts stay text",
                ("tests/hooks/test_cards.py::test_hostile_chart_strings_stay_text",),
            ),
        ),
        "Training, and the poison centre's number on the card.",
    ),
    Hazard(
        "H18",
        "Patient data or access tokens leave the hospital",
        ("a token sent to a foreign server", "logs, metrics or stored rows with patient data"),
        Severity.PRIVACY,
        (
            Mitigation(
                "Only listed servers are asked, over their own origin, and a token goes to its own server alone",
                (
                    "tests/hooks/test_routes.py::test_the_token_goes_to_the_server_it_came_with",
                    "tests/fhir/test_client.py::test_a_next_link_away_from_the_server_is_not_followed",
                    "tests/fhir/test_client.py::test_servers_that_are_not_asked",
                ),
            ),
            Mitigation(
                "Neither patient nor token is logged",
                (
                    "tests/fhir/test_client.py::test_neither_patient_nor_token_reaches_the_log",
                    "tests/hooks/test_routes.py::test_the_audit_line_names_rules_and_nobody",
                    "tests/hooks/test_routes.py::test_free_text_as_hook_instance_is_not_logged",
                ),
            ),
        ),
        "Network, TLS, secrets and the database are the deployer's (SECURITY.md).",
    ),
)
