"""The sources behind the rules, each cited once.

Facts marked `verify_locally` were read second-hand and need checking against the source before use.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """A citable source: `short` fits a card, `strength` is the grade as the source gives it."""

    key: str
    short: str
    citation: str
    strength: str
    url: str | None = None
    verify_locally: bool = False


AGA_2017 = Evidence(
    "aga-2017",
    "AGA 2017, acute liver failure",
    "American Gastroenterological Association Institute guidelines for the diagnosis and management of acute "
    "liver failure. Gastroenterology 2017;152:644-647.",
    "strong recommendation, low-certainty evidence (mortality RR 0.65, 95 % CI 0.43-0.99; one 50-patient trial "
    "reproduces the figure)",
    "https://doi.org/10.1053/j.gastro.2016.12.026",
)
AGA_2017_TRIAL_ONLY = Evidence(
    "aga-2017-non-apap",
    "AGA 2017, non-acetaminophen ALF: NAC only in a clinical trial",
    AGA_2017.citation,
    "no recommendation outside trials; post-hoc, unvalidated signal in grade 1-2 encephalopathy",
    AGA_2017.url,
)
ACG_2023 = Evidence(
    "acg-2023",
    "ACG 2023, acute liver failure: suggests IV NAC in non-acetaminophen ALF",
    "ACG clinical guideline: acute liver failure. Am J Gastroenterol 2023;118:1128-1153.",
    "suggestion (conditional)",
    "https://doi.org/10.14309/ajg.0000000000002340",
)
US_CONSENSUS_2023 = Evidence(
    "us-consensus-2023",
    "US and Canadian consensus 2023",
    "Management of acetaminophen poisoning in the US and Canada: a consensus statement. "
    "JAMA Netw Open 2023;6(8):e2327739.",
    "expert consensus",
    "https://doi.org/10.1001/jamanetworkopen.2023.27739",
)
FDA_LABEL = Evidence(
    "fda-label",
    "FDA label, acetylcysteine injection",
    "US prescribing information, acetylcysteine injection 200 mg/mL: indications and usage; dosage and administration.",
    "approved labelling",
)
FDA_LABEL_TWO_BAG = Evidence(
    "fda-label-two-bag",
    "FDA label 2024, two-bag acetylcysteine",
    "US prescribing information, acetylcysteine injection, 2024 revision with the two-bag regimen from 41 kg.",
    "approved labelling, read second-hand",
    verify_locally=True,
)
MHRA_2012 = Evidence(
    "mhra-2012",
    "MHRA/CHM 2012, United Kingdom",
    "Paracetamol overdose: new guidance on use of intravenous acetylcysteine. Medicines and Healthcare products "
    "Regulatory Agency, Drug Safety Update, September 2012; TOXBASE for regimens.",
    "regulatory guidance: single line at 100 mg/L, staggered overdoses treated",
    verify_locally=True,
)
SNAP_2014 = Evidence(
    "snap-2014",
    "SNAP regimen, United Kingdom",
    "Bateman DN et al. Reduction of adverse effects from intravenous acetylcysteine treatment for paracetamol "
    "poisoning. Lancet 2014;383:697-704; taken up by TOXBASE.",
    "randomised trial of adverse effects; adopted in UK practice",
    "https://doi.org/10.1016/S0140-6736(13)62062-0",
    verify_locally=True,
)
ANZ_2019 = Evidence(
    "anz-2019",
    "Australia and New Zealand 2019",
    "Chiew AL et al. Updated guidelines for the management of paracetamol poisoning in Australia and New Zealand. "
    "Med J Aust 2020;212:175-183.",
    "expert consensus",
    "https://doi.org/10.5694/mja2.50428",
    verify_locally=True,
)
RUMACK_MATTHEW = Evidence(
    "rumack-matthew",
    "Rumack-Matthew nomogram, treatment line 150 mg/L at 4 h",
    "Rumack BH, Matthew H. Acetaminophen poisoning and toxicity. Pediatrics 1975;55:871-876; line lowered to 150 mg/L "
    "at 4 h in US practice.",
    "consensus",
)
KINGS_COLLEGE = Evidence(
    "kings-college",
    "King's College criteria (acetaminophen)",
    "O'Grady JG et al. Early indicators of prognosis in fulminant hepatic failure. Gastroenterology 1989;97:439-445; "
    "lactate and phosphate as later additions.",
    "prognostic criteria",
)
CHEST_CTS_2015 = Evidence(
    "chest-cts-2015",
    "CHEST/CTS 2015, COPD exacerbations",
    "Prevention of acute exacerbations of COPD: American College of Chest Physicians and Canadian Thoracic Society "
    "guideline. Chest 2015;147:894-942.",
    "2B: oral NAC 600 mg twice daily (1,006-patient trial 1.16 vs 1.49 exacerbations/year, RR 0.78; better in GOLD II "
    "than III; no mortality benefit)",
    "https://doi.org/10.1378/chest.14-1676",
)
CFF_2013 = Evidence(
    "cff-2013",
    "Cystic Fibrosis Foundation, chronic medications",
    "Cystic fibrosis pulmonary guidelines: chronic medications for maintenance of lung health. "
    "Am J Respir Crit Care Med 2013;187:680-689.",
    "grade I: evidence insufficient for or against inhaled or oral NAC from 6 years of age, net benefit zero",
    "https://doi.org/10.1164/rccm.201207-1160OE",
)
ERS_ATS_2017 = Evidence(
    "ers-ats-2017",
    "ERS/ATS 2017, prevention of COPD exacerbations",
    "Prevention of COPD exacerbations: a European Respiratory Society/American Thoracic Society guideline. "
    "Eur Respir J 2017;50:1602265.",
    "conditional: oral mucolytic in moderate-severe obstruction with exacerbations despite optimal inhaled therapy",
    "https://doi.org/10.1183/13993003.02265-2016",
)
REVIEW_CAVEATS = Evidence(
    "label-and-reviews",
    "Label and reviews",
    "Acetylcysteine labelling and reviews: route, tolerability, assay interference, adsorption by charcoal.",
    "descriptive",
    verify_locally=True,
)
SERVICE_ASSUMPTION = Evidence(
    "service-assumption",
    "Assumption of this service",
    "Chosen by the authors where no guideline gives a number; needs local sign-off.",
    "no guideline gives the number",
    verify_locally=True,
)

EXTRIP_2014 = Evidence(
    "extrip-2014",
    "EXTRIP 2014, extracorporeal treatment for acetaminophen poisoning",
    "Gosselin S et al. Extracorporeal treatment for acetaminophen poisoning: recommendations from the EXTRIP "
    "workgroup. Clin Toxicol (Phila) 2014;52:856-867.",
    "workgroup consensus on very low quality evidence (1D)",
    "https://doi.org/10.3109/15563650.2014.946994",
    verify_locally=True,
)

ALL_EVIDENCE: tuple[Evidence, ...] = (
    AGA_2017,
    AGA_2017_TRIAL_ONLY,
    ACG_2023,
    US_CONSENSUS_2023,
    FDA_LABEL,
    FDA_LABEL_TWO_BAG,
    MHRA_2012,
    SNAP_2014,
    ANZ_2019,
    RUMACK_MATTHEW,
    KINGS_COLLEGE,
    CHEST_CTS_2015,
    CFF_2013,
    ERS_ATS_2017,
    EXTRIP_2014,
    REVIEW_CAVEATS,
    SERVICE_ASSUMPTION,
)
