"""Hazards of treatment: doses, fluids, reactions and orders."""

from __future__ import annotations

from cds_service.governance.hazard import Hazard, Mitigation, Severity

TREATING: tuple[Hazard, ...] = (
    Hazard(
        "H06",
        "A dose is calculated on a wrong weight",
        ("pounds for kilograms, a slipped decimal point, an old or estimated weight", "weights far apart"),
        Severity.SERIOUS,
        (
            Mitigation(
                "Without a recent, plausible weight in keeping with the one before, no numbers are shown",
                (
                    "tests/clinical/test_weight.py::test_unusable",
                    "tests/clinical/test_regimens.py::test_no_milligrams_without_a_usable_weight",
                    "tests/hooks/test_cards.py::test_no_weight_shows_no_mg",
                ),
                ("F4", "O12"),
            ),
            Mitigation(
                "The dose is capped, and the bags add up to the regimen",
                (
                    "tests/clinical/test_regimens.py::test_the_cap",
                    "tests/clinical/test_properties.py::test_bags_sum_to_300_mg_per_kg_up_to_the_cap",
                    "tests/test_fixtures.py::test_70_kg_three_bag_numbers",
                ),
            ),
        ),
        "A wrong weight that is plausible is used; the card shows it with its date.",
    ),
    Hazard(
        "H07",
        "A wrong order of acetylcysteine passes",
        ("tenfold error", "mg/kg/h written for mg/kg", "bags of two regimens mixed", "dose text that cannot be read"),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "Drafts are compared with the regimen for the weight; what cannot be read is said and never fine",
                (
                    "tests/hooks/test_dose_review.py::test_what_is_off_is_said_with_the_right_number",
                    "tests/hooks/test_dose_review.py::test_every_regimen_is_right_as_calculated_and_off_when_scaled",
                    "tests/hooks/test_dose_review.py::test_a_dose_that_cannot_be_read_is_never_fine",
                    "tests/clinical/test_regimens.py::test_us_and_anz_volumes_are_the_reverse_of_each_other",
                ),
                ("F1", "F3"),
            ),
        ),
        "Orders placed outside the hooks, on paper or by pump alone, are not seen.",
    ),
    Hazard(
        "H08",
        "Fluid overload or low sodium, above all in a small child",
        ("adult diluent volumes for a child", "fluid restriction not known"),
        Severity.CATASTROPHIC,
        (
            Mitigation(
                "Diluent follows the weight band, and a volume above it is critical in children",
                (
                    "tests/hooks/test_dose_review.py::test_the_diluent_follows_the_weight_band",
                    "tests/clinical/test_regimens.py::test_no_volumes_for_children_offer_three_bag",
                    "tests/clinical/test_regimens.py::test_below_5_kg_a_toxicologist_doses",
                ),
                ("F2", "O10", "O11"),
            ),
        ),
        "Other fluids running are not added up.",
    ),
    Hazard(
        "H10",
        "Acetylcysteine is withheld because of an earlier reaction, or given without being ready for one",
        ("allergy read as a contraindication", "reaction or asthma overlooked"),
        Severity.SERIOUS,
        (
            Mitigation(
                "A reaction or asthma adds advice and never removes the recommendation",
                (
                    "tests/clinical/test_overlays.py::test_overlays_never_change_the_category",
                    "tests/clinical/test_properties.py::test_overlays_never_change_the_category",
                ),
                ("F5",),
            ),
        ),
        "Reactions that are not charted cannot be seen.",
    ),
    Hazard(
        "H19",
        "Acetaminophen is given during its toxicity, or a running course of acetylcysteine is begun again",
        ("acetaminophen ordered during toxicity", "a running course started again"),
        Severity.SERIOUS,
        (
            Mitigation(
                'Acetaminophen is cautioned against, and "start" is never said of a course that is under way',
                (
                    "tests/clinical/test_cautions.py::test_acetaminophen_ordered",
                    "tests/clinical/test_nac_course.py::test_a_running_course_goes_on",
                    "tests/clinical/test_monitoring.py::test_exactly_one_rule_speaks_of_a_course",
                ),
                ("E6",),
            ),
        ),
        "A course charted elsewhere is not seen.",
    ),
)
