"""What a browser keeps for us: who is signed in, and one sentence for the next page."""

import hmac
import re
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from domain import base64url
from services.member_sign_ins import LASTS_AT_MOST

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Cookies:
    """The dashboard's cookies and the keys that belong to them.

    Behind TLS their names begin with `__Host-`: no other host and no plain request can set them.

    Args:
        session_key: what the other keys are derived from.
        public_url: where browsers find the dashboard.
    """

    def __init__(self, session_key: bytes, public_url: str) -> None:
        self._secure = public_url.startswith("https://")
        prefix = "__Host-" if self._secure else ""
        self.sign_in_name = f"{prefix}widget_auth"
        self.flash_name = f"{prefix}widget_auth_flash"
        self._csrf_key = _derived(session_key, b"csrf")
        self._flash_key = _derived(session_key, b"flash")

    def sign_in_token(self, request: Request) -> str | None:
        """What the browser holds, if it can be one of ours."""
        text = request.cookies.get(self.sign_in_name, "")
        return text if _TOKEN.fullmatch(text) else None

    def keep_signed_in(self, response: Response, token: str) -> None:
        """The browser holds this from now on, out of reach of scripts."""
        seconds = int(LASTS_AT_MOST.total_seconds())
        self._set(response, self.sign_in_name, token, seconds)

    def forget_signed_in(self, response: Response) -> None:
        """The browser holds it no longer."""
        self._set(response, self.sign_in_name, "", 0)

    def csrf_token(self, sign_in_token: str) -> str:
        """What our own pages send along; another site's cannot know it."""
        return _mac(self._csrf_key, sign_in_token)

    def is_csrf_token(self, sign_in_token: str, given: str) -> bool:
        """Whether a page of ours for this sign-in sent it."""
        return hmac.compare_digest(self.csrf_token(sign_in_token).encode(), given.encode())

    def keep_flash(self, response: Response, text: str) -> None:
        """The next page finds this text; it is signed and in clear, so no secret belongs in it."""
        encoded = base64url.encode(text.encode()).decode()
        signed = f"{encoded}.{_mac(self._flash_key, encoded)}"
        self._set(response, self.flash_name, signed, 60)

    def flash(self, request: Request) -> str | None:
        """The text that the page before left."""
        encoded, _, mac = request.cookies.get(self.flash_name, "").partition(".")
        if not hmac.compare_digest(_mac(self._flash_key, encoded).encode(), mac.encode()):
            return None
        return base64url.decode(encoded.encode()).decode()

    def forget_flash(self, response: Response) -> None:
        """It has been shown."""
        self._set(response, self.flash_name, "", 0)

    def _set(self, response: Response, name: str, text: str, seconds: int) -> None:
        response.set_cookie(
            name, text, max_age=seconds, secure=self._secure, httponly=True, samesite="lax"
        )


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"widget-auth dashboard " + purpose, sha256)


def _mac(key: bytes, text: str) -> str:
    return base64url.encode(hmac.digest(key, text.encode(), sha256)).decode()
