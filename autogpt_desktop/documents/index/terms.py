"""Words for the index of passages, in every kind of writing.

Scripts without spaces are cut into overlapping pairs of characters, as is usual where no dictionary
is at hand, and into single ones, so that a word of two characters and one of one are both found.
SQLite's own tokenizer folds accents and takes English endings off (Porter 1980), of query and text
alike.
"""

from __future__ import annotations

import unicodedata

from autogpt_desktop.documents.text.scripts import UNSPACED, token_pattern

TOKENIZER = "porter unicode61 remove_diacritics 2"
MAX_TERMS = 64  # of a query; a pasted page is not a question

_TOKEN = token_pattern(UNSPACED, "'’")
_ENGLISH = (
    "a an and are as at be been by did do does for from had has have how i in is it its many much of on or"
    " s t that the their them there these they this those to was were what when where which who whom whose"
    " why will with would you your"
)
_OTHERS = (
    "le la les un une des du de et est en dans que qui quel quelle quels quelles pour par sur avec"
    " der die das den dem des ein eine und ist in im von zu mit wie was wer wo wann welche welcher"
    " el los las una y es que cuál qué quién cómo dónde cuándo por para con"
    " il lo gli una e è di che per con come cosa chi dove quando o os as um uma é do da no na"
)
_STOP = frozenset(f"{_ENGLISH} {_OTHERS}".split())


def index_words(text: str) -> str:
    """``text`` as it goes into the index. Must stay as it is: the same words take an entry out again."""
    out = []
    for match in _TOKEN.finditer(_folded(text)):
        run = match[1]
        if run:
            out += list(run)
            out += [run[at : at + 2] for at in range(len(run) - 1)]
        else:
            out.append(match[0].replace("'", "").replace("’", ""))
    return " ".join(out)


def query_words(query: str) -> list[str]:
    """The terms of a question, each once: pairs of characters, and words that say something."""
    terms: dict[str, None] = {}
    common: dict[str, None] = {}
    for match in _TOKEN.finditer(_folded(query)):
        run = match[1]
        if run:
            pairs = [run[at : at + 2] for at in range(len(run) - 1)] or [run]
            terms |= dict.fromkeys(pairs)
        else:
            word = match[0].removesuffix("'s").removesuffix("’s").replace("'", "").replace("’", "")
            (common if word in _STOP else terms)[word] = None
    return list(terms or common)[:MAX_TERMS]


def match_expression(query: str) -> str:
    """An FTS5 expression: any of the words. ``""``: there is no word in it."""
    return " OR ".join(f'"{word}"' for word in query_words(query))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text.replace("\0", " ")).casefold()
