"""Generated street scenes for TextVQA's columns: signs, plates and labels, turned as they hang in the wild.

Ten people answer each question and do not agree: leave-one-out accuracy of the commonest answer is 0.3, 0.6,
0.9 or 1, in turn. People also write alike what reads alike (capitals, an article, a number as a word, a full
stop), which the answer processor has to see through; "3." is where the official one and VLMEvalKit's differ.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from PIL import Image, ImageDraw

from vleval.tasks.worlds.documents.paper import Colour, font, paste_text, stream

WIDTH, HEIGHT = 320, 256
PEOPLE = 10
AGREEING = (10, 3, 2, 4, 1, 7)
"""How many of ten people give the commonest answer, question by question."""

_WALLS: tuple[Colour, ...] = ((176, 148, 120), (140, 160, 176), (168, 172, 140), (184, 156, 168))
_SIGNS: tuple[Colour, ...] = ((20, 92, 60), (160, 36, 40), (26, 60, 130), (70, 50, 90), (30, 30, 34))
_SHOPS = ("BLUE KETTLE", "OAK & IRON", "MOON BAKERY", "OLD LAMP", "RED FOX", "CORNER BOOKS")
_BRANDS = ("velora", "tarn", "pico", "ashby", "lumo", "noor")
_STREETS = ("Mill Lane", "Station Road", "Harbour Street", "Elm Walk")
_NUMBERS = ("three", "four", "five", "six", "seven", "eight", "nine")


class Scene(NamedTuple):
    """A picture, one question about text in it, and what ten people answered."""

    image: Image.Image
    question: str
    answers: tuple[str, ...]
    classes: tuple[str, ...]
    """What a detector would name in the picture."""
    texts: tuple[str, ...]
    """Words in the picture, as a reader of text would give them."""


def make_scene(split: str, seed: int, index: int) -> Scene:
    """The scene with this number: a shop, a bus, a bottle, a street, a plate and a price in turn."""
    random = stream("streets", split, seed, index)
    image = Image.new("RGB", (WIDTH, HEIGHT), random.choice(_WALLS))
    draw = ImageDraw.Draw(image)
    for y in range(random.randrange(4, 32), HEIGHT, 32):  # a brick wall
        draw.line((0, y, WIDTH, y), _darker(image.getpixel((1, 1))), 1)
    draw.rectangle((0, 204, WIDTH, HEIGHT), (96, 96, 102))
    kinds = (_shop, _bus, _bottle, _street, _plate, _price)
    question, said, classes, texts = kinds[index % len(kinds)](image, random)
    # Another shift each time round, so that every kind of sign gets other numbers of people.
    agreeing = AGREEING[(index + index // len(AGREEING)) % len(AGREEING)]
    return Scene(image, question, _ten_answers(random, *said, agreeing), classes, texts)


class _Said(NamedTuple):
    """What people may answer."""

    alike: tuple[str, ...]
    """The true answer, in ways that the official processor takes for one."""
    others: tuple[str, ...]
    """Answers that differ from it and from each other."""


_Kind = tuple[str, _Said, tuple[str, ...], tuple[str, ...]]


def _ten_answers(
    random: Random, alike: tuple[str, ...], others: tuple[str, ...], agreeing: int
) -> tuple[str, ...]:
    """`agreeing` times the true answer, however written; the rest no more than twice each."""
    answers = [alike[number % len(alike)] for number in range(agreeing)]
    answers += [others[number % len(others)] for number in range(PEOPLE - agreeing)]
    random.shuffle(answers)
    return tuple(answers)


def _others(*wrong: str) -> tuple[str, ...]:
    """Wrong readings, and what people write who cannot tell: enough that none comes as often as the truth."""
    usual = ("unanswerable", "answering does not require reading text in the image", "sign", "no text")
    return (*wrong, *usual, "unclear", "not sure", "yes", "it is blurred", "cannot read")[:PEOPLE]


def _darker(pixel: object) -> Colour:
    red, green, blue = pixel if isinstance(pixel, tuple) else (0, 0, 0)
    return red - 18, green - 18, blue - 18


def _board(image: Image.Image, box: tuple[int, int, int, int], colour: Colour, *, round_: int = 6) -> None:
    ImageDraw.Draw(image).rounded_rectangle(box, round_, colour, (235, 235, 230), 2)


def _shop(image: Image.Image, random: Random) -> _Kind:
    name = random.choice(_SHOPS)
    _board(image, (30, 46, 290, 112), random.choice(_SIGNS))
    paste_text(
        image, (160, 79), name, (250, 246, 230), 34 if len(name) < 10 else 29, angle=random.choice((-4, 3))
    )
    _board(image, (120, 130, 200, 204), (70, 52, 40), round_=2)
    paste_text(image, (160, 150), "OPEN", (240, 214, 90), 17)
    plain = name.lower()
    alike = (plain, name.title(), f"the {plain}", f"{plain}.")
    words = tuple(plain.split())
    return (
        "what is the name of the shop?",
        _Said(alike, _others("open", *words, f"{plain}s")),
        ("Building", "Door"),
        (*name.split(), "OPEN"),
    )


def _bus(image: Image.Image, random: Random) -> _Kind:
    number, where = random.randint(3, 9), random.choice(_STREETS).split()[0].upper()
    ImageDraw.Draw(image).rounded_rectangle((40, 70, 280, 210), 14, (196, 40, 40))
    for x in (90, 230):
        ImageDraw.Draw(image).ellipse((x - 20, 190, x + 20, 230), (30, 30, 32))
    _board(image, (60, 84, 260, 122), (24, 24, 26))
    paste_text(image, (90, 103), str(number), (250, 190, 40), 28)
    paste_text(image, (180, 103), where, (250, 190, 40), 22)
    word = _NUMBERS[number - 3]
    return (
        "what number is on the bus?",
        _Said((str(number), word, word.title()), _others(f"{number}{number}", where.lower(), "12")),
        ("Bus", "Wheel"),
        (str(number), where),
    )


def _bottle(image: Image.Image, random: Random) -> _Kind:
    brand, glass = random.choice(_BRANDS), random.choice(((60, 110, 80), (120, 76, 40), (70, 90, 120)))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((120, 60, 200, 240), 18, glass)
    draw.rectangle((146, 24, 174, 66), glass)
    draw.rectangle((120, 110, 200, 190), (240, 236, 220))
    paste_text(image, (160, 132), brand, (120, 30, 40), 24)
    paste_text(image, (160, 168), "since 1909", (60, 60, 60), 14)
    return (
        "what brand is this bottle?",
        _Said((brand, brand.upper(), brand.capitalize()), _others("since 1909", "1909", f"{brand}s")),
        ("Bottle",),
        (brand, "since", "1909"),
    )


def _street(image: Image.Image, random: Random) -> _Kind:
    name = random.choice(_STREETS)
    ImageDraw.Draw(image).rectangle((156, 60, 166, 230), (70, 70, 74))
    sheet = Image.new("RGBA", (230, 54), (22, 74, 140, 255))
    ImageDraw.Draw(sheet).text((115, 27), name, (255, 255, 255, 255), font(27), anchor="mm")
    turned = sheet.rotate(random.choice((-14, -9, 9, 14)), Image.Resampling.BICUBIC, expand=True)
    image.paste(turned.convert("RGB"), (160 - turned.width // 2, 92 - turned.height // 2), turned)
    plain = name.lower()
    return (
        "what street is this?",
        _Said((plain, name, f"{plain}?", f"the {plain}"), _others(plain.split()[0], plain.split()[1])),
        ("Street", "Traffic sign"),
        tuple(name.split()),
    )


def _plate(image: Image.Image, random: Random) -> _Kind:
    letters = "".join(random.sample("ABCDEFGHKLMNPRSTUVX", 3))
    plate = f"{letters} {random.randint(100, 999)}"
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((50, 90, 270, 214), 24, (70, 84, 110))
    draw.rectangle((90, 104, 230, 146), (180, 200, 214))
    _board(image, (100, 162, 220, 200), (245, 245, 240), round_=4)
    paste_text(image, (160, 181), plate, (20, 20, 24), 24, angle=random.choice((-3, 0, 3)))
    plain = plate.lower()
    return (
        "what does the license plate say?",
        _Said(
            (plain, plate, f" {plate} "), _others(plain.replace(" ", ""), plain.split()[0], plain.split()[1])
        ),
        ("Car", "Vehicle registration plate"),
        tuple(plate.split()),
    )


def _price(image: Image.Image, random: Random) -> _Kind:
    price = random.randint(3, 9)
    draw = ImageDraw.Draw(image)
    draw.polygon(((160, 40), (280, 120), (160, 200), (40, 120)), (248, 214, 60))
    paste_text(image, (160, 94), "SALE", (160, 30, 30), 26, angle=8)
    paste_text(image, (160, 138), f"only {price}", (30, 30, 34), 30, angle=8)
    # The official processor takes the full stop off "3."; VLMEvalKit's leaves it.
    return (
        "how much is it?",
        _Said((f"{price}.", f"{price}.", str(price)), _others(f"{price}0", "sale", "only")),
        ("Poster",),
        ("SALE", "only", str(price)),
    )
