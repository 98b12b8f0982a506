"""Synthetic patients: the same everywhere, valid FHIR, and in agreement with themselves."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from fhir.resources.R4B.bundle import Bundle

from cds_service.clinical.nomogram import line_at
from cds_service.population.synth.draws import Draws
from cds_service.population.synth.kinetics import Dose, alt_u_l, inr_of, level_mg_l, peak_alt
from cds_service.population.synth.writing import Population, write_bundles, write_ndjson
from tests.population.populations import ANCHOR

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Population(60, 3, ANCHOR)


def test_the_same_seed_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    write_ndjson(SMALL, tmp_path / "here")
    command = ["synth", "--patients", "60", "--seed", "3", "--output", str(tmp_path / "there")]
    program = "import sys; from cds_service.cli import app; app(sys.argv[1:])"
    subprocess.run([sys.executable, "-c", program, *command], check=True, capture_output=True)
    here = {path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()}
    assert here == {path.name: path.read_bytes() for path in (tmp_path / "there").iterdir()}
    assert {"Patient.ndjson", "Observation.ndjson"} <= set(here)


def test_a_patient_does_not_depend_on_how_many_there_are() -> None:
    assert list(Population(5, 3, ANCHOR).charts()) == list(SMALL.charts())[:5]
    assert list(Population(5, 4, ANCHOR).charts()) != list(SMALL.charts())[:5]


def test_compressed_lines_are_the_plain_ones(tmp_path: Path) -> None:
    plain = write_ndjson(SMALL, tmp_path / "plain")
    assert write_ndjson(SMALL, tmp_path / "gzip", is_gzip=True) == plain
    for path in (tmp_path / "plain").iterdir():
        zipped = tmp_path / "gzip" / f"{path.name}.gz"
        assert gzip.decompress(zipped.read_bytes()) == path.read_bytes()


def test_bundles_are_valid_and_hold_the_newest_version_only(tmp_path: Path) -> None:
    write_bundles(SMALL, tmp_path)
    for path in tmp_path.iterdir():
        bundle = json.loads(path.read_bytes())
        Bundle.model_validate(bundle)
        urls = Counter(entry["request"]["url"] for entry in bundle["entry"])
        assert set(urls.values()) == {1}
        assert not [entry for entry in bundle["entry"] if entry["resource"].get("status") == "preliminary"]


def test_a_larger_population_shows_what_goes_wrong_in_hospitals() -> None:
    charts = [resources for _, resources in Population(400, 1, ANCHOR).charts()]
    results = [each for chart in charts for each in chart if each["resourceType"] == "Observation"]
    units = {each["valueQuantity"]["unit"] for each in results}
    assert {"mg/L", "ug/mL", "mg/dL", "umol/L", "mcg%"} <= units
    assert any(each["code"]["coding"][0]["code"] == "PARA" for each in results)
    assert any(each["status"] == "corrected" for each in results)
    assert {each["effectiveDateTime"][16:] for each in results} >= {":00Z", ":00-05:00", ":00+01:00"}


def test_draws_cover_their_range() -> None:
    draws = Draws(1, "test")
    units = [draws.unit() for _ in range(2000)]
    assert 0 <= min(units) < 0.01
    assert 0.99 < max(units) < 1
    assert {draws.whole(1, 3) for _ in range(100)} == {1, 2, 3}
    assert {draws.weighted((("a", 1.0), ("b", 3.0))) for _ in range(100)} == {"a", "b"}


KINETICS = [
    pytest.param(10, 70, 4, id="10 g, 70 kg, at 4 h"),
    pytest.param(24, 70, 8, id="24 g, 70 kg, at 8 h"),
]


@pytest.mark.parametrize(("grams", "kg", "hours"), KINETICS)
def test_levels_add_up_and_fall(grams: float, kg: float, hours: float) -> None:
    whole = level_mg_l((Dose(0, grams * 1000),), kg, hours)
    halves = level_mg_l((Dose(0, grams * 500), Dose(0, grams * 500)), kg, hours)
    later = level_mg_l((Dose(0, grams * 1000),), kg, hours + 2)
    assert level_mg_l((Dose(0, grams * 1000),), kg, 0) == 0
    assert 0 < later < whole
    # The two halves are one dose, as long as the dose is toxic or not in both readings.
    assert halves == pytest.approx(whole)


def test_slow_release_peaks_lower_and_stays_longer() -> None:
    at_once, slowly = (Dose(0, 20000.0),), (Dose(0, 20000.0, is_extended_release=True),)
    assert level_mg_l(slowly, 70, 2) < level_mg_l(at_once, 70, 2)
    assert level_mg_l(slowly, 70, 14) > level_mg_l(at_once, 70, 14)


def test_the_liver_answers_to_the_line_and_to_treatment() -> None:
    harmless, toxic = (Dose(0, 5000.0),), (Dose(0, 30000.0),)
    assert level_mg_l(toxic, 70, 4) > line_at(150, 4) > level_mg_l(harmless, 70, 4)
    assert peak_alt(harmless, 70, None) == peak_alt(toxic, 70, 6) == 22
    untreated = peak_alt(toxic, 70, None)
    assert 22 < peak_alt(toxic, 70, 14) < untreated
    assert alt_u_l(untreated, 6) == 22 < alt_u_l(untreated, 40) < alt_u_l(untreated, 72) == pytest.approx(untreated)
    assert alt_u_l(untreated, 96) == pytest.approx(untreated / 2)
    assert inr_of(1000) == 1 < inr_of(5000) < inr_of(12000) == pytest.approx(4)
