"""Styles and scripts, under a path that changes with them, so that browsers may keep them."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from dashboard.authorisation import PublicRoute

_FOLDER = Path(__file__).parent / "static"
_KEPT = {"cache-control": "public, max-age=31536000, immutable"}

router = APIRouter(route_class=PublicRoute)


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """Every file, read once, and the digest of all of them: modules find each other beside them."""

    digest: str
    contents: dict[str, bytes]


@cache
def static_files() -> StaticFiles:
    """The files that came with this version."""
    paths = sorted(path for path in _FOLDER.rglob("*") if path.is_file())
    contents = {path.relative_to(_FOLDER).as_posix(): path.read_bytes() for path in paths}
    digest = sha256(b"".join(name.encode() + b"\0" + contents[name] for name in contents))
    return StaticFiles(digest.hexdigest()[:16], contents)


def static_path(name: str) -> str:
    """Where browsers find the file.

    Raises:
        KeyError: there is none.
    """
    files = static_files()
    if name not in files.contents:
        raise KeyError(name)
    return f"/static/{files.digest}/{name}"


@router.get("/static/{digest}/{name:path}", name="static.read", include_in_schema=False)
async def read_static(digest: str, name: str) -> Response:
    """One file, to be kept for good: another version has another path."""
    files = static_files()
    content = files.contents.get(name)
    if content is None or digest != files.digest:
        raise HTTPException(404)
    kind, _ = guess_type(name)
    return Response(content, media_type=kind or "application/octet-stream", headers=_KEPT)
