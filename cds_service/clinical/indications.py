"""The indication policy: one row a rule, read from top to bottom.

Ids are stable and never reused. Precedence is A before B before C before D; the first rule that treats
wins, every rule is judged, and missing data never yields "not indicated".
"""

from __future__ import annotations

from cds_service.clinical import (
    monitoring,
    rules_delayed,
    rules_detection_limit,
    rules_liver,
    rules_no_level,
    rules_nomogram,
    rules_off_nomogram,
    rules_timing,
)
from cds_service.clinical.evidence import (
    ACG_2023,
    AGA_2017,
    AGA_2017_TRIAL_ONLY,
    FDA_LABEL,
    KINGS_COLLEGE,
    REVIEW_CAVEATS,
    RUMACK_MATTHEW,
    SERVICE_ASSUMPTION,
    US_CONSENSUS_2023,
)
from cds_service.clinical.findings import Category, Overlay, Rule

_ALF_OVERLAYS = frozenset({Overlay.TRANSPLANT, Overlay.CONSULT})
_NOMOGRAM = (RUMACK_MATTHEW, US_CONSENSUS_2023)
_CONSENSUS = (US_CONSENSUS_2023,)
_OFF_NOMOGRAM = (US_CONSENSUS_2023, AGA_2017)

INDICATIONS: tuple[Rule, ...] = (
    Rule(
        "A1-acute-liver-failure-with-acetaminophen",
        "Acute liver failure and any evidence of acetaminophen: treat, at any time after ingestion",
        Category.INDICATED,
        rules_liver.alf_with_acetaminophen,
        (AGA_2017,),
        _ALF_OVERLAYS,
        ("S1",),
    ),
    Rule(
        "A2-hepatotoxicity-after-exposure",
        "AST or ALT above 1000 U/L after acetaminophen: treat, even with an undetectable level",
        Category.INDICATED,
        rules_liver.hepatotoxicity_with_acetaminophen,
        (US_CONSENSUS_2023, FDA_LABEL),
        statements=("S2", "S4"),
    ),
    Rule(
        "A3-clinical-toxicity-after-exposure",
        "Clinical toxicity (right-upper-quadrant pain or tenderness, jaundice, persistent vomiting) and a toxic or "
        "unknown exposure: treat",
        Category.INDICATED,
        rules_liver.clinical_toxicity,
        _OFF_NOMOGRAM,
        statements=("S4",),
    ),
    Rule(
        "A4-kings-college-criteria",
        "King's College criteria (acetaminophen): arterial pH below 7.30 after fluids, or all of INR above 6.5, "
        "creatinine above 3.4 mg/dL and encephalopathy grade 3-4; lactate and phosphate as extra: transplant centre",
        None,
        rules_liver.kings_college,
        (KINGS_COLLEGE,),
    ),
    Rule(
        "A5-mental-status-not-recorded",
        "INR of 1.5 or more with raised AST/ALT and no mental status on the chart: ask for an assessment",
        Category.DATA_NEEDED,
        rules_liver.mental_status_unrecorded,
        (AGA_2017,),
    ),
    Rule(
        "B1-level-on-or-above-treatment-line",
        "Acute ingestion, 4-24 h, level on or above the treatment line: treat",
        Category.INDICATED,
        rules_nomogram.above_line,
        _NOMOGRAM,
        statements=("S3",),
    ),
    Rule(
        "B2-level-high-risk",
        "B1, and on or above the high-risk line or at least 30 g reported: treat; standard dose may not suffice",
        Category.INDICATED,
        rules_nomogram.above_line_high_risk,
        _CONSENSUS,
        statements=("S3",),
    ),
    Rule(
        "B2b-large-amount-below-line",
        "At least 30 g reported, level below the line: consider, and repeat the level in 4-6 h",
        Category.CONSIDER,
        rules_nomogram.large_amount_below_line,
        _CONSENSUS,
    ),
    Rule(
        "B3-below-line-normal-enzymes",
        "Acute, one reliable immediate-release ingestion, below the line, AST and ALT normal: not indicated now",
        Category.NOT_INDICATED,
        rules_nomogram.below_line,
        _NOMOGRAM,
        statements=("S3",),
    ),
    Rule(
        "B4-below-line-raised-enzymes",
        "As B3, but AST or ALT raised (up to 1000 U/L): consider, and repeat in 4-6 h",
        Category.CONSIDER,
        rules_nomogram.below_line_with_raised_enzymes,
        _CONSENSUS,
    ),
    Rule(
        "B5-extended-release-second-level",
        "Extended release, level of 10 mg/L or more below the line: second level 4-6 h after the first; by profile, a "
        "toxic dose is treated at once, or a detectable level or raised AST or ALT as off the nomogram",
        Category.REPEAT_LEVEL,
        rules_delayed.extended_release_needs_second_level,
        _CONSENSUS,
        frozenset({Overlay.CONSULT}),
        ("S4",),
    ),
    Rule(
        "B5d-delayed-absorption-raised-enzymes",
        "Extended release or delaying co-ingestant, level of 10 mg/L or more below the line, AST or ALT raised: treat",
        Category.INDICATED,
        rules_delayed.delayed_absorption_with_raised_enzymes,
        _OFF_NOMOGRAM,
        frozenset({Overlay.CONSULT}),
        ("S4",),
    ),
    Rule(
        "B6-coingestant-second-level",
        "Opioid or anticholinergic co-ingestion, level of 10 mg/L or more below the line: second level",
        Category.REPEAT_LEVEL,
        rules_delayed.coingestant_needs_second_level,
        _CONSENSUS,
        frozenset({Overlay.CONSULT}),
    ),
    Rule(
        "B7-delayed-absorption-settled",
        "Delayed absorption possible, but level below 10 mg/L or a second level below the line; AST and ALT normal: "
        "not indicated now",
        Category.NOT_INDICATED,
        rules_delayed.delayed_absorption_settled,
        _CONSENSUS,
    ),
    Rule(
        "B8-sample-before-4-h",
        "Sample drawn before 4 h: not interpretable, repeat at 4 h or later",
        Category.REPEAT_LEVEL,
        rules_timing.sample_too_early,
        _NOMOGRAM,
    ),
    Rule(
        "B9-time-unknown",
        "Ingestion time unknown or unreliable: level of 10 mg/L or more, or AST or ALT raised: treat",
        Category.INDICATED,
        rules_off_nomogram.time_unknown,
        _OFF_NOMOGRAM,
        statements=("S4",),
    ),
    Rule(
        "B10-later-than-24-h",
        "Later than 24 h: level of 10 mg/L or more, or AST or ALT raised: treat",
        Category.INDICATED,
        rules_off_nomogram.beyond_24_h,
        _OFF_NOMOGRAM,
        statements=("S4",),
    ),
    Rule(
        "B11-repeated-supratherapeutic",
        "Repeated supratherapeutic ingestion: level of 20 mg/L or more (verify locally), or AST or ALT raised: treat",
        Category.INDICATED,
        rules_off_nomogram.repeated_supratherapeutic,
        (*_OFF_NOMOGRAM, FDA_LABEL),
        statements=("S2", "S4"),
    ),
    Rule(
        "B12-off-nomogram-negative",
        "Off the nomogram, level below its threshold (20 mg/L after repeated ingestion: verify locally), AST and ALT "
        "normal, both known: not indicated now",
        Category.NOT_INDICATED,
        rules_off_nomogram.off_nomogram_negative,
        _OFF_NOMOGRAM,
        statements=("S4",),
    ),
    Rule(
        "B13-off-nomogram-one-test-missing",
        "Off the nomogram, one test missing and the other negative: order the missing test",
        Category.DATA_NEEDED,
        rules_off_nomogram.off_nomogram_one_missing,
        _OFF_NOMOGRAM,
    ),
    Rule(
        "B14-detection-limit-above-line",
        "Result below a detection limit that lies above the threshold or line: AST and ALT normal, not indicated now; "
        "not known, data needed",
        Category.DATA_NEEDED,
        rules_detection_limit.detection_limit,
        (SERVICE_ASSUMPTION,),
    ),
    Rule(
        "B15-staggered-sample-too-early",
        "Staggered ingestion, below the line, sample less than 4 h after the last dose: repeat; by profile, doses over "
        "more than the acute span are treated",
        Category.REPEAT_LEVEL,
        rules_timing.staggered_too_early,
        _CONSENSUS,
    ),
    Rule(
        "B16-time-as-interval",
        "Time known only as an interval: above the line at the latest time, treat; not below the line over all of it "
        "from 4 h on, data needed",
        Category.DATA_NEEDED,
        rules_timing.time_as_interval,
        (SERVICE_ASSUMPTION,),
    ),
    Rule(
        "B17-time-interval-spans-24-h",
        "Time interval that spans 24 h: the line at 24 h or the rule for later samples: treat",
        Category.INDICATED,
        rules_timing.interval_spanning_end,
        _OFF_NOMOGRAM,
    ),
    Rule(
        "C1-no-level-in-time",
        "Suspected toxic ingestion, no level, 8 h or more since (or no result before 8 h): treat now, reassess with it",
        Category.INDICATED,
        rules_no_level.no_level_in_time,
        (US_CONSENSUS_2023, FDA_LABEL),
        statements=("S2",),
    ),
    Rule(
        "C2-level-expected-in-time",
        "Suspected toxic ingestion less than 8 h ago, or an overdose of an unstated drug: draw a level at 4 h",
        Category.DATA_NEEDED,
        rules_no_level.level_expected_in_time,
        _CONSENSUS,
        statements=("S2",),
    ),
    Rule(
        "C3-time-unknown-no-level",
        "Suspected overdose, time unknown, no level: treat now; send level, AST, ALT and INR",
        Category.INDICATED,
        rules_no_level.time_unknown_without_level,
        (US_CONSENSUS_2023, FDA_LABEL),
        statements=("S2", "S4"),
    ),
    Rule(
        "C4-accidental-below-toxic-threshold",
        "Reliable, accidental, below the toxic thresholds for age and weight: not indicated now",
        Category.NOT_INDICATED,
        rules_no_level.small_accidental,
        _CONSENSUS,
    ),
    Rule(
        "C5-intravenous-overdose",
        "Intravenous acetaminophen overdose: data needed, ask a toxicologist",
        Category.DATA_NEEDED,
        rules_no_level.intravenous_overdose,
        _CONSENSUS,
        frozenset({Overlay.CONSULT}),
    ),
    Rule(
        "D1-liver-failure-of-another-cause",
        "Acute liver failure of an established other cause, no evidence of acetaminophen: consider, or by profile only "
        "in a clinical trial; guidelines differ",
        Category.CONSIDER,
        rules_liver.alf_of_another_cause,
        (AGA_2017_TRIAL_ONLY, ACG_2023),
        frozenset({Overlay.CONSULT}),
        ("S6",),
    ),
    Rule(
        "D2-liver-failure-of-unknown-cause",
        "Acute liver failure of indeterminate cause: consider (unrecognised acetaminophen)",
        Category.CONSIDER,
        rules_liver.alf_of_unknown_cause,
        (AGA_2017,),
        frozenset({Overlay.CONSULT}),
        ("S5",),
    ),
    Rule(
        "D3-liver-injury-without-failure",
        "Acute liver injury without failure and without evidence of acetaminophen: no card",
        None,
        rules_liver.injury_without_failure,
        (SERVICE_ASSUMPTION, REVIEW_CAVEATS),
    ),
    Rule(
        "G1-criteria-to-complete-met",
        "Whole course of acetylcysteine given, level below 10 mg/L, INR below 2.0, AST and ALT normal or down by 25 to "
        "50 % from the peak, clinically well: criteria met, the clinician decides",
        Category.CRITERIA_MET,
        monitoring.criteria_met,
        _CONSENSUS,
    ),
    Rule(
        "G2-criterion-to-stop-not-met",
        "Acetylcysteine running or ordered, a criterion for completion is not met: continue",
        Category.CONTINUE,
        monitoring.criterion_not_met,
        _CONSENSUS,
    ),
    Rule(
        "G3-criteria-to-stop-not-known",
        "Acetylcysteine running or ordered, criteria for completion not all known: continue, and complete them",
        Category.CONTINUE,
        monitoring.criteria_not_known,
        _CONSENSUS,
    ),
)
