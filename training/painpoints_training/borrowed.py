"""Labels borrowed from public sets: what their own annotation says in the terms of this project.

Only what follows from a set's definition is taken; every other label of the row stays null and
teaches nothing. Intents are requests told to an agent, so their stage is what the request is
about (docs/labels.md, rule h). Sentiment comes from sets that annotate it.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import polars as pl

from painpoints_training.corpus import SCHEMA

PER_INTENT = 40
"""Rows taken of one intent, so that no request dominates."""

PER_SET = 3_000
"""Rows taken of one sentiment set."""

INTENTS: Mapping[str, Mapping[tuple[str, str], str]] = {
    "banking77": {
        ("onboarding", "product"): "activate_my_card",
        ("onboarding", "account"): "verify_my_identity unable_to_verify_identity "
        "why_verify_identity verify_source_of_funds",
        ("delivery", "delivery"): "card_arrival card_delivery_estimate",
        ("purchase", "ordering"): "order_physical_card getting_spare_card getting_virtual_card",
        ("consideration", "information"): "age_limit country_support fiat_currency_support "
        "supported_cards_and_currencies",
        ("use", "security"): "lost_or_stolen_card compromised_card card_payment_not_recognised "
        "cash_withdrawal_not_recognised lost_or_stolen_phone direct_debit_payment_not_recognised",
        ("use", "account"): "passcode_forgotten pin_blocked change_pin edit_personal_details",
        ("use", "price"): "card_payment_fee_charged cash_withdrawal_charge transfer_fee_charged "
        "exchange_charge top_up_by_card_charge top_up_by_bank_transfer_charge",
        ("use", "product"): "declined_card_payment declined_cash_withdrawal declined_transfer "
        "failed_transfer pending_transfer pending_top_up top_up_failed card_not_working "
        "contactless_not_working transfer_not_received_by_recipient card_swallowed "
        "balance_not_updated_after_bank_transfer virtual_card_not_working",
        ("use", "payment"): "transaction_charged_twice extra_charge_on_statement",
        ("support", "returns"): "request_refund Refund_not_showing_up",
        ("loyalty", "account"): "terminate_account",
    },
    "bitext_support": {
        ("onboarding", "account"): "registration_problems create_account",
        ("delivery", "delivery"): "delivery_period track_order",
        ("consideration", "delivery"): "delivery_options",
        ("consideration", "payment"): "check_payment_methods",
        ("purchase", "ordering"): "place_order change_order",
        ("support", "ordering"): "cancel_order",
        ("support", "returns"): "get_refund track_refund check_refund_policy",
        ("support", "customer_service"): "contact_customer_service contact_human_agent complaint",
        ("use", "account"): "edit_account recover_password",
        ("use", "payment"): "check_invoice get_invoice",
        ("purchase", "payment"): "payment_issue",
        ("loyalty", "account"): "delete_account",
        ("awareness", "communication"): "newsletter_subscription",
    },
    "multidogo": {
        ("purchase", "ordering"): "bookflight orderpizzaintent orderdrinkintent ordersaladintent "
        "orderburgerintent orderdessertintent startserviceintent startorder",
        ("use", "ordering"): "changeseatassignment getboardingpass",
        ("use", "security"): "reportlostcard",
        ("use", "account"): "updateaddress",
        ("use", "product"): "checkbalance transfermoney reportbrokensoftware",
        ("use", "payment"): "viewbillsintent",
        ("support", "payment"): "disputecharge",
        ("support", "returns"): "checkclaimstatus",
        ("loyalty", "account"): "closeaccount",
        ("none", "none"): "openinggreeting closinggreeting thankyou confirmation rejection",
    },
    "clinc150": {
        ("purchase", "ordering"): "book_flight book_hotel restaurant_reservation car_rental",
        ("support", "ordering"): "cancel_reservation",
        ("delivery", "delivery"): "order_status",
        ("use", "security"): "report_fraud report_lost_card",
        ("use", "account"): "account_blocked",
        ("use", "payment"): "bill_due bill_balance pay_bill",
        ("loyalty", "loyalty_program"): "rewards_balance redeem_rewards",
        ("none", "none"): "greeting goodbye thank_you yes no maybe",
    },
}
"""(stage, touchpoint) of the intents whose definition settles both."""

NHS: Mapping[tuple[str, str], str] = {
    ("use", "staff"): "Attitude Of Staff|Staff: General|Professionalism/Competence Of Staff",
    ("use", "product"): "Food|Activities|Therapies|Physical care|Emotional care",
    (
        "use",
        "premises",
    ): "Cleanliness|Environment/ facilities|Facilities/equipment|Parking/transport",
}
"""(stage, touchpoint) of the subcategories of nhs_fft_phase1 that settle both."""


def borrowed(data: Path, *, without: Iterable[str], seed: int) -> pl.DataFrame:
    """Return rows like those of `corpus`, most labels null.

    Args:
        data: the folder of the public sets.
        without: texts that only measure; none of them is returned.
        seed: of the sample.
    """
    rng = random.Random(seed)  # noqa: S311 - a sample, no secret
    rows = [*_intents(data, rng), *_nhs_places(data, rng), *_sentiments(data, rng)]
    frame = pl.DataFrame(rows, schema=SCHEMA).unique("text", maintain_order=True)
    unseen = unmeasured(without)
    return frame.filter([unseen(text) for text in frame["text"]])


def unmeasured(without: Iterable[str]) -> Callable[[str], bool]:
    """Return what tells whether a text is none of `without`, however it is spaced and cased."""
    measured = {_folded(text) for text in without}
    return lambda text: _folded(text) not in measured


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


INTENT_SETS = ("banking77", "clinc150", "bitext_support")
"""Sets whose intents are contrasted: one intent, one meaning."""

POOL: Mapping[str, int] = {
    "banking77": 3000, "clinc150": 3000, "multidogo": 4000, "nhs_fft_v6": 2500,
    "nhs_fft_phase1": 2500, "bitext_support": 1000, "mams": 1500, "goemotions": 2000,
    "cfpb_complaints": 500, "star_dialogues": 2000, "app_opinions_dabrowski": 800,
}  # fmt: skip
"""How many texts of each set are drawn, to learn a larger encoder's vectors on."""


def intents(data: Path, *, without: Iterable[str]) -> dict[str, list[str]]:
    """Return the texts of each intent of `INTENT_SETS`, at least five each."""
    unseen, found = unmeasured(without), {}
    for name in INTENT_SETS:
        rows = _read(data, name).filter(pl.col("intent") != "oos")
        grouped = rows.group_by("intent", maintain_order=True).agg("text")
        for intent, texts in grouped.iter_rows():
            kept = [text for text in dict.fromkeys(texts) if unseen(text)]
            if len(kept) >= 5:
                found[f"{name}/{intent}"] = kept
    return found


def pool(data: Path, *, without: Iterable[str], seed: int) -> list[str]:
    """Return distinct texts like those that the encoders will meet."""
    rng = random.Random(seed)  # noqa: S311 - a sample, no secret
    unseen = unmeasured(without)
    texts = [
        text
        for name, size in POOL.items()
        for text in _sample(_read(data, name)["text"].to_list(), size, rng)
    ]
    return [text for text in dict.fromkeys(texts) if unseen(text)]


def _row(source: str, number: int, text: str, **labels: str | None) -> dict[str, object]:
    empty = dict.fromkeys(SCHEMA)
    row = {"id": f"{source}-{number}", "source": source, "text": text, "context": text}
    return {**empty, **row, "natural": False, **labels}


def _read(data: Path, name: str) -> pl.DataFrame:
    rows = pl.read_parquet(data / name / "data.parquet")
    sized = pl.col("text").str.len_chars().is_between(2, 240)
    in_train = pl.col("split") != "test" if "split" in rows.columns else pl.lit(value=True)
    return rows.filter(sized & in_train)


def _sample(texts: list[str], size: int, rng: random.Random) -> list[str]:
    distinct = list(dict.fromkeys(texts))
    return rng.sample(distinct, min(size, len(distinct)))


def _intents(data: Path, rng: random.Random) -> list[dict[str, object]]:
    found = []
    for name, mapping in INTENTS.items():
        rows = _read(data, name)
        for (stage, touchpoint), intents in mapping.items():
            bare = {"sentiment": "neutral", "type": "other", "severity": "0"}
            others = bare if stage == "none" else {}
            for intent in intents.split():
                texts = _sample(rows.filter(intent=intent)["text"].to_list(), PER_INTENT, rng)
                found += [
                    _row(name, n, text, stage=stage, touchpoint=touchpoint, **others)
                    for n, text in enumerate(texts)
                ]
    return found


def _nhs_places(data: Path, rng: random.Random) -> list[dict[str, object]]:
    rows = _read(data, "nhs_fft_phase1")
    found = []
    for (stage, touchpoint), names in NHS.items():
        texts = rows.filter(pl.col("subcategory").is_in(names.split("|")))
        polarity = {row["text"]: _polarity(row["criticality"]) for row in texts.to_dicts()}
        for n, text in enumerate(_sample(texts["text"].to_list(), 400, rng)):
            labels = {"stage": stage, "touchpoint": touchpoint, "sentiment": polarity[text]}
            found.append(_row("nhs_fft_phase1", n, text, **labels))
    return found


def _polarity(criticality: float | None) -> str | None:
    if not criticality:
        return None
    return "positive" if criticality > 0 else "negative"


def _sentiments(data: Path, rng: random.Random) -> list[dict[str, object]]:
    sets = {
        "nhs_fft_v6": _nhs_sentiment(data),
        "nhs_fft_phase1": _criticality(data),
        "goemotions": _emotions(data),
        "app_opinions_dabrowski": _opinions(data),
    }
    return [
        _row(name, n, text, sentiment=sentiment)
        for name, pairs in sets.items()
        for n, (text, sentiment) in enumerate(rng.sample(pairs, min(PER_SET, len(pairs))))
    ]


def _nhs_sentiment(data: Path) -> list[tuple[str, str]]:
    rows = _read(data, "nhs_fft_v6").filter(~pl.col("is_empty_answer"))
    names = {1.0: "positive", 2.0: "positive", 4.0: "negative", 5.0: "negative"}
    pairs = rows.select("text", "sentiment_5").iter_rows()
    return [(text, names[mark]) for text, mark in pairs if mark in names and len(text) > 12]


def _criticality(data: Path) -> list[tuple[str, str]]:
    rows = _read(data, "nhs_fft_phase1").filter(pl.col("criticality").abs() >= 2)
    pairs = (
        (text, _polarity(mark)) for text, mark in rows.select("text", "criticality").iter_rows()
    )
    return [(text, mark) for text, mark in pairs if mark and len(text) > 12]


def _emotions(data: Path) -> list[tuple[str, str]]:
    rows = _read(data, "goemotions").filter(pl.col("group").list.len() == 1)
    pairs = rows.select("text", pl.col("group").list.first()).iter_rows()
    return [(text, mark) for text, mark in pairs if mark in {"positive", "negative", "neutral"}]


def _opinions(data: Path) -> list[tuple[str, str]]:
    rows = _read(data, "app_opinions_dabrowski")
    counts = {name: pl.col(f"features_{name}").list.len() for name in ("positive", "negative")}
    good = rows.filter((counts["positive"] > 0) & (counts["negative"] == 0))["text"]
    bad = rows.filter((counts["negative"] > 0) & (counts["positive"] == 0))["text"]
    return [*((text, "positive") for text in good), *((text, "negative") for text in bad)]
