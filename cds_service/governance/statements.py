"""Intended use, limits, the monitoring plan and who signs: the sentences of the pack that no table holds."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.clinical.thresholds import WEIGHT_MIN

PURPOSE = (
    "Tells prescribers, inside their workflow, whether intravenous acetylcysteine is indicated for acetaminophen "
    "(paracetamol) toxicity, which datum is missing when that cannot be said, and whether a draft order fits."
)

USERS = (
    "Physicians, nurse practitioners, physician assistants and pharmacists who may order or verify acetylcysteine.",
    "Not patients, carers or the public, and no automatic order entry: every card is read by a clinician who decides.",
)

POPULATION = (
    "Patients of any age to whom one of the reasons below applies.",
    "Patients with a draft order of acetylcysteine or acetaminophen, about that order.",
)

OUT_OF_SCOPE = (
    "Everybody else: the answer is silence, recorded as a decision.",
    "Poisoning by anything but acetaminophen, and what to do about co-ingestants beyond a second level and a consult.",
    (
        f"Oral dosing of acetylcysteine; intravenous doses below {WEIGHT_MIN.value:g} kg of body weight; "
        "infusion volumes of a regimen at weights for which its source gives none."
    ),
    "Liver transplantation, extracorporeal treatment and psychiatric care beyond the reminder to ask for them.",
)

DOES_NOT = (
    "It does not diagnose, order, start, change or stop a treatment; no card says stop.",
    (
        "It does not read images, waveforms or signals, and it learns nothing: the same chart, time and profile give "
        "the same conclusion."
    ),
    "It does not judge data it was not given; wrong data in the chart are judged as charted.",
    "It does not replace a poison centre, a toxicologist or the site's guideline.",
)

BASIS = (
    (
        "Images, signals and patterns",
        (
            "None are acquired, processed or analysed. The inputs are single results, times, "
            "diagnoses, drugs and weights from the record."
        ),
    ),
    (
        "Medical information",
        (
            "What is shown about the patient is what the record holds, with reference, value, unit and "
            "time as charted, beside published guidelines with their grade."
        ),
    ),
    (
        "Recommendations to a health care professional",
        (
            "Cards address the prescriber and offer drafts that the "
            "prescriber may take, change or set aside with a reason."
        ),
    ),
    (
        "Independent review",
        (
            "Every card names its rule, source and inputs and what is missing; its extension holds the "
            "verdict of every rule. This document gives logic, thresholds, data and evidence rule by rule. A "
            "clinician can reach the conclusion without the service."
        ),
    ),
)

BASIS_LIMITS = (
    (
        "The treatment is time-critical and a card can name one course of action. Regulators weigh both when they "
        "decide whether a function is a device. This document states facts for that decision and does not make it: the "
        "site's regulatory counsel does."
    ),
    "Sources marked † were read second-hand or are assumptions of the authors, and are to be verified locally.",
    "No clinical outcome study of this service has been done. The tests show that it does what its rules say.",
)


@dataclass(frozen=True, slots=True)
class Watch:
    """One thing to watch: where it is seen, and what to do when it is off."""

    what: str
    where: str
    act: str


MONITORING: tuple[Watch, ...] = (
    Watch("Canary patients with known answers",
          "`/readyz` (503 when one fails), `/metrics` (`cds_canary_ok`), `cds-service doctor`, the log",
          "Take the service out of the workflow, tell prescribers, find the change, then `cds-service doctor`"),
    Watch("Failed calls and FHIR faults", "`/metrics` (`cds_calls`, `cds_faults`, `cds_fhir_faults`), `/dashboard`",
          "Look at the kind of fault; a rise after a change of the EHR or the network is a regression"),
    Watch("Time to answer", "`/metrics` (`cds_call_seconds`), `/dashboard`",
          "Above the EHR's own limit cards are lost: look at the slowest FHIR query"),
    Watch("Unmapped codes and units", "`/metrics` (`cds_unmapped`), `/dashboard`, `cds-service report`, the log",
          "Ask the laboratory what they are; have the table extended, never guess"),
    Watch("Firing rate by hook and rule, silence by reason",
          "`/metrics` (`cds_firing_ratio`, `cds_alarm`), `/dashboard`, `cds-service report`",
          "A drop to nothing is an alarm; a jump asks for a look at the cards"),
    Watch("Override rate and reasons by rule", "`/dashboard`, `cds-service report`",
          "A rule set aside more often than not is reviewed by the toxicologist"),
    Watch("Treated patients without a card, cards without treatment", "review of cases, monthly",
          "Each is read by the toxicologist and the pharmacist; a wrong card is a safety event"),
    Watch("Rule set, program and profile in force", "`cds-service --version`, this pack, the audit trail",
          "Anything but the signed-off hashes is signed off again or rolled back"),
    Watch("Guidelines and labels", "the table of evidence, yearly and on publication",
          "A revised source means reviewed thresholds, new rows of tests and a new sign-off"),
)  # fmt: skip

SIGNATURES = (
    ("Medical toxicologist", "rules, thresholds, † facts, profile"),
    ("Clinical pharmacist", "regimens, dose review, units, products"),
    ("Chief medical information officer", "workflow, cards, override reasons, monitoring plan"),
    ("Chief information security officer", "SECURITY.md, clients, network, retention"),
)
