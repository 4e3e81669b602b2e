"""Where somebody goes after signing in: a path of our own, never another site."""

from urllib.parse import quote, urlsplit

LONGEST = 500
HOME = "/"
SIGN_IN = "/sign-in"


def checked_path(text: str) -> str:
    r"""The path with its query if it leads to a page of ours, else home.

    Browsers take `//host`, `/\host` and what has line breaks or tabs in it for other sites.
    """
    plain = text.isascii() and text.isprintable() and "\\" not in text and len(text) <= LONGEST
    if not plain or not text.startswith("/") or text.startswith("//"):
        return HOME
    try:
        parts = urlsplit(text)
    except ValueError:
        return HOME
    outside = parts.scheme or parts.netloc or parts.path == SIGN_IN
    return HOME if outside else text


def sign_in_path(then: str = HOME) -> str:
    """The path of the sign-in page that leads on to the other."""
    then = checked_path(then)
    return SIGN_IN if then == HOME else f"{SIGN_IN}?next={quote(then, safe='/')}"
