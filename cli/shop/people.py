"""The shop's customers, all made up, and how a browser is known to be one of them."""

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Final

import jwt

COOKIE: Final = "demo_shop_customer"
TOKEN_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with an account at the shop. `number` is the shop's own, and never changes."""

    number: str
    name: str
    email: str


CUSTOMERS: Final = {
    customer.number: customer
    for customer in (
        Customer("customer-1815", "Ada Lovelace", "ada@example.com"),
        Customer("customer-1906", "Grace Hopper", "grace@example.com"),
        Customer("customer-1918", "Katherine Johnson", "katherine@example.com"),
    )
}


def cookie_for(customer: Customer, key: str) -> str:
    """What the browser of somebody logged in keeps."""
    return f"{customer.number}.{_mark(customer.number, key)}"


def find_customer(cookie: str, key: str) -> Customer | None:
    """Who is logged in, by a cookie that this shop has issued."""
    number, _, mark = cookie.partition(".")
    if not hmac.compare_digest(mark.encode(), _mark(number, key).encode()):
        return None
    return CUSTOMERS.get(number)


def token_for(customer: Customer, secret: str) -> str:
    """A token that says who the customer is: this is all that a site's back end has to do."""
    now = int(time.time())
    claims = {
        "external_id": customer.number,
        "name": customer.name,
        "email": customer.email,
        "iat": now,
        "exp": now + TOKEN_SECONDS,
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def _mark(number: str, key: str) -> str:
    return hmac.new(key.encode(), number.encode(), hashlib.sha256).hexdigest()
