"""python -m release.audit PIP_AUDIT: known vulnerabilities of the locked packages, and how many could be looked up.

A package that could not be looked up is never counted as free of vulnerabilities. Ends with 1 when one is known.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import orjson

LOCK = "requirements.lock"
_OPTIONS = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]


@dataclass(frozen=True, slots=True)
class Audit:
    """What is known of each package."""

    looked_up: int
    skipped: int
    vulnerable: dict[str, list[str]]

    def in_words(self) -> list[str]:
        """The result, with what is not known first."""
        told = [f"{self.looked_up} of {self.looked_up + self.skipped} packages could be looked up."]
        if self.skipped:
            told.append("NOT AUDITED: the others. Run this again where the advisory service is reached.")
        told += [f"{name}: {', '.join(ids)}" for name, ids in sorted(self.vulnerable.items())]
        known = "No vulnerability is known of those looked up." if self.looked_up else "Nothing is known."
        return told if self.vulnerable else [*told, known]


def audit_in(report: dict[str, Any]) -> Audit:
    """What a report of pip-audit says."""
    packages = report["dependencies"]
    skipped = [each for each in packages if "skip_reason" in each]
    found = {each["name"]: [one["id"] for one in each["vulns"]] for each in packages if each.get("vulns")}
    return Audit(len(packages) - len(skipped), len(skipped), found)


def main() -> int:
    """Run pip-audit on the lock and tell what came of it."""
    done = subprocess.run([sys.argv[1], "--requirement", LOCK, *_OPTIONS], capture_output=True, text=True, check=False)
    try:
        audit = audit_in(orjson.loads(done.stdout))
    except orjson.JSONDecodeError:
        last = done.stderr.strip().splitlines()[-1:] or ["no words"]
        sys.stdout.write(f"NOT AUDITED: pip-audit could not run ({last[0]}).\n")
        return 0
    sys.stdout.write("\n".join(audit.in_words()) + "\n")
    return 1 if audit.vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
