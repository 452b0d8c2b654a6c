"""Tables as CSV that no spreadsheet takes for a formula (OWASP ASVS 5.0, 1.2.10)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

#: A cell that begins with one of these would be reckoned; the full-width ones become them in some programs.
RECKONED = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


class BadSheet(ValueError):
    """A text that is no such table. Says why."""


def written(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Everything quoted, and an apostrophe before what would be reckoned."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_disarmed(cell) for cell in row] for row in rows)
    return out.getvalue()


def read(text: str, columns: Sequence[str], *, most: int) -> list[dict[str, str]]:
    """The rows under a line of column names, empty cells left out. Raises BadSheet."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if not names or set(names) - set(columns) or len(set(names)) != len(names):
            raise BadSheet(f"The first line names the columns, of these: {', '.join(columns)}.")
        rows: list[dict[str, str]] = []
        for cells in reader:
            if not any(cells):
                continue
            if len(rows) == most:
                raise BadSheet(f"At most {most} rows at once.")
            if len(cells) > len(names):
                raise BadSheet(f"Line {reader.line_num} has more cells than there are columns.")
            rows.append({name: _armed(cell) for name, cell in zip(names, cells, strict=False) if cell})
    except csv.Error:
        raise BadSheet(f"Line {reader.line_num} is not CSV.") from None
    return rows


def _disarmed(cell: str) -> str:
    return f"'{cell}" if cell.startswith(RECKONED) else cell


def _armed(cell: str) -> str:
    """What was written, whoever disarmed it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(RECKONED) else cell
