"""Hazards of judging a case: what is concluded from a chart."""

from __future__ import annotations

from cds_service.governance.hazard import Hazard, Mitigation, Severity

JUDGING: tuple[Hazard, ...] = (
    Hazard(
        "H01",
        "A patient who needs acetylcysteine is told that it is not indicated",
        ("a level, transaminase or exposure is missing, pending or unreadable", "a query failed or was cut short"),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                'Missing, unclear or failed data never become normal, zero or "not indicated"',
                (
                    "tests/hooks/test_bad_input.py::test_unusable_data_are_never_read_as_not_indicated",
                    "tests/clinical/test_properties.py::test_an_unreadable_level_never_leads_to_not_indicated",
                    "tests/clinical/test_properties.py::test_without_any_enzyme_only_a_small_accident_is_not_indicated",
                    "tests/clinical/test_rules_nomogram.py::test_results_that_were_not_read_keep_normal_from_being_said",
                ),
                ("A5", "B13", "C1", "C2", "C3"),
            ),
            Mitigation(
                "Without required data the answer is a failure that names them, unless what is at hand already treats",
                (
                    "tests/hooks/test_routes.py::test_without_any_data_every_required_key_is_named",
                    "tests/hooks/test_routes.py::test_an_error_must_not_hide_a_treatment",
                ),
            ),
            Mitigation(
                '"Not indicated" is said of the data at hand only, with what would change it',
                ("tests/clinical/test_assess.py::test_a_possible_liver_failure_is_the_question_before_not_indicated",),
                ("B3", "B7", "B12", "C4"),
            ),
        ),
        "Data that are wrong in the chart itself are judged as charted.",
    ),
    Hazard(
        "H02",
        "A level is read ten or more times too low or too high",
        (
            "mcg/mL, mg/dL, µmol/L or no unit",
            "a result below or above a reporting limit",
            "whole blood or presence tests",
        ),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "One unit table; a unit it does not know is a named gap and the level stays unread",
                (
                    "tests/clinical/test_quantity.py::test_units_are_converted",
                    "tests/clinical/test_quantity.py::test_what_cannot_be_read_is_refused",
                    "tests/clinical/test_properties.py::test_the_unit_never_matters",
                    "tests/fhir/test_mapping_observations.py::test_presence_and_whole_blood_need_confirmation",
                ),
            ),
            Mitigation(
                "A bound settles only what it proves",
                (
                    "tests/clinical/test_quantity.py::test_a_bound_settles_only_what_it_proves",
                    "tests/clinical/test_rules_off_nomogram.py::test_a_detection_limit_above_the_line",
                ),
                ("B14",),
            ),
        ),
        "The laboratory's units and codes are compared with the table before use (unmapped codes and units are told).",
    ),
    Hazard(
        "H03",
        "A level is compared with the line at the wrong hour",
        (
            "time of ingestion unknown, wrong or an interval",
            "time of filing taken for time of sampling",
            "clock change, zone missing",
            "doses staggered",
        ),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "Hours are elapsed UTC instants, never rounded; a time without a zone is a gap",
                (
                    "tests/clinical/test_quantity.py::test_elapsed_time_counts_instants_over_a_clock_change",
                    "tests/clinical/test_quantity.py::test_a_naive_time_is_refused",
                    "tests/clinical/test_quantity.py::test_hours_are_not_rounded_over_a_limit",
                    "tests/test_fixtures.py::test_daylight_saving_cases_fool_the_wall_clock",
                ),
            ),
            Mitigation(
                "An uncertain time is an interval, judged where it misses nobody; without a time the nomogram is left",
                (
                    "tests/clinical/test_nomogram.py::test_an_interval_is_plotted_where_the_line_is_lowest",
                    "tests/clinical/test_rules_timing.py::test_staggered_doses_are_plotted_from_the_first",
                ),
                ("B9", "B10", "B15", "B16", "B17"),
            ),
            Mitigation(
                "A sample before 4 h is not interpreted",
                ("tests/clinical/test_rules_timing.py::test_a_sample_before_4_h",),
                ("B8",),
            ),
            Mitigation(
                "The line is computed exactly and never interpolated",
                ("tests/clinical/test_nomogram.py::test_the_line_is_neither_linear_nor_a_power_law",),
            ),
        ),
        "A history given wrongly is taken as charted; the card shows time and source so that it can be questioned.",
    ),
    Hazard(
        "H04",
        "A later low level ends a treatment that an earlier level called for",
        ("only the newest result is looked at",),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "Every level of the episode is judged; the one highest against the line leads",
                (
                    "tests/clinical/test_levels.py::test_the_leading_level_lies_highest_against_the_lines",
                    "tests/clinical/test_monitoring.py::test_low_results_while_the_bag_runs_do_not_end_it",
                ),
            ),
        ),
        "Nothing beyond the review of each case.",
    ),
    Hazard(
        "H05",
        "A late rise is missed",
        ("extended-release product", "opioid or anticholinergic taken as well", "repeated supratherapeutic doses"),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "A second level is asked for with its clock time, and raised transaminases treat",
                (
                    "tests/clinical/test_rules_delayed.py::test_delayed_absorption",
                    "tests/clinical/test_rules_delayed.py::test_the_second_level_is_asked_for_4_to_6_h_after_the_first",
                    "tests/clinical/test_rules_off_nomogram.py::test_repeated_supratherapeutic_ingestion",
                ),
                ("B5", "B5d", "B6", "B11"),
            ),
        ),
        "Products and co-ingestants that are not charted cannot be seen.",
    ),
    Hazard(
        "H09",
        "Acetylcysteine is stopped too early",
        ('"criteria met" is read as an order', "an incomplete course is taken for a whole one"),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "No card says stop; criteria count as met only with the whole course and every criterion charted",
                (
                    "tests/clinical/test_monitoring.py::test_every_criterion_met_is_for_the_clinician_to_decide",
                    "tests/clinical/test_monitoring.py::test_criteria_are_met_only_with_the_whole_course_charted",
                    "tests/clinical/test_monitoring.py::test_a_gap_that_may_hide_a_criterion_keeps_it_open",
                    "tests/hooks/test_monitoring_cards.py::test_criteria_met_leave_the_decision_to_the_clinician",
                ),
                ("G1", "G2", "G3"),
            ),
        ),
        "The decision to stop stays with the clinician.",
    ),
    Hazard(
        "H11",
        "Intravenous acetylcysteine is given without need",
        (
            "falsely positive level",
            "ordered for airway disease, cystic fibrosis or contrast",
            "old overdose on the chart",
        ),
        Severity.MODERATE,
        (
            Mitigation(
                "Cautions on such orders, a flag on interfering bilirubin, and history that stays silent",
                (
                    "tests/clinical/test_cautions.py::test_iv_nac_for_something_else",
                    "tests/clinical/test_overlays.py::test_bilirubin_is_flagged_beside_a_level_and_suppresses_nothing",
                    "tests/clinical/test_population.py::test_silence",
                ),
                ("E1", "E2", "E4", "E5", "O9"),
            ),
        ),
        "Where guidelines differ the more sensitive reading is the default; the card says which guideline asks for it.",
    ),
    Hazard(
        "H17",
        "A rule or number is wrong or out of date",
        ("a fact read second-hand", "a guideline revised", "an assumption of the authors"),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "Each number has one place with source, locator and date of review; second-hand sources carry †",
                (
                    "tests/test_rules_md.py::test_every_rule_has_its_sources",
                    "tests/test_rules_md.py::test_second_hand_sources_are_marked",
                    "tests/hooks/test_cards.py::test_second_hand_evidence_asks_to_be_verified",
                ),
            ),
            Mitigation(
                "The published rule document is rendered from the tables the service judges by",
                ("tests/test_rules_md.py::test_the_file_is_rendered_from_the_tables",),
            ),
        ),
        "Sign-off by a toxicologist and a pharmacist before use and after every change of the hash.",
    ),
)
