"""Origins of web pages, as administrators enter them."""

import pytest

from domain.errors import Invalid
from domain.origins import check_origins


def test_origins_stand_in_the_form_that_browsers_send() -> None:
    """Lower case, without a default port or a final slash, and each one time."""
    given = ["HTTPS://Shop.example:443/", "http://localhost:3000", "https://shop.example"]

    assert check_origins(given) == ("https://shop.example", "http://localhost:3000")


@pytest.mark.parametrize(
    "text",
    ["https://a\0b.example", "https://a\nb.example", "https://a b.example", "https://é.example"],
)
def test_what_no_host_has_is_refused(text: str) -> None:
    """What a database would not take, or what would be another origin once it is dropped."""
    with pytest.raises(Invalid):
        check_origins([text])
