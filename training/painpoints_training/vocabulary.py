"""A smaller WordPiece vocabulary: the pieces that English feedback needs, renumbered.

model2vec's own distillation would prune too, but its `distill` extra wants an older transformers
than this project runs on (docs/decisions/0030-static-encoder-by-hand.md).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True, slots=True)
class Pruned:
    """A tokenizer over fewer pieces; `kept` holds the old id of each new one."""

    tokenizer: Tokenizer
    kept: tuple[int, ...]


def prune(tokenizer: Tokenizer, texts: Iterable[str], *, extra: int = 0) -> Pruned:
    """Keep special tokens, plain ASCII characters, the pieces of `texts`, and `extra` more.

    The `extra` ones are the whole words that come first in the old vocabulary (it is ordered by
    frequency), so that words not seen here still have a piece of their own.
    """
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    used = _used(tokenizer, texts) | {name for name, _ in pieces if _always(name)}
    more = [name for name, _ in pieces if name.isascii() and name.isalnum() and name not in used]
    wanted = used | set(more[:extra])
    kept = [(name, number) for name, number in pieces if name in wanted]
    return Pruned(
        tokenizer=_renumbered(tokenizer, [name for name, _ in kept]),
        kept=tuple(number for _, number in kept),
    )


def _used(tokenizer: Tokenizer, texts: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        found.update(encoding.tokens)
    return found


def _always(name: str) -> bool:
    bare = name.removeprefix("##")
    return name in SPECIAL or (len(bare) == 1 and bare.isascii())


def _renumbered(tokenizer: Tokenizer, names: Sequence[str]) -> Tokenizer:
    spec = json.loads(tokenizer.to_str())
    number = {name: place for place, name in enumerate(names)}
    spec["model"]["vocab"] = number
    spec["truncation"] = None
    spec["padding"] = None
    for token in spec["added_tokens"]:
        token["id"] = number[token["content"]]
    for name, facts in spec["post_processor"]["special_tokens"].items():
        facts["ids"] = [number[name]]
    return Tokenizer.from_str(json.dumps(spec))
