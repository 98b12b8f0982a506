"""The governance pack says what the tables, the queries and the profile say, and the same every time."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from cds_service.cli import app
from cds_service.clinical.assess import assess
from cds_service.clinical.cautions import CAUTIONS
from cds_service.clinical.consulted import part_consults, rule_consults
from cds_service.clinical.evidence import ALL_EVIDENCE
from cds_service.clinical.indications import INDICATIONS
from cds_service.clinical.order_review import REVIEW_RULES
from cds_service.clinical.overlays import OVERLAYS
from cds_service.clinical.profiles import PROFILES, US_2023, Profile
from cds_service.clinical.ruleset import RULE_SET_HASH, SHIPPED, profile_hash
from cds_service.fhir.mapping import facts_from_resources
from cds_service.fhir.queries import QUERIES
from cds_service.governance.attributes import source_attributes
from cds_service.governance.documents import TITLES, as_json, documents, write_documents
from cds_service.governance.pack import governance_pack
from tests.fhir.mapped import LOINC, SNOMED, coded, observation, resource

if TYPE_CHECKING:
    from pathlib import Path

PACK = governance_pack(US_2023)
DOCUMENTS = documents(PACK)
IDS = [
    *(rule.id for rule in INDICATIONS),
    *(row.id for row in CAUTIONS),
    *(row.id for row in REVIEW_RULES),
    *(row.id for row in OVERLAYS),
]


def rules() -> dict[str, dict[str, Any]]:
    return {rule["id"]: rule for family in PACK["basis"]["families"] for rule in family["rules"]}


def test_every_document_is_there_and_names_what_is_in_force() -> None:
    assert set(DOCUMENTS) == {*TITLES, "rules"}
    for name, title in TITLES.items():
        assert DOCUMENTS[name].startswith(f"# {title}\n")
        assert PACK["identity"]["in_force"] in DOCUMENTS[name]


@pytest.mark.parametrize("name", TITLES)
def test_a_document_is_filled_in(name: str) -> None:
    text = DOCUMENTS[name]
    assert not re.search(r"\{\{|\{%|\bNone\b(?! is recorded| are acquired)|<cds_service|object at", text), name
    assert "\n\n\n\n" not in text


@pytest.mark.parametrize("rule_id", IDS)
def test_the_basis_of_each_rule_is_told(rule_id: str) -> None:
    rule = rules()[rule_id]
    section = DOCUMENTS["basis"].split(f"### {rule_id}\n", 1)[1].split("\n### ", 1)[0]
    assert rule["statement"] in section
    assert rule["evidence"]
    for source in rule["evidence"]:
        mark = " †" if source["verify_locally"] else ""
        assert f"Evidence: {source['short']}{mark} ({source['strength']})" in section
    for limit in rule["thresholds"]:
        assert f"{limit['name']} {limit['value']} ({limit['source']}" in section
        assert limit["locator"] in section
    for word in (*rule["profile_keys"], *rule["data"], *rule["diagnoses"], *rule["parts"]):
        assert word in section


def test_every_rule_says_what_it_rests_on() -> None:
    for section in DOCUMENTS["basis"].split("\n## Indications\n")[1].split("\n### ")[1:]:
        assert re.search(r"^- (Thresholds|Profile keys|Data|Rests on): ", section, re.MULTILINE), section[:60]


def test_every_source_and_every_query_is_told() -> None:
    for source in ALL_EVIDENCE:
        assert source.citation in DOCUMENTS["basis"]
        assert source.citation in DOCUMENTS["source-attributes"]
    assert [(row["key"], row["required"]) for row in PACK["basis"]["data_read"]] == [
        (query.key, query.required) for query in QUERIES
    ]


def test_the_identity_is_that_of_the_code() -> None:
    assert PACK["identity"]["rule_set_sha256"] == RULE_SET_HASH
    assert RULE_SET_HASH in DOCUMENTS["sign-off"]
    assert profile_hash(US_2023) in DOCUMENTS["sign-off"]
    assert PACK["identity"]["program_sha256"] in DOCUMENTS["rule-set"]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_profile_is_shown_with_its_differences(profile: Profile) -> None:
    keys = governance_pack(profile)["profile"]["keys"]
    differing = {row["key"] for row in keys if row["differs"]}
    assert ("treatment_line" in differing) is (profile.treatment_line_mg_l != US_2023.treatment_line_mg_l)
    assert differing == set() if profile is US_2023 else {"name", "title", "source"} <= differing


def test_what_a_site_wrote_stays_within_its_cell() -> None:
    hostile = replace(US_2023, name="site", title="x | y")
    assert "| `title` | x \\| y |" in documents(governance_pack(hostile))["rule-set"]


def test_the_signatures_are_blank() -> None:
    roles = re.findall(r"^## (.+)$", DOCUMENTS["sign-off"], re.MULTILINE)
    assert [role.split()[-1] for role in roles] == ["toxicologist", "pharmacist", "officer", "officer"]
    assert DOCUMENTS["sign-off"].count("|  |  |  |  |  |") == len(roles)


# --- source attributes ------------------------------------------------------------------------------

ATTRIBUTES = {each.name: each for each in source_attributes(PACK["changes"], rule_consults() | part_consults())}
NOT_USED = [name for name, each in ATTRIBUTES.items() if each.value.startswith("Not used")]

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
# attribute -> what a record may say of it
CHARTED: dict[str, dict[str, Any]] = {
    "Use of race": {"extension": [{"url": f"{US_CORE}/us-core-race", "valueString": "x"}]},
    "Use of ethnicity": {"extension": [{"url": f"{US_CORE}/us-core-ethnicity", "valueString": "x"}]},
    "Use of language": {"communication": [{"language": {"text": "Navajo"}, "preferred": True}]},
    "Use of sexual orientation": {"extension": [{"url": f"{US_CORE}/us-core-sexual-orientation", "valueString": "x"}]},
    "Use of gender identity": {"extension": [{"url": f"{US_CORE}/us-core-genderIdentity", "valueString": "x"}]},
    "Use of sex": {"gender": "male", "extension": [{"url": f"{US_CORE}/us-core-birthsex", "valueCode": "M"}]},
    "Use of social determinants of health": {"maritalStatus": {"text": "x"}, "address": [{"text": "no fixed abode"}]},
}
HOUSING = resource("Condition", id="sdoh", code=coded(SNOMED, "32911000", "Homeless"))
SURVEY = observation("93025-5", id="survey", valueString="PRAPARE", status="final")


def concluded(patient: dict[str, Any], *others: dict[str, Any]) -> object:
    record = {"resourceType": "Patient", "id": "p", "birthDate": "1990-05-14"} | patient
    overdose = resource("Condition", code=coded(SNOMED, "295124009"), onsetDateTime="2026-01-15T00:00:00Z")
    facts = facts_from_resources([record, overdose, observation(), *others], "p")
    assessment = assess(facts, US_2023, datetime(2026, 1, 15, 10, tzinfo=UTC))
    return assessment.category, assessment.judged, assessment.overlays, assessment.gaps, assessment.dosing


def test_the_thirteen_attributes_are_numbered_as_in_the_regulation() -> None:
    assert [each.number for each in ATTRIBUTES.values()] == [f"(iv)(A)({n})" for n in range(1, 14)]
    assert set(NOT_USED) == set(CHARTED)


@pytest.mark.parametrize("name", NOT_USED)
def test_what_is_said_not_to_be_used_changes_nothing(name: str) -> None:
    assert concluded(CHARTED[name]) == concluded({})


def test_social_circumstances_change_nothing() -> None:
    social = {"code": "social-history", "system": "http://terminology.hl7.org/CodeSystem/observation-category"}
    survey = SURVEY | {"category": [{"coding": [social]}], "code": coded(LOINC, "93025-5")}
    assert concluded({}, HOUSING, survey) == concluded({})


def test_the_rules_that_use_age_are_named() -> None:
    users = ATTRIBUTES["Use of date of birth"].details
    assert {"O4-consult-young-child", "C4-accidental-below-toxic-threshold", "body"} <= set(users)
    assert "A2-hepatotoxicity-after-exposure" not in users


def test_a_rule_that_used_sex_would_be_named() -> None:
    consulted = rule_consults() | part_consults()
    consulted["O5-consult-pregnancy"].facts.add("sex")
    told = {each.name: each.value for each in source_attributes(PACK["changes"], consulted)}
    assert told["Use of sex"] == "Used by O5-consult-pregnancy."


# --- writing ----------------------------------------------------------------------------------------


def test_the_same_pack_is_written_twice(tmp_path: Path) -> None:
    first = write_documents(governance_pack(US_2023), tmp_path / "one")
    second = write_documents(governance_pack(US_2023), tmp_path / "two")
    assert [path.name for path in first] == [*(f"{name}.md" for name in DOCUMENTS), "governance.json"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_the_json_is_the_pack() -> None:
    assert json.loads(as_json(PACK)) == json.loads(json.dumps(PACK))
    assert json.loads(as_json(PACK))["profile"]["name"] == "us-2023"


def test_a_date_is_shown_only_when_stated() -> None:
    dated = governance_pack(US_2023, as_of=date(2026, 2, 3))
    assert "As of 2026-02-03." in documents(dated)["sign-off"]
    assert "As of" not in DOCUMENTS["sign-off"]
    assert {**dated, "as_of": None} == PACK


def test_the_command_writes_the_pack(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('name = "st-elsewhere"\nbase = "uk-2012"\ntreatment_line = 150\n')
    out = tmp_path / "made" / "pack"
    result = CliRunner().invoke(
        app, ["governance", "--output", str(out), "--profile", str(site), "--date", "2026-02-03"]
    )
    assert result.exit_code == 0, result.output
    told = json.loads((out / "governance.json").read_text(encoding="utf-8"))
    assert told["as_of"] == "2026-02-03"
    assert told["profile"]["name"] == "st-elsewhere"
    assert told["identity"]["rule_set_sha256"] == RULE_SET_HASH


@pytest.mark.parametrize(
    ("arguments", "told"), [(["--profile", "absent"], "no such profile"), ([], "cannot be written")]
)
def test_the_command_says_why_nothing_was_written(tmp_path: Path, arguments: list[str], told: str) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = CliRunner().invoke(app, ["governance", "--output", str(blocked / "pack"), *arguments])
    assert result.exit_code == 1
    assert told in result.output


def test_every_threshold_of_the_rules_stands_in_the_basis() -> None:
    for limit in SHIPPED.thresholds.values():
        assert f"{limit.name} {limit}" in DOCUMENTS["basis"]
