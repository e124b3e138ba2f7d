"""What is no word of any language is told from words, in every script."""

from __future__ import annotations

import pytest

from autogpt_desktop.documents.text.codes import has_words
from autogpt_desktop.documents.text.sentences import sentences

CODES = """\
https://example.com/a/b?c=d#e
<https://example.com>
- ftp://files.example.org/pub/x.tar.gz
(www.example.com/path)
example.com/path
mailto:user@example.com
user.name+tag@example.co.uk
git@github.com:user/repo.git
magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a
https://例子.测试/路径
d41d8cd98f00b204e9800998ecf8427e
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  disk.iso
550e8400-e29b-41d4-a716-446655440000
SGVsbG8gV29ybGQhIFRoaXMgaXMgYmFzZTY0Lg==
fe80::1ff:fe23:4567:890a 192.168.0.1
/usr/local/bin/python3 ~/notes.txt ./a.sh
C:\\Windows\\System32 \\\\server\\share
2024-05-06T12:00:00Z 12:30
DE89 3704 0044 0532 0130 00
v1.2.3-beta.4 0x1F4A9
1,234.50 12 % §5
report_final.docx"""
WORDS = """\
Hello
See README.md
COVID-19
the 20th
5km
and/or
Mr.
don't
end.Then
Summer2024
“Hi”
茶
第3章
3月
Привет
مرحبا 5
N/A
U.S.
user@example.com wrote"""


@pytest.mark.parametrize("text", CODES.split("\n"))
def test_no_words(text: str) -> None:
    assert not has_words(text)


@pytest.mark.parametrize("text", WORDS.split("\n"))
def test_words(text: str) -> None:
    assert has_words(text)


def test_an_address_with_chinese_letters_is_not_cut() -> None:
    text = "见 https://例子.测试/路径 的说明。再见。"
    assert [text[start:end] for start, end in sentences(text, "zh")] == [
        "见 https://例子.测试/路径 的说明。", "再见。"
    ]  # fmt: skip
