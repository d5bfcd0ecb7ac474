"""A conversation over HTTP: who asked whom for what, in order, with what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.conversation import host_of
from ocinb.frozen import Frozen
from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import GLYPH, WIDTH, Sheet, text_width
from ocinb.spec.distribution import ENDPOINTS
from ocinb.table import human_bytes, human_duration, one_line, parse_rfc3339

if TYPE_CHECKING:
    from ocinb.table import Table

HEAD, NAMES, ROW, FOOT = 66, 52, 44, 48
MARGIN = 24
WORDS_X, WORDS_ROOM = 84, 284
TARGET_X = WORDS_X + 50
CLIENT_X, LAST_X = 404, 650
RESULT_X = WIDTH - MARGIN
MOST = 80
"""Exchanges that are drawn; of a longer conversation the middle is left out."""

_PURPOSES = {endpoint.id: endpoint.purpose for endpoint in ENDPOINTS}
_VERBS = {"HEAD": "ask for"}
_OTHERS = {"": "a path of no endpoint", "token server": "ask for a token"}
_THINNEST, _THICKEST = 1.4, 7.0


class Row(Frozen):
    """An exchange, as the picture needs it; ``begin`` in seconds since the first began."""

    begin: float
    method: str
    url: str
    endpoint: str
    status: int | None
    sent: int
    received: int
    took: float
    attempt: int
    is_new: bool
    party: str
    failure: str

    @property
    def lane(self) -> tuple[str, str]:
        """What was asked: its kind and host."""
        return self.party, host_of(self.url)


def conversation_diagram(table: Table) -> Diagram:
    """Draw the listing of ``conversation``: time runs down, each party has a line.

    Arrows are as thick as the bodies they stand for are large, on a scale of their logarithms.

    Spec: distribution-spec spec.md#endpoints
    """
    rows = _rows(table)
    lanes = list(dict.fromkeys(row.lane for row in rows))
    alt = _in_words(table.title, rows, lanes)
    shown, left_out = _cut(rows)
    count = len(shown) + bool(left_out)
    sheet = Sheet(HEAD + NAMES + ROW * count + FOOT, title=table.title, description=alt)
    _rules(sheet)
    _head(sheet, table.title, rows)
    places = _places(lanes)
    bottom = HEAD + NAMES + ROW * count
    _lifelines(sheet, places, bottom)
    top = HEAD + NAMES
    for number, row in enumerate(shown):
        if left_out and number == MOST // 2:
            words = f"… {left_out:,} more exchanges …"
            sheet.text(WORDS_X, top + 26, words, "soft", size=12)
            top += ROW
        sheet.line(MARGIN, top, WIDTH - MARGIN, top, "line", more='opacity=".45"')
        _exchange(sheet, top, row, places[row.lane])
        top += ROW
    _foot(sheet, bottom)
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _rows(table: Table) -> list[Row]:
    records = table.records()
    begins = [parse_rfc3339(record["time"]) or 0.0 for record in records]
    first = min(begins, default=0.0)
    return [
        Row(
            begin=begin - first,
            is_new=not record["reused"],
            **{name: record[name] for name in Row._fields if name in record},
        )
        for begin, record in zip(begins, records, strict=True)
    ]


def _cut(rows: list[Row]) -> tuple[list[Row], int]:
    if len(rows) <= MOST:
        return rows, 0
    return [*rows[: MOST // 2], *rows[-(MOST // 2) :]], len(rows) - MOST


def _places(lanes: list[tuple[str, str]]) -> dict[tuple[str, str], float]:
    step = (LAST_X - CLIENT_X) / max(len(lanes), 1)
    return {lane: CLIENT_X + step * number for number, lane in enumerate(lanes, 1)}


def _rules(sheet: Sheet) -> None:
    sheet.rule("asked", "stroke:#57606a;fill:#57606a", "stroke:#9aa4af;fill:#9aa4af")
    sheet.rule("good", "stroke:#0072b2;fill:#0072b2", "stroke:#56b4e9;fill:#56b4e9")
    sheet.rule("aside", "stroke:#9a6700;fill:#9a6700", "stroke:#e6b045;fill:#e6b045")
    sheet.rule("bad", "stroke:#bc2c00;fill:#bc2c00", "stroke:#ff8a65;fill:#ff8a65")
    sheet.rule("life", "stroke:#c4ccd4;stroke-dasharray:2 4", "stroke:#4a525c")
    sheet.rule("head", "fill:#eaf2fb;stroke:#b6cbe2", "fill:#1d2a3a;stroke:#35506e")
    sheet.rule("ring", "fill:#ffffff;stroke:#57606a;stroke-width:1.6", "fill:#161b22")
    sheet.rule("words", "stroke:none", "stroke:none")


def _head(sheet: Sheet, title: str, rows: list[Row]) -> None:
    sheet.text(MARGIN, 32, title[:1].upper() + title[1:], size=17, face="bold", room=560)
    connections = sum(row.is_new for row in rows)
    words = f"{_count(len(rows), 'exchange')} over {_count(connections, 'connection')}"
    again = sum(row.attempt > 1 for row in rows)
    words += f", {again} of them tried again" if again else ""
    sheet.text(MARGIN, 52, words, "soft", size=12)
    took = max((row.begin + row.took for row in rows), default=0.0)
    sheet.text(RESULT_X, 32, human_duration(took), size=17, face="bold", anchor="end")
    moved = sum(row.sent for row in rows), sum(row.received for row in rows)
    told = f"↑ {human_bytes(moved[0])}   ↓ {human_bytes(moved[1])}"
    sheet.text(RESULT_X, 52, told, "soft", size=12, anchor="end")


def _lifelines(sheet: Sheet, places: dict[tuple[str, str], float], bottom: float) -> None:
    y = HEAD + 8
    lanes = [(("ocinb", "the client"), float(CLIENT_X)), *places.items()]
    step = (LAST_X - CLIENT_X) / max(len(places), 1)
    width = min(step - 4, 116)
    for (party, host), x in lanes:
        wide = min(width, 64) if party == "ocinb" else width
        sheet.line(x, y + 36, x, bottom - 4, "life")
        sheet.rect(x - wide / 2, y, wide, 36, "head", radius=6)
        sheet.text(x, y + 15, party, size=10, face="bold", anchor="middle", room=wide)
        sheet.text(x, y + 29, _end_of(host, wide), "soft", size=9, anchor="middle")


def _end_of(host: str, room: float) -> str:
    """A host's last letters tell it from others: the port, the domain."""
    most = int(room / (9 * GLYPH["sans"]))
    return host if len(host) <= most else "…" + host[-(most - 1) :]


def _exchange(sheet: Sheet, top: float, row: Row, there: float) -> None:
    _question(sheet, top, row)
    ask, answer = top + 14, top + 30
    thick = _thickness(row.sent)
    if row.status is None:
        stop = CLIENT_X + (there - CLIENT_X) * 0.6
        sheet.line(CLIENT_X, ask, stop, ask, "bad", more=f'stroke-width="{thick:.1f}"')
        _cross(sheet, stop, ask)
    else:
        _arrow(sheet, CLIENT_X, there, ask, "asked", thick)
        kind, thick = _kind(row), _thickness(row.received)
        if row.failure:
            stop = CLIENT_X + (there - CLIENT_X) * 0.4
            sheet.line(there, answer, stop, answer, kind, more=f'stroke-width="{thick:.1f}"')
            _cross(sheet, stop - 18, answer)
        else:
            _arrow(sheet, there, CLIENT_X, answer, kind, thick)
    if row.is_new:
        sheet.circle(CLIENT_X, ask, 4, "ring")
    _result(sheet, top, row)


def _question(sheet: Sheet, top: float, row: Row) -> None:
    when = human_duration(row.begin) if row.begin >= 1e-4 else "0 ms"
    sheet.text(WORDS_X - 12, top + 19, when, "soft", size=11, anchor="end")
    sheet.text(WORDS_X, top + 19, row.method, size=12.5, face="bold")
    room = WORDS_X + WORDS_ROOM - TARGET_X
    sheet.text(TARGET_X, top + 19, _target(row.url, room), size=12, face="mono", room=room)
    purpose = _PURPOSES.get(row.endpoint, "").replace("fetch", _VERBS.get(row.method, "fetch"))
    purpose = purpose or _OTHERS.get(row.party, _OTHERS[""])
    if row.endpoint:
        purpose = f"{row.endpoint}: {purpose}"
    sheet.text(WORDS_X, top + 35, purpose, "soft", size=11, room=WORDS_ROOM - 70)
    if row.attempt > 1:
        x = WORDS_X + WORDS_ROOM
        words = f"attempt {row.attempt}"
        sheet.text(x, top + 35, words, "aside words", size=11, face="bold", anchor="end")


def _target(url: str, room: float) -> str:
    """The end of a path says more than its beginning: a long one loses its middle digits."""
    path = one_line("/" + url.partition("://")[2].partition("/")[2]).removeprefix("/v2/") or "/v2/"
    most = int(room / (12 * GLYPH["mono"]))
    name, mark, digest = path.partition(":")
    if len(path) > most and mark and len(digest) >= 64:
        path = f"{name}:{digest[: max(most - len(name) - 2, 7)]}…"
    return path


def _result(sheet: Sheet, top: float, row: Row) -> None:
    kind = f"{_kind(row)} words"
    if row.status is None:
        sheet.text(RESULT_X, top + 19, "no answer", kind, size=12.5, face="bold", anchor="end")
    else:
        cut = ", cut" if row.failure else ""
        words = f"{row.status}{cut}"
        sheet.text(RESULT_X, top + 19, words, kind, size=12.5, face="bold", anchor="end")
    moved = [f"↑ {human_bytes(row.sent)}"] if row.sent else []
    moved += [f"↓ {human_bytes(row.received)}"] if row.received else []
    words = "  ".join([*moved, human_duration(row.took)])
    sheet.text(RESULT_X, top + 35, words, "soft", size=11, anchor="end")


def _kind(row: Row) -> str:
    if row.failure or row.status is None or row.status >= 500:
        return "bad"
    if row.status < 300:
        return "good"
    return "aside" if row.status in (304, 307, 308, 302, 301, 401, 404, 429) else "bad"


def _thickness(size: int) -> float:
    """1.4 pixels for nothing, 7 for a gigabyte."""
    digits = max(len(str(size)) - 2, 0) if size else 0
    return min(_THINNEST + digits * (_THICKEST - _THINNEST) / 8, _THICKEST)


def _arrow(sheet: Sheet, start: float, end: float, y: float, kind: str, thick: float) -> None:
    way = 1 if end > start else -1
    tip, wing = end - way * 2, max(4.0, thick / 2 + 2.6)
    neck = tip - way * (wing + 3)
    sheet.line(start + way * 3, y, neck, y, kind, more=f'stroke-width="{thick:.1f}"')
    points = [(tip, y), (neck, y - wing), (neck, y + wing)]
    sheet.polygon(points, kind, more='stroke-width="0"')


def _cross(sheet: Sheet, x: float, y: float) -> None:
    for rise in (-4, 4):
        more = 'stroke-width="2.2" stroke-linecap="round"'
        sheet.line(x + 5, y - rise, x + 13, y + rise, "bad", more=more)


def _foot(sheet: Sheet, y: float) -> None:
    sheet.line(MARGIN, y, WIDTH - MARGIN, y, "line")
    sheet.circle(MARGIN + 6, y + 25, 4, "ring")
    x = MARGIN + 17.0
    for words in ("opens a connection", "thicker: more bytes", "↑ sent, ↓ received"):
        sheet.text(x, y + 29, words, "soft", size=12)
        x += text_width(words, 12) + 22
    source = "distribution-spec: spec.md#endpoints"
    sheet.text(WIDTH - MARGIN, y + 29, source, "soft", size=12, anchor="end")


def _in_words(title: str, rows: list[Row], lanes: list[tuple[str, str]]) -> str:
    parties = ", ".join(f"{party} {host}" for party, host in lanes)
    parts = [
        f"{row.method} {_target(row.url, 600)}: {row.status or 'no answer'}"
        + (f" (attempt {row.attempt})" if row.attempt > 1 else "")
        for row in rows[:MOST]
    ]
    return f"{title}: {_count(len(rows), 'exchange')} with {parties}. {'; '.join(parts)}."


def _count(number: int, word: Any) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
