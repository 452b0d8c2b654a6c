"""Open data that comes with the program: packed in the repository, unpacked once into the data folder."""

from __future__ import annotations

import hashlib
import io
import logging
import lzma
import tempfile
from pathlib import Path

import maxminddb

from detection import conf

logger = logging.getLogger(__name__)

DATA = Path(__file__).parent / "data"


def open_packed(name: str, digest: str) -> maxminddb.Reader:
    """What is packed under this name, by the digest of the unpacked file. Raises what reading raises.

    The C reader wants a file, and maps it: processes share its pages. Where the data folder cannot be written the
    pure-Python reader works from memory, 15 times slower and still fast.
    """
    folder = conf.current().data_dir / "cache"
    path = folder / f"{name.removesuffix('.mmdb')}-{digest[:12]}.mmdb"
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            return maxminddb.open_database(path)
    except OSError:
        pass  # not unpacked yet
    unpacked = lzma.decompress((DATA / f"{name}.xz").read_bytes())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            whole = Path(aside, path.name)
            whole.write_bytes(unpacked)
            whole.replace(path)
        return maxminddb.open_database(path)
    except OSError as error:
        logger.warning("%s stays in memory: the data folder cannot be written (%s)", name, type(error).__name__)
        return maxminddb.open_database(io.BytesIO(unpacked), maxminddb.MODE_FD)
