"""Generated pages for DocVQA's columns: forms, invoices and tables of figures, each with three questions.

They are made to test the metric as much as the reader: every invoice has an order number that differs from
its own number by three letters only (a wrong answer that ANLS rewards), headings stand in capitals that
answers may lack, and dates and amounts have a second accepted form.
"""

from __future__ import annotations

from random import Random

from PIL import Image, ImageDraw

from vleval.tasks.worlds.documents.paper import Asked, Picture, font, money, stream

WIDTH, HEIGHT = 480, 600
MARGIN = 36
INK, GREY = (20, 20, 30), (150, 150, 155)

FORM, TABLE = "form", "table/list"

_NAMES = (
    "Ada Brook",
    "Tom Hale",
    "Mina Sato",
    "Luis Ortega",
    "Eva Lind",
    "Omar Nasser",
    "Ruth Cole",
    "Jan Kowal",
)
_CITIES = ("Ashford", "Brixby", "Calder Bay", "Dunmore", "Elmstead", "Fairwick", "Glenrock", "Harlow End")
_MONTHS = ("January", "March", "April", "June", "August", "October", "December")
_FIRMS = ("Northgate Tools", "Willow Paper Co.", "Harbour Lights", "Cedar & Sons", "Blue Kettle")
_GOODS = ("Desk lamp", "Paper ream", "Steel bolt box", "Garden hose", "Oak shelf", "Copper wire", "Tea set")
_STATIONS = ("Alder", "Birch", "Cliff", "Dale", "Elm", "Ford")
_COLUMNS = ("Jan", "Feb", "Mar", "Apr")


def make_document(split: str, seed: int, index: int) -> Picture:
    """The page with this number: forms, invoices and tables in turn."""
    random = stream("documents", split, seed, index)
    return (_form, _invoice, _table)[index % 3](random)


def _page(title: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, 32), title, INK, font(24))
    draw.line((MARGIN, 68, WIDTH - MARGIN, 68), INK, 2)
    return image, draw


def _date(random: Random, first: int, last: int) -> tuple[str, str]:
    """A date as printed, and the other way to write it; the year is one from `first` to `last`."""
    day, month, year = random.randint(1, 28), random.choice(_MONTHS), random.randint(first, last)
    return f"{day} {month} {year}", f"{month} {day}, {year}"


def _form(random: Random) -> Picture:
    image, draw = _page("MEMBERSHIP FORM")
    birth, joined = _date(random, 1952, 1990), _date(random, 2008, 2019)
    fields = {
        "Name": random.choice(_NAMES),
        "Date of birth": birth[0],
        "City": random.choice(_CITIES).upper(),
        "Member no.": f"M-{random.randint(10000, 99999)}",
        "Member since": joined[0],
        "Monthly fee": money(random.randint(20, 90) * 50),
    }
    for row, (label, value) in enumerate(fields.items()):
        y = 100 + 62 * row
        draw.text((MARGIN, y), label, GREY, font(14))
        draw.text((MARGIN + 150, y - 4), value, INK, font(20))
        draw.line((MARGIN + 146, y + 24, WIDTH - MARGIN, y + 24), GREY)
    draw.text((MARGIN, HEIGHT - 60), "Please keep a copy for your files.", GREY, font(13))
    city, fee = fields["City"], fields["Monthly fee"]
    questions = [
        Asked("What is the name of the member?", (fields["Name"],), FORM),
        Asked("What is the date of birth?", birth, FORM),
        Asked("Since when has the person been a member?", joined, FORM),
        Asked("In which city does the member live?", (city, city.title()), FORM),
        Asked("What is the member number?", (fields["Member no."],), FORM),
        Asked("How much is the monthly fee?", (fee, fee.removeprefix("$")), FORM),
    ]
    return Picture(image, tuple(random.sample(questions, 3)))


def _invoice(random: Random) -> Picture:
    image, draw = _page("INVOICE")
    firm, number = random.choice(_FIRMS), random.randint(20400, 98999)
    when = _date(random, 1995, 2019)
    head = {"From": firm, "Invoice no.": f"INV-{number}", "Order no.": f"ORD-{number}", "Date": when[0]}
    for row, (label, value) in enumerate(head.items()):
        draw.text((MARGIN, 92 + 28 * row), label, GREY, font(14))
        draw.text((MARGIN + 110, 89 + 28 * row), value, INK, font(17))
    lines = [(item, random.randint(2, 12), random.randint(10, 240) * 25) for item in random.sample(_GOODS, 4)]
    edges = (MARGIN, 270, 355, WIDTH - MARGIN)
    for x, heading, anchor in zip(edges, ("Item", "Qty", "Unit price", "Amount"), "lrrr", strict=True):
        draw.text((x, 226), heading, GREY, font(14), anchor=f"{anchor}a")
    draw.line((MARGIN, 248, WIDTH - MARGIN, 248), INK)
    for row, (item, count, cents) in enumerate(lines):
        cells = (item, str(count), money(cents), money(count * cents))
        for x, cell, anchor in zip(edges, cells, "lrrr", strict=True):
            draw.text((x, 262 + 36 * row), cell, INK, font(16), anchor=f"{anchor}a")
    total = money(sum(count * cents for _, count, cents in lines))
    draw.line((MARGIN, 412, WIDTH - MARGIN, 412), INK)
    draw.text((edges[2], 426), "Total due", INK, font(18), anchor="ra")
    draw.text((edges[3], 426), total, INK, font(18), anchor="ra")
    item, count, cents = random.choice(lines)
    questions = [
        Asked("What is the invoice number?", (f"INV-{number}",), FORM),
        Asked("What is the date of the invoice?", when, FORM),
        Asked("Which company sent the invoice?", (firm,), FORM),
        Asked("What is the total due?", (total, total.removeprefix("$")), TABLE),
        Asked(f"How many of '{item}' are billed?", (str(count),), TABLE),
        Asked(f"What is the unit price of '{item}'?", (money(cents), money(cents).removeprefix("$")), TABLE),
    ]
    return Picture(image, (questions[0], *random.sample(questions[1:], 2)))


def _table(random: Random) -> Picture:
    image, draw = _page("RAINFALL BY STATION (MM)")
    # All different, so that every superlative has one answer.
    amounts = iter(random.sample(range(12, 240), len(_STATIONS) * len(_COLUMNS)))
    cells = {station: [next(amounts) for _ in _COLUMNS] for station in _STATIONS}
    step = (WIDTH - 2 * MARGIN - 110) // len(_COLUMNS)
    edges = [MARGIN + 110 + step * (column + 1) for column in range(len(_COLUMNS))]
    for x, heading in zip(edges, _COLUMNS, strict=True):
        draw.text((x, 100), heading, INK, font(17), anchor="ra")
    for row, (station, values) in enumerate(cells.items()):
        y = 144 + 52 * row
        draw.line((MARGIN, y - 14, WIDTH - MARGIN, y - 14), GREY)
        draw.text((MARGIN, y), station, INK, font(17))
        for x, value in zip(edges, values, strict=True):
            draw.text((x, y), str(value), INK, font(17), anchor="ra")
    note = f"Measured by {random.choice(_NAMES)}"
    draw.text((MARGIN, HEIGHT - 60), note, GREY, font(14))
    station, column = random.choice(_STATIONS), random.randrange(len(_COLUMNS))
    wettest = max(_STATIONS, key=lambda name: cells[name][column])
    questions = (
        Asked(
            f"What is the rainfall at {station} in {_COLUMNS[column]}?", (str(cells[station][column]),), TABLE
        ),
        Asked(f"Which station had the most rain in {_COLUMNS[column]}?", (wettest,), TABLE),
        Asked("Who measured the rainfall?", (note.removeprefix("Measured by "),), "free_text"),
    )
    return Picture(image, questions)
