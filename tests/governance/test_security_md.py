"""SECURITY.md names only settings, files and addresses that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cds_service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\bCDS_[A-Z_]+\b", TEXT))))
def test_a_setting_that_is_named_exists(name: str) -> None:
    assert name.removeprefix(PREFIX).lower() in Settings.model_fields


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_a_file_that_is_linked_exists(target: str) -> None:
    assert (ROOT / target).is_file()


def test_the_days_that_records_are_kept_are_the_default() -> None:
    stated = re.search(r"`CDS_AUDIT_DAYS` \((\d+) unless set\)", TEXT)
    assert stated
    assert int(stated[1]) == Settings.model_fields["audit_days"].default
