"""Reading infusions out of words: "150 mg/kg (10,500 mg) in 200 mL D5W over 60 min, then 50 mg/kg over 4 h".

Pure text: knows how clinicians and pharmacies write infusions. Must not know resources. An amount counts only
with its unit; what may mean two things is a problem, never a choice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cds_service.clinical.ordered import Extent
from cds_service.clinical.quantity import Analyte, plain, unit_factor

CONCENTRATE_MG_ML = 200.0
"""The only strength of the intravenous concentrate."""

_MOST_READ = 2000
_LARGEST_VIAL_ML = 30.0
_SAME = 0.02
_DOSES = (Analyte.DOSE, Analyte.DOSE_PER_KG, Analyte.DOSE_RATE, Analyte.DOSE_RATE_PER_KG)
_MASS = r"(?:mg|mgs|milligrams?|g|gms?|grams?|grammes?|mcg|ug)"
_VOLUME = r"(?:mls?|cc|millilit(?:er|re)s?|l|lit(?:er|re)s?)"
_TIME = r"(?:hours?|hrs?|h|minutes?|mins?)"
_PER = r"\s*(?:/|per)\s*"
_UNIT = (
    rf"(?:{_MASS}{_PER}kg(?:{_PER}{_TIME})?|{_MASS}{_PER}{_TIME}{_PER}kg|{_MASS}{_PER}(?:{_TIME}|{_VOLUME})|{_MASS}"
    rf"|{_VOLUME}{_PER}(?:kg|{_TIME})|{_VOLUME}|{_TIME}|kg)"
)
_NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+,\d{1,2}(?!\d)|\d+(?:\.\d+)?"
_AMOUNT = re.compile(
    rf"(?<![\w.,])(?P<low>{_NUMBER})(?:\s*(?:-|\u2013|to)\s*(?P<high>{_NUMBER}))?\s*-?\s*(?P<unit>{_UNIT})(?![a-z])"
)
_THOUSANDS_BLANK = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_WORDED_NUMBERS = {
    "one": "1", "two": "2", "four": "4", "ten": "10", "fifteen": "15", "sixteen": "16", "twelve": "12",
    "sixty": "60", "twenty": "20",
}  # fmt: skip
_WORDED = re.compile(rf"\b({'|'.join(_WORDED_NUMBERS)})(?=[ -]{_TIME}\b)")
_BREAK = re.compile(
    r"[;\n\u2192]|->|=>|\bthen\b|\bfollowed by\b|\band then\b|(?<=[a-z)])\.\s|"
    r"(?=\b(?:bag|infusion|step|dose)\s*(?:no\.?\s*)?#?\s*[1-3]\b(?![.,]?\d|\s*(?:mg|g)\b))|"
    r"(?=\b(?:1st|2nd|3rd|first|second|third)\s+(?:bag|infusion|dose)\b)"
)
_LABEL = re.compile(r"\b(?:bag|infusion|step|dose)\s*(?:no\.?\s*)?#?\s*(?P<number>[1-3])(?:\s*(?:of|/)\s*[1-3])?"
                    r"(?![.,]?\d|\s*(?:mg|g)\b)")  # fmt: skip
_ORDINALS = (
    (re.compile(r"\b(?:1st|first)\s+(?:bag|infusion|dose)\b|\bload(?:ing)?\b"), 1),
    (re.compile(r"\b(?:2nd|second)\s+(?:bag|infusion|dose)\b"), 2),
    (re.compile(r"\b(?:3rd|third)\s+(?:bag|infusion|dose)\b"), 3),
)
_STRENGTH = re.compile(rf"(?P<mass>{_NUMBER})\s*(?P<unit>{_MASS})\s*/\s*(?P<volume>{_NUMBER})\s*ml(?![a-z])")
# What all bags come to is not one more bag.
_SUM = re.compile(
    rf"\(?\b(?:(?:in )?total|altogether)(?: dose)?(?: of|:)?\s*(?:{_NUMBER})\s*{_MASS}(?:{_PER}kg)?(?!{_PER}[a-z])"
    rf"(?:\s+(?:over|in)\s+(?:{_NUMBER})\s*{_TIME})?\s*\)?"
)
# "mg/kg/day": more follows the unit than is read here.
_UNIT_GOES_ON = re.compile(r"^\s*(?:/|per\b)\s*(?!dose|bag|infusion|kg)[a-z]")
_REPEATED = re.compile(
    rf"\b(?:every|each|q)\.?\s*\d+\s*{_TIME}\b|\b(?:b\.?i\.?d|t\.?i\.?d|q\.?i\.?d|daily|once a day|twice)\b|\brepeat\b"
)
_NOT_A_DURATION = re.compile(r"(?:\bafter|\bwithin|\bin the next|\bin total|\btotal(?: of)?|\bat|\brecheck in)\s*$")
_IS_ALL = re.compile(r"^[ -]*(?:in total|total|course|regimen|protocol|after|post|later)\b")
_LIMIT_BEFORE = re.compile(
    r"\b(?:max(?:imum)?\.?|not to exceed|up to|capped?|cap)(?:\s+(?:dose|weight|of|at|is|to|:))*\W*$"
)
_LIMIT_AFTER = re.compile(r"^\s*(?:max(?:imum)?|cap)\b")
_TOTAL_BEFORE = re.compile(r"\b(?:total|final)(?:\s+(?:volume|vol\.?|of|is|bag))*\W*$")
_TOTAL_AFTER = re.compile(r"^\s*(?:total|final|\(total\)|bag\b|premix)")
_DRUG_AFTER = re.compile(
    r"^\s*\)?,?\s*(?:of\s+)?(?:the\s+)?(?:drug|concentrate|acetylcysteine|n-?acetyl|nac\b|acetadote|20\s*%|200\s*mg)"
)
_DRUG_BEFORE = re.compile(r"(?:\bmg|\bg)\s*(?:\(|=|/)\s*$")
_DILUENT_AFTER = re.compile(
    r"^\s*(?:of\s+)?(?:d5|5\s*%|10\s*%|0\.\d+\s*%|dextrose|glucose|(?:half[- ]?)?normal saline|(?:half )?saline|"
    r"[\u00bd]?\s*ns\b|1/2\s*ns|nacl|sodium|water|swfi|wfi|sterile|diluent|fluid|ivf)"
)
_DILUENT_BEFORE = re.compile(
    r"\b(?:in|with|to|into|plus|diluted?|w/|diluent|fluid|volume)\W*(?:a\s+|in\s+|to\s+)*$|[+@]\s*$|"
    r"(?:d5w|d5|dextrose|glucose|saline|\bns|water|nacl)\W*(?:5\s*%|0\.\d+\s*%)?\s*$"
)
_WEIGHT_BEFORE = re.compile(r"(?:\bfor|\bx|\u00d7|\*|\bweight|\bwt\.?|\bweighing)\W*$")


@dataclass(slots=True)
class Amounts:
    """The amounts of one infusion as they are gathered, by kind and in canonical units.

    Two different numbers of a kind widen the extent and leave a problem.
    """

    found: dict[Analyte, Extent] = field(default_factory=dict)
    drug_ml: Extent | None = None
    diluent_ml: Extent | None = None
    total_ml: Extent | None = None
    cap_mg: float | None = None
    cap_kg: float | None = None
    for_kg: float | None = None
    number: int | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def states_a_dose(self) -> bool:
        """Whether there is any amount of drug."""
        return self.drug_ml is not None or any(kind in self.found for kind in _DOSES)

    @property
    def is_complete(self) -> bool:
        """Whether dose and duration are both there, so that a further dose must belong to the next bag."""
        return self.states_a_dose and Analyte.DURATION in self.found

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was said."""
        return self == Amounts()

    def add(self, kind: Analyte, amount: Extent, words: str) -> None:
        """Note an amount of a kind of its own."""
        self.found[kind] = self._agreed(self.found.get(kind), amount, words)

    def add_volume(self, name: str, amount: Extent) -> None:
        """Note a volume in mL: "drug_ml", "diluent_ml" or "total_ml"."""
        words = name.removesuffix("_ml")
        setattr(self, name, self._agreed(getattr(self, name), amount, f"{words} volume"))

    def _agreed(self, known: Extent | None, amount: Extent, words: str) -> Extent:
        if known is None:
            return amount
        joined = known.joined(amount)
        if joined.high > joined.low * (1 + _SAME) and not (known.low == amount.low and known.high == amount.high):
            self.problems.append(f"more than one {words} is given ({plain(joined.low)} and {plain(joined.high)})")
        return joined

    def absorb(self, other: Amounts) -> None:
        """Take in what another source says of the same infusion."""
        for kind, amount in other.found.items():
            self.add(kind, amount, kind.value)
        for name in ("drug_ml", "diluent_ml", "total_ml"):
            volume = getattr(other, name)
            if volume is not None:
                self.add_volume(name, volume)
        self.cap_mg = self.cap_mg or other.cap_mg
        self.cap_kg = self.cap_kg or other.cap_kg
        self.for_kg = self.for_kg or other.for_kg
        self.number = self.number or other.number
        self.problems += other.problems


def infusions_in(written: str) -> list[Amounts]:
    """The infusions a dosage text describes, in its order; none when it gives no amount of drug.

    Without any dose the amounts of a text still come back, as one entry without a dose.
    """
    folded = _folded(written)
    bags: list[Amounts] = []
    pending = Amounts()
    for clause in (piece for piece in _BREAK.split(folded) if piece and piece.strip()):
        for amounts in _clause(clause):
            if amounts.states_a_dose:
                amounts.absorb(pending)
                pending = Amounts()
                bags.append(amounts)
            elif bags:
                bags[-1].absorb(amounts)
            else:
                pending.absorb(amounts)
    if len(written) > _MOST_READ:
        (bags[-1] if bags else pending).problems.append("the dosage text is too long to be read to its end")
    return bags or ([pending] if pending.found or pending.problems or pending.diluent_ml else [])


def _folded(written: str) -> str:
    """Lower case, one kind of micro sign and of thousands blank, hours in digits."""
    text = _THOUSANDS_BLANK.sub("", written[:_MOST_READ]).casefold()
    text = text.replace("\u00b5", "u").replace("\u03bc", "u").replace("\u2044", "/")
    text = _WORDED.sub(lambda found: _WORDED_NUMBERS[found[1]], text)
    text = _SUM.sub(" ", text)
    return re.sub(r"\b(over|for|in)\s+an\s+hour\b", r"\1 1 hour", text)


def _clause(clause: str) -> list[Amounts]:
    """The infusions of one clause: a dose after a complete infusion begins the next."""
    number, rest = _numbered(clause)
    rest = _STRENGTH.sub(_concentration, rest)
    amounts = [Amounts(number=number)]
    if _REPEATED.search(rest):
        amounts[0].problems.append("it is written as a repeated dose; each bag is given once")
    for found in _AMOUNT.finditer(rest):
        _note(amounts, found, rest)
    return amounts


def _numbered(clause: str) -> tuple[int | None, str]:
    label = _LABEL.search(clause)
    if label is not None:
        return int(label["number"]), f"{clause[: label.start()]} : {clause[label.end() :]}"
    return next((number for pattern, number in _ORDINALS if pattern.search(clause)), None), clause


def _concentration(found: re.Match[str]) -> str:
    """What a mass in a volume means: "6 g/30 mL" is a strength, "10,500 mg/252.5 mL" the content of a bag."""
    volume = _value(found["volume"])
    factor = unit_factor(Analyte.DOSE, found["unit"])
    if not volume or factor is None:
        return found[0]
    mass = _value(found["mass"]) * factor
    if volume > _LARGEST_VIAL_ML:
        return f" {mass:g} mg in total volume {volume:g} ml "
    return f" {mass / volume:g} mg/ml "


def _value(written: str) -> float:
    """The number: a comma before three digits separates thousands, before one or two it is the decimal sign."""
    if re.fullmatch(r"\d+,\d{1,2}", written):
        return float(written.replace(",", "."))
    return float(written.replace(",", ""))


def _kind_of(unit: str) -> tuple[Analyte, float] | None:
    kinds = (
        *_DOSES, Analyte.DURATION, Analyte.VOLUME, Analyte.VOLUME_RATE, Analyte.VOLUME_PER_KG, Analyte.CONCENTRATION,
    )  # fmt: skip
    return next(((kind, factor) for kind in kinds if (factor := unit_factor(kind, unit)) is not None), None)


def _note(amounts: list[Amounts], found: re.Match[str], clause: str) -> None:
    """Put one amount where it belongs."""
    before, after = clause[: found.start()], clause[found.end() :]
    low, high = _value(found["low"]), _value(found["high"] or found["low"])
    unit = found["unit"]
    here = amounts[-1]
    if _is_ambiguous(found, before):
        here.problems.append(f"the number {(before[-4:] + found[0]).strip()!r} can be read in two ways")
        return
    if _UNIT_GOES_ON.search(after):
        here.problems.append(f"the unit of {found[0]!r} goes on in a way that is not read")
        return
    if unit == "kg":
        _note_weight(here, low, before, after)
        return
    known = _kind_of(unit)
    if known is None:
        here.problems.append(f"the unit {unit!r} is not known")
        return
    kind, factor = known
    amount = Extent(min(low, high), max(low, high)).times(factor)
    if kind in _DOSES:
        _note_dose(amounts, kind, amount, is_limit=_is_limit(before, after))
    elif kind is Analyte.VOLUME:
        _note_volume(here, amount, before, after)
    elif kind is Analyte.DURATION:
        _note_duration(here, amount, before, after)
    elif kind is not Analyte.CONCENTRATION:
        here.add(kind, amount, kind.value)


def _is_ambiguous(found: re.Match[str], before: str) -> bool:
    """Whether it is such as "10 500 mg" or "10.500 mg": a blank or a point that may separate thousands."""
    is_split = re.search(r"(?<![\w.,])\d{1,3} $", before) is not None and len(found["low"].split(".")[0]) == 3  # noqa: PLR2004 -- a group of thousands
    is_pointed = found["unit"] in {"mg", "mgs"} and re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", found["low"]) is not None
    return is_split or is_pointed


def _is_limit(before: str, after: str) -> bool:
    return _LIMIT_BEFORE.search(before) is not None or _LIMIT_AFTER.search(after) is not None


def _note_weight(here: Amounts, weight_kg: float, before: str, after: str) -> None:
    """A weight is the cap of the dose, or what the dose is calculated for; any other is left alone."""
    if _is_limit(before, after):
        here.cap_kg = weight_kg
    elif _WEIGHT_BEFORE.search(before) and weight_kg > 0:
        here.for_kg = weight_kg


def _note_dose(amounts: list[Amounts], kind: Analyte, amount: Extent, *, is_limit: bool) -> None:
    if is_limit:
        amounts[-1].cap_mg = amount.high if kind is Analyte.DOSE else amounts[-1].cap_mg
        return
    known = amounts[-1].found.get(kind)
    if amounts[-1].is_complete and known is not None and known != amount:
        amounts.append(Amounts())
    amounts[-1].add(kind, amount, kind.value)


def _note_volume(here: Amounts, amount: Extent, before: str, after: str) -> None:
    if _TOTAL_BEFORE.search(before) or _TOTAL_AFTER.search(after):
        here.add_volume("total_ml", amount)
    elif _DRUG_AFTER.search(after) or _DRUG_BEFORE.search(before):
        here.add_volume("drug_ml", amount)
    elif _DILUENT_AFTER.search(after) or _DILUENT_BEFORE.search(before):
        here.add_volume("diluent_ml", amount)
    else:
        here.problems.append(f"{plain(amount.high)} mL is neither said to be drug nor diluent")


def _note_duration(here: Amounts, amount: Extent, before: str, after: str) -> None:
    if not _NOT_A_DURATION.search(before) and not _IS_ALL.search(after) and amount.high > 0:
        here.add(Analyte.DURATION, amount, "duration in h")
