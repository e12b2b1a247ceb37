"""Telling the encoding of a text."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell_adapters.plaintext import PLAIN_TEXT, detect_text, encoding_of
from citewell_adapters.plaintext.encoding import encoding_from_head

#: Article 1 of the Universal Declaration of Human Rights.
_TEXTS = {
    "de": (
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sollen "
        "einander im Geiste der Brüderlichkeit begegnen; so heißt es darüber in "
        "schönen Büchern."
    ),
    "fr": (
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. "
        "Ils sont doués de raison et de conscience et doivent agir les uns envers "
        "les autres dans un esprit de fraternité. Ça, c’est “sûr”."
    ),
    "es": (
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos, "
        "dotados como están de razón y conciencia. ¿Mañana? ¡Sí, señor!"
    ),
    "da": (
        "Alle mennesker er født frie og lige i værdighed og rettigheder. De er udstyret "
        "med fornuft og samvittighed, og de bør handle mod hverandre i en broderskabets "
        "ånd."
    ),
    "pl": (
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych "
        "praw. Są oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych "
        "w duchu braterstwa. Zażółć gęślą jaźń."
    ),
    "cs": (
        "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou "
        "nadáni rozumem a svědomím a mají spolu jednat v duchu bratrství. Příliš "
        "žluťoučký kůň úpěl ďábelské ódy."
    ),
    "hu": (
        "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. "
        "Az emberek egymással szemben testvéri szellemben kell hogy viseltessenek. "
        "Tűzoltó, őrült."
    ),
    "tr": (
        "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve "
        "vicdana sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket "
        "etmelidirler."
    ),
    "lt": (
        "Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis. Jiems suteiktas "
        "protas ir sąžinė ir jie turi elgtis vienas kito atžvilgiu kaip broliai."
    ),
    "ru": (
        "Все люди рождаются свободными и равными в своем достоинстве и правах. Они "
        "наделены разумом и совестью и должны поступать в отношении друг друга в "
        "духе братства."
    ),
    "uk": (
        "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони "
        "наділені розумом і совістю і повинні діяти у відношенні один до одного "
        "в дусі братерства."
    ),
    "el": (
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα "
        "δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση."
    ),
    "he": (
        "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה "
        "ובמצפון, לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה."
    ),
    "ar": (
        "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا "
        "وعليهم أن يعامل بعضهم بعضا بروح الإخاء."
    ),
    "ja": (
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は"
        "、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。"
    ),
    "zh": (
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。人人有"
        "资格享有本宣言所载的一切权利和自由。"
    ),
    "zh-tw": (
        "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神相對待。人人有"
        "資格享有本宣言所載的一切權利和自由。"
    ),
    "ko": (
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 "
        "천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 "
        "한다."
    ),
    "th": ("มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม"),
}
_LEGACY = [
    *(("de", "cp1252"), ("de", "iso8859-15"), ("de", "cp850"), ("fr", "cp1252"), ("es", "cp1252")),
    *(("da", "cp1252"), ("pl", "cp1250"), ("pl", "iso8859-2"), ("cs", "cp1250"), ("cs", "iso8859-2")),
    *(("hu", "cp1250"), ("tr", "cp1254"), ("tr", "iso8859-9"), ("lt", "cp1257"), ("ru", "cp1251")),
    *(("ru", "koi8-r"), ("ru", "iso8859-5"), ("ru", "cp866"), ("uk", "cp1251"), ("uk", "koi8-u")),
    *(("el", "cp1253"), ("el", "iso8859-7"), ("he", "cp1255"), ("he", "iso8859-8"), ("ar", "cp1256")),
    *(("ar", "iso8859-6"), ("ja", "shift_jis"), ("ja", "euc_jp"), ("ja", "iso2022_jp"), ("zh", "gb18030")),
    *(("zh", "gb2312"), ("zh-tw", "big5"), ("ko", "euc_kr"), ("ko", "cp949"), ("th", "cp874")),
]
_WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


def _decoded(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return content.decode(encoding_of(path), "replace")


@pytest.mark.parametrize(("language", "encoding"), _LEGACY)
def test_texts_from_before_unicode_are_read_as_they_were_written(
    language: str, encoding: str, tmp_path: Path
) -> None:
    """A paragraph is enough, alone or behind a megabyte of ASCII, and however often it is repeated."""
    text = _TEXTS[language]
    path = tmp_path / "file"
    for written in (
        text,
        f"{text}\n" * 300,
        "plain words\n" * (100_000 if encoding != "iso2022_jp" else 1) + text,
    ):
        assert _decoded(path, written.encode(encoding)) == written


@pytest.mark.parametrize("language", _TEXTS)
@pytest.mark.parametrize("encoding", _WIDE)
def test_unicode_without_a_mark_is_told(language: str, encoding: str, tmp_path: Path) -> None:
    """By what its bytes make sense as."""
    text = f"{_TEXTS[language]}\n" * 3
    assert _decoded(tmp_path / "file", text.encode(encoding)) == text


@pytest.mark.parametrize(("language", "encoding"), _LEGACY)
def test_their_heads_are_text(language: str, encoding: str) -> None:
    """Wherever the head ends."""
    content = (f"{_TEXTS[language]}\n" * 200).encode(encoding)
    for length in range(8_192 - 8, 8_192):
        assert detect_text(content[:length], name="upload") == PLAIN_TEXT


@pytest.mark.parametrize("language", _TEXTS)
@pytest.mark.parametrize("encoding", _WIDE)
def test_heads_of_unicode_without_a_mark_are_text(language: str, encoding: str) -> None:
    """Wherever they end."""
    content = (f"{_TEXTS[language]}\n" * 200).encode(encoding)
    for length in range(8_192 - 8, 8_192):
        assert detect_text(content[:length], name="upload") == PLAIN_TEXT


@pytest.mark.parametrize(("language", "encoding"), _LEGACY)
def test_a_sample_that_ends_within_a_character_is_no_matter(
    language: str, encoding: str, tmp_path: Path
) -> None:
    """One line, far longer than what is looked at."""
    for shift in range(4):
        text = "x" * shift + _TEXTS[language] * 400
        assert _decoded(tmp_path / "file", text.encode(encoding)) == text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_valid_utf_8_is_utf_8(text: str) -> None:
    """Whatever it says."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(text.encode())
        assert encoding_of(Path(file.name)) == "utf-8-sig"


@given(st.text("abcdefghij klmno\n", min_size=4), st.integers(0, 3))
def test_letters_with_a_nul_among_them_are_no_wide_text(text: str, place: int) -> None:
    """Two bytes of ASCII make a Chinese character that nobody wrote."""
    for letters in (text, text.replace("a", "ж").replace("b", "é")):
        assert encoding_from_head((letters[:place] + "\0" + letters[place:]).encode()) is None


def test_what_is_hard_to_tell_is_told_soon(tmp_path: Path) -> None:
    """The detector sees a bounded sample of a file, however large."""
    path = tmp_path / "file"
    path.write_bytes(random.Random(3).randbytes(8 << 20).replace(b"\0", b"\n"))
    begun = time.monotonic()
    encoding_of(path)
    assert time.monotonic() - begun < 10


def test_without_the_detector_such_texts_are_windows_1252(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the core alone is installed, which has no dependency."""
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    assert _decoded(tmp_path / "file", "Größe – “déjà vu”".encode("cp1252")) == "Größe – “déjà vu”"
    (tmp_path / "file").write_bytes(_TEXTS["ru"].encode("koi8-r"))
    assert encoding_of(tmp_path / "file") == "cp1252"
