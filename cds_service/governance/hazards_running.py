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
                "A dead server costs one wait and stays a named fault",
                (
                    "tests/fhir/test_circuit.py::test_a_dead_server_is_waited_for_twice_and_then_left_alone",
                    "tests/fhir/test_circuit.py::test_a_server_left_alone_is_a_named_fault_and_no_answer",
                ),
            ),
            Mitigation(
                "A database that is down blocks no card",
                (
                    "tests/hooks/test_auth_routes.py::test_a_database_that_is_down_blocks_no_card_and_still_tells_replays_here",
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
                (
                    "tests/watch/test_canary_watch.py::test_readiness_waits_for_the_canaries_and_names_those_that_fail",
                    "tests/watch/test_canary_watch.py::test_a_canary_that_falls_silent_is_said_once_and_so_is_its_recovery",
                ),
            ),
            Mitigation(
                "An alarm is raised when cards stop coming, and unknown codes and units are told",
                (
                    "tests/watch/test_alarms.py::test_the_alarm_is_raised_when_cards_stop",
                    "tests/watch/test_alarms.py::test_an_unknown_code_is_named_once",
                ),
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
                "Connections go to judged addresses only, past any proxy of the environment",
                (
                    "tests/fhir/test_outbound.py::test_a_name_that_leads_inside_is_refused_before_anything_is_sent",
                    "tests/fhir/test_outbound.py::test_a_name_that_changes_between_check_and_use_gains_nothing",
                    "tests/fhir/test_outbound.py::test_a_proxy_of_the_environment_sees_nothing",
                ),
            ),
            Mitigation(
                "No trace knows the patient, the server or the token",
                ("tests/watch/test_tracing.py::test_no_span_knows_the_patient_the_server_or_the_token",),
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
    Hazard(
        "H20",
        "A stranger calls the service or feeds it false charts or feedback",
        ("no authentication", "a stolen or replayed token", "a client that names a server that is not its own"),
        Severity.SERIOUS,
        (
            Mitigation(
                "With clients listed every route of CDS Hooks needs a token of its own, which is taken once",
                (
                    "tests/hooks/test_auth.py::test_an_attack_is_refused_without_a_reason",
                    "tests/hooks/test_auth_routes.py::test_every_route_of_cds_hooks_asks_for_a_token_of_its_own",
                    "tests/hooks/test_auth_routes.py::test_a_token_used_at_another_process_is_refused",
                    "tests/hooks/test_auth_routes.py::test_a_client_names_only_its_own_fhir_servers",
                ),
            ),
        ),
        "Listing the clients; until then the network in front is the only protection (SECURITY.md).",
    ),
)
