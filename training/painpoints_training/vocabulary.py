"""A smaller WordPiece vocabulary: the pieces that English feedback needs, renumbered, and pairs of them.

model2vec's own distillation would prune too, but its `distill` extra wants an older transformers
than this project runs on (docs/decisions/0030-static-encoder-by-hand.md).
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Regex, Tokenizer
from tokenizers.normalizers import Replace
from tokenizers.normalizers import Sequence as Sequential

from painpoints.wordtable import Vocabulary

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


JOINER = "ǂ"
"""A letter of no word in English: it stands where a blank after a denial stood."""

DENIALS = ("not", "no", "never", "nor", "hardly", "barely", "cannot", "without", "nothing", "nobody",
           "t", "dont", "didnt", "doesnt", "cant", "wont", "isnt", "wasnt", "couldnt", "wouldnt")  # fmt: skip
"""Words after which the next one means its opposite; "t" ends "wasn't" once that is split."""

BETWEEN = ("very", "so", "really", "that", "at all", "be", "been", "a", "any", "the", "all")
"""Words that may stand between a denial and what it denies."""

N_WHOLE = 3_000
N_DENIED = 2_500


def with_denials(tokenizer: Tokenizer, texts: Sequence[str]) -> Tokenizer:
    """Return a tokenizer that tells "not helpful" from "helpful", for an encoder that takes a mean.

    The blank after a denial becomes `JOINER`, so that the next word is cut as a continuation with
    a vector of its own. The commonest such words, and the commonest words that were in several
    pieces ("unhelpful"), get a piece each.
    """
    after = [rf"\b{word}" for word in DENIALS], [f"{JOINER}{word}" for word in BETWEEN]
    blanks = [Regex(f"(?<={'|'.join(words)}) +(?=[a-z])") for words in after]
    joined = Tokenizer.from_str(tokenizer.to_str())
    joined.normalizer = Sequential([joined.normalizer, *(Replace(one, JOINER) for one in blanks)])
    added = [f"##{JOINER}", *_commonest(joined, texts)]
    spec = json.loads(joined.to_str())
    vocabulary = spec["model"]["vocab"]
    for piece in added:
        vocabulary.setdefault(piece, len(vocabulary))
    return Tokenizer.from_str(json.dumps(spec))


def _commonest(tokenizer: Tokenizer, texts: Iterable[str]) -> list[str]:
    whole: Counter[str] = Counter()
    denied: Counter[str] = Counter()
    known = tokenizer.get_vocab()
    for text in texts:
        cut = tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))
        for word, _ in cut:
            first, *rest = word.split(JOINER)
            whole.update([first] if first.isascii() and first not in known else [])
            denied.update(f"##{JOINER}{one}" for one in rest)
    return [word for word, _ in (*whole.most_common(N_WHOLE), *denied.most_common(N_DENIED))]


N_PAIRS = 28_000
LEAST = 4
"""Times that a pair of neighbours occurs at least to get a vector of its own."""


def with_pairs(tokenizer: Tokenizer, texts: Sequence[str]) -> Vocabulary:
    """Return the pieces of `tokenizer` and the commonest pairs of neighbours in `texts`."""
    alone = Vocabulary(tokenizer, np.zeros((0, 2), np.int32))
    pieces, starts = alone.pieces(texts)
    follows = np.ones(len(pieces), bool)
    follows[starts[starts < len(pieces)]] = False
    later = np.flatnonzero(follows)
    keys, counts = np.unique(alone.keys(pieces[later - 1], pieces[later]), return_counts=True)
    commonest = np.argsort(-counts, kind="stable")[:N_PAIRS]
    kept = keys[np.sort(commonest[counts[commonest] >= LEAST])]
    return Vocabulary(tokenizer, np.stack(np.divmod(kept, alone.n_pieces), 1).astype(np.int32))


def spoken(piece: str) -> str:
    """Return what a piece says when it stands alone: "##ǂhelpful" says "not helpful"."""
    bare = piece.removeprefix("##")
    return f"not {bare.removeprefix(JOINER)}".strip() if bare.startswith(JOINER) else bare
