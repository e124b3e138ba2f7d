"""The languages of Hugging Face's encoder–decoders: what the folders call them, and ISO 639-1 for it.

M2M100 has tokens such as ``__fr__``, NLLB ``fra_Latn`` (ISO 639-3 and a script), OPUS-MT models of several
target languages ``>>fra<<``; those of one pair name it in tokenizer_config.json.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from autogpt_desktop.regular_file import read_if_there

# in the order of their tokens, which stand behind the vocabulary
_M2M100 = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha "
    "he hi hr ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my "
    "ne nl no ns oc or pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi "
    "wo xh yi yo zh zu"
)
M2M100_CODES = _M2M100.split()
WMT21_CODES = ["en", "ha", "is", "ja", "cs", "ru", "zh", "de"]
# ISO 639-3 → 639-1, of the languages that the models know; members stand for their macrolanguage
_PAIRS = (
    "afr:af amh:am ara:ar arb:ar asm:as aze:az azj:az bak:ba bel:be ben:bn bod:bo bos:bs bre:br "
    "bul:bg cat:ca ces:cs cmn:zh cym:cy dan:da deu:de dzo:dz ell:el eng:en epo:eo est:et eus:eu "
    "ewe:ee fao:fo fas:fa pes:fa fij:fj fin:fi fra:fr fry:fy gla:gd gle:ga glg:gl grn:gn guj:gu "
    "hat:ht hau:ha heb:he hin:hi hrv:hr hun:hu hye:hy ibo:ig ind:id isl:is ita:it jav:jv jpn:ja "
    "kan:kn kas:ks kat:ka kaz:kk khm:km kik:ki kin:rw kir:ky kor:ko kmr:ku kur:ku lao:lo lav:lv "
    "lvs:lv lim:li lin:ln lit:lt ltz:lb lug:lg mal:ml mar:mr mkd:mk mlg:mg plt:mg mlt:mt mon:mn "
    "khk:mn mri:mi msa:ms zsm:ms mya:my nep:ne npi:ne nld:nl nno:nn nob:no nor:no nya:ny oci:oc "
    "ori:or ory:or pan:pa pol:pl por:pt pus:ps pbt:ps quy:qu ron:ro run:rn rus:ru sag:sg san:sa "
    "sin:si slk:sk slv:sl smo:sm sna:sn snd:sd som:so sot:st spa:es sqi:sq als:sq srd:sc srp:sr "
    "ssw:ss sun:su swa:sw swh:sw swe:sv tam:ta tat:tt tel:te tgk:tg tgl:tl tha:th tir:ti tsn:tn "
    "tso:ts tuk:tk tur:tr twi:tw uig:ug ukr:uk urd:ur uzb:uz uzn:uz vie:vi wol:wo xho:xh ydd:yi "
    "yid:yi yor:yo zho:zh zul:zu"
)
_ISO1 = dict(pair.split(":") for pair in _PAIRS.split())
_SCRIPTED = re.compile(r"([a-z]{2,3})_([A-Z][a-z]{3})")
_TARGET = re.compile(r">>([A-Za-z]{2,3}(?:_[A-Za-z]{2,8})?)<<")
_USUAL = {"zh": "Hans", "sr": "Cyrl", "ks": "Arab", "bjn": "Latn", "ace": "Latn", "kr": "Latn"}
_GROUPS = frozenset(
    ("mul", "roa", "gem", "gmw", "gmq", "sla", "zle", "zlw", "zls", "bat", "cel", "itc", "afa", "sem")
)
_MOST = 1000  # languages of a model


def iso1(code: str) -> str:
    """ISO 639-1 for a code of any of the kinds, with "-hant" for traditional Chinese; else the 639-3 code."""
    base, _, script = code.replace("-", "_").partition("_")
    found = _ISO1.get(base.lower(), base.lower())
    return f"{found}-hant" if found == "zh" and script.lower() in ("hant", "tw", "hk") else found


def by_language(codes: dict[str, int]) -> dict[str, str]:
    """The one of ``codes`` for each language: where there are several scripts, the usual one."""
    found: dict[str, str] = {}
    for code in codes:
        language = iso1(code)
        script = code.partition("_")[2]
        if language not in found or script == _USUAL.get(language):
            found[language] = code
    return found


def folder_languages(folder: Path, family: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """(languages, pairs): what a folder translates. No pairs: between all of its languages."""
    settings = _json(folder / "tokenizer_config.json")
    if family == "m2m_100":
        tokens = set(_tokens(settings) + _tokens(_json(folder / "special_tokens_map.json")))
        own = [token for token in tokens if _SCRIPTED.fullmatch(token)]
        if own or str(settings.get("tokenizer_class", "")).startswith("Nllb"):
            own = own or [t for t in _added(folder) if _SCRIPTED.fullmatch(t)]
            return tuple(sorted({iso1(token) for token in own})), ()
        codes = WMT21_CODES if settings.get("language_codes") == "wmt21" else M2M100_CODES
        return tuple(codes), ()
    source, target = (settings.get(f"{side}_lang") for side in ("source", "target"))
    targets = target_codes(_json(folder / "vocab.json"))
    if not isinstance(source, str) or not isinstance(target, str):
        match = re.search(r"(?:^|[-_])([a-z]{2,3})-([a-z]{2,3})$", folder.name)  # opus-mt-en-fr
        source, target = (match[1], match[2]) if match else ("", "")
    sources = [iso1(source)] if _is_code(source) else []
    into = sorted({iso1(code) for code in targets}) or ([iso1(target)] if _is_code(target) else [])
    pairs = tuple((a, b) for a in sources for b in into if a != b)
    return tuple(dict.fromkeys((*sources, *into))), pairs


def target_codes(vocabulary: dict[str, Any]) -> dict[str, int]:
    """What stands in ``>>fra<<`` and the like, with the token's id."""
    found = {}
    for token, id in vocabulary.items():
        if token.startswith(">>") and (match := _TARGET.fullmatch(token)) and type(id) is int:
            found[match[1]] = id
    return found if len(found) <= _MOST else {}


def is_scripted(token: str) -> bool:
    """Is it a language of NLLB, such as ``fra_Latn``?"""
    return bool(_SCRIPTED.fullmatch(token))


def _is_code(code: str) -> bool:
    """One language, not a group such as "mul" or "ROMANCE"."""
    return bool(re.fullmatch(r"[a-z]{2,3}", code)) and code not in _GROUPS


def _json(file: Path) -> dict[str, Any]:
    value = json.loads(read_if_there(file, "{}"))
    return value if isinstance(value, dict) else {}


def _tokens(table: dict[str, Any]) -> list[str]:
    found = []
    for key in ("additional_special_tokens", "extra_special_tokens"):
        for token in table.get(key) or []:
            text = token.get("content") if isinstance(token, dict) else token
            if isinstance(text, str):
                found.append(text)
    return found


def _added(folder: Path) -> list[str]:
    tokens = _json(folder / "tokenizer.json").get("added_tokens") or []
    return [str(token.get("content")) for token in tokens if isinstance(token, dict)]
