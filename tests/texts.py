"""A long text in many scripts, made the same way every time: food for tokenisers and search."""

from __future__ import annotations

import random

SENTENCES = (
    "The quick brown fox doesn't jump over 13 lazy dogs; they'll wait, I'm sure, until we've left.",
    "Prices rose 3.14% in 1999, from $1,234.50 to £2,000—an “unheard-of” leap… (see p. 42).",
    "Der Käufer zahlt für Größe XXL 12,50 €, übrigens fristgemäß — Straße Nr. 7b.",
    "Ça va très bien, merci ; l'été dernier, j'ai vécu à l'Haÿ-les-Roses.",
    "El niño comió piñas y preguntó: ¿dónde está mi mamá? ¡Ay, qué lástima!",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. Подъезд №5.",
    "Ο κόσμος είναι μικρός, αλλά η θάλασσα είναι βαθιά· «γνῶθι σεαυτόν».",
    "人工智能正在改变世界，但它也会犯错误。请问，今天的天气怎么样？我想去北京吃饺子！",
    "吾輩は猫である。名前はまだ無い。カタカナとひらがな、そして漢字が混ざる文章です。ｶﾅ",
    "오늘은 날씨가 정말 좋네요. 우리 같이 산책하러 갈까요? 한글은 아름답다.",
    "السلام عليكم ورحمة الله، كيف حالك اليوم؟ الذكاءُ الاصطناعيُّ مفيدٌ ١٢٣٤.",
    "שלום עולם! זהו מבחן של עִבְרִית עם ניקוד ומספרים 5678.",
    "नमस्ते दुनिया, आज मौसम बहुत अच्छा है। क्षत्रिय ज्ञान श्रृंखला १२३।",
    "สวัสดีชาวโลก วันนี้อากาศดีมาก ภาษาไทยไม่มีช่องว่างระหว่างคำ",
    "Việt Nam có nhiều món ăn ngon: phở, bún chả, bánh mì… tuyệt vời!",
    "გამარჯობა მსოფლიო, Բարեւ աշխարհ, ሰላም ለዓለም, ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ, 𐌲𐌿𐍄𐌹𐍃𐌺 𝔉𝔯𝔞𝔨𝔱𝔲𝔯 𝟘𝟙𝟚.",
    "Emoji: 😀😂🤣❤️👍🏽👩‍👩‍👧‍👦🏳️‍🌈🇨🇳🇩🇪 1️⃣ ☕️ ✨🚀 ʕ•ᴥ•ʔ ¯\\_(ツ)_/¯ ಠ_ಠ",
    "Combining: e\u0301 \u00e9 n\u0303 o\u0308 a\u0323\u0308 q\u0323\u0307 "
    "Z\u0351\u036b\u0343\u036a A\u030a \u212b "
    "\ufb01 \ufb02 \u2460 \u00bd \u00b2 \u338f \u2167 \u337f \u1100\u1161\u11a8 \u0915\u094d\u0937.",
    "Invisible: zero\u200bwidth\u200cnon\u200djoiner\u2060word\ufeffbom soft\u00adhyphen "
    "\u202emirror\u202c \u2068isolate\u2069.",
    "def fib(n: int) -> int:\n    return n if n < 2 else fib(n - 1) + fib(n - 2)  # O(2**n)\n",
    "\tfor (int i = 0; i < 100; ++i) {\n\t\tx[i] += y[i] << 3 ^ ~mask; /* bits */\n\t}\r\n",
    "<div class=\"a b\" id='x'>&nbsp;<b>bold</b><br/>\n<table><tr><td>1</td></tr></table></div>",
    "SELECT name, COUNT(*) FROM users WHERE age >= 18 AND city <> 'Paris' GROUP BY name;",
    "https://example.com/a/b?q=%E4%BD%A0&lang=zh-CN#top mail@example.org C:\\Users\\me\\file.txt",
    "$\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}$, ∑∏∂∇≈≠≤≥∈∉⊂∀∃ℝ→⇒",
    "0 1 12 123 1234 12345 123456 3.0e-10 0xDEADBEEF 1_000_000 २०२४ ٣٫١٤ Ⅻ",
    "hahahahaha aaaaaaaaaaaaaa ======== -------- ........ !!!!??!! ,,,, #### **** ____ ((((()))))",
    "We're they've I'd you'll it's DON'T CAN'T she'S 'tis o'clock rock'n'roll ’s ’re",
    "| a | b |\n|---|:-:|\n| 1 | 2 |\n\n- [ ] task\n- [x] done\n\n```python\nprint('x')\n```\n",
)
SPACES = (
    " ", "  ", "   ", "       ", " " * 17, " " * 40, "\t", "\t\t", " \t ", "\n", "\n\n", "\n\n\n\n\n", "\r\n",
    "\r\n\r\n", "\r",
    "\u00a0", " \u00a0 ", "\u3000", "\u2003\u2009", "\u2028", "\u2029", "\u0085", "\v\f", "\u200b",
    " \n ", "\n  \n\t", "\u1680",
)  # fmt: skip
_RANGES = (
    (0x20, 0x7F), (0xA0, 0x180), (0x300, 0x370), (0x370, 0x600), (0x600, 0x780), (0x900, 0xE80),
    (0x1E00, 0x2000), (0x2010, 0x2800), (0x3000, 0x3100), (0x4E00, 0xA000), (0xAC00, 0xD7A4),
    (0xFB00, 0xFDD0), (0xFE00, 0xFFF0), (0x1D400, 0x1D800), (0x1F300, 0x1FB00), (0x20000, 0x20400),
    (0xE0000, 0xE0080),
)  # fmt: skip


def multilingual_text(length: int = 20_000, seed: int = 1) -> str:
    """Sentences of many languages, code, emoji and random characters between odd white space."""
    chance = random.Random(seed)
    parts: list[str] = []
    size = 0
    while size < length:
        roll = chance.random()
        if roll < 0.7:
            part = chance.choice(SENTENCES)
        elif roll < 0.85:
            words = [word for sentence in SENTENCES for word in sentence.split()]
            part = " ".join(chance.choice(words) for _ in range(12))
        else:
            first, last = chance.choice(_RANGES)
            part = "".join(chr(chance.randrange(first, last)) for _ in range(16))
        part += chance.choice(SPACES)
        parts.append(part)
        size += len(part)
    return "".join(parts)[:length]
