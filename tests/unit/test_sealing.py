"""Secrets at rest open in their own row, with a key at hand, and in no other way."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from domain.ids import KeyId, ProjectId
from domain.sealing import SealBroken, SecretSealer

OLD, NEW = b"1" * 32, b"2" * 32
PROJECT, KEY = ProjectId("project"), KeyId("key")
SECRET = b"s" * 64
SEALED = SecretSealer((OLD,)).seal(SECRET, PROJECT, KEY, b"n" * 12)


def test_a_sealed_secret_opens_and_does_not_show() -> None:
    """The text names version and key, and holds nothing of the secret."""
    version, key_id, body = SEALED.split(".")

    assert SecretSealer((OLD,)).open(SEALED, PROJECT, KEY) == SECRET
    assert (version, len(key_id)) == ("v1", 8)
    assert "ssss" not in body


def test_every_key_opens_and_the_first_one_seals() -> None:
    """A new key is put in front, and what is left under the old one can be told and resealed."""
    sealer = SecretSealer((NEW, OLD))

    resealed = sealer.seal(sealer.open(SEALED, PROJECT, KEY), PROJECT, KEY, b"m" * 12)

    assert not sealer.sealed_with_first(SEALED)
    assert sealer.sealed_with_first(resealed)
    assert SecretSealer((NEW,)).open(resealed, PROJECT, KEY) == SECRET


@pytest.mark.parametrize(
    ("project", "key"), [("other", "key"), ("project", "other"), ("projectk", "ey")]
)
def test_a_secret_moved_to_another_row_does_not_open(project: str, key: str) -> None:
    """Whoever can write the table cannot give one project another one's secret."""
    with pytest.raises(SealBroken):
        SecretSealer((OLD,)).open(SEALED, ProjectId(project), KeyId(key))


@pytest.mark.parametrize(
    "sealed",
    [
        *("", "v1", "v1..", "....", SEALED[:-1], SEALED + "A", SEALED + "=", SEALED[:20]),
        *(SEALED.replace("v1", "v2"), "v1.00000000." + SEALED.split(".")[2], "\ud800.a.b"),
        *(SEALED[:30] + ("A" if SEALED[30] != "A" else "B") + SEALED[31:],),
    ],
)
def test_an_altered_text_does_not_open(sealed: str) -> None:
    """Nothing else is raised either."""
    with pytest.raises(SealBroken):
        SecretSealer((OLD,)).open(sealed, PROJECT, KEY)


@given(st.text(max_size=200))
def test_no_text_raises_anything_else(text: str) -> None:
    """The table's content is not believed."""
    with pytest.raises(SealBroken):
        SecretSealer((OLD,)).open(text, PROJECT, KEY)


def test_a_missing_key_is_told_from_nothing() -> None:
    """Without the old key the secret stays shut."""
    with pytest.raises(SealBroken):
        SecretSealer((NEW,)).open(SEALED, PROJECT, KEY)


@pytest.mark.parametrize("keys", [(), (b"short",), (OLD, b"")])
def test_keys_of_another_length_are_not_taken(keys: tuple[bytes, ...]) -> None:
    """AES-256 has keys of 32 bytes; the fault is told without the key."""
    with pytest.raises(ValueError, match="32 bytes"):
        SecretSealer(keys)


def test_a_nonce_of_another_length_is_not_taken() -> None:
    """Twelve bytes, as GCM wants them."""
    with pytest.raises(ValueError, match="12 bytes"):
        SecretSealer((OLD,)).seal(SECRET, PROJECT, KEY, b"short")
