"""Every bad token of the rules is refused with its code, whoever made it."""

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.acceptance.strangers.conftest import Site, Sites
from tests.acceptance.strangers.signers import Signer, Wanted

pytestmark = pytest.mark.timeout(300)  # packages may have to be installed first

LEEWAY = 120


def _claims(**others: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"external_id": "ada", "iat": now, "exp": now + 300, **others}


def _well_formed_but(site: Site) -> dict[str, list[Wanted]]:
    """What any library can be made to sign, by the code it is refused with."""
    now = int(time.time())

    def signed(**others: Any) -> Wanted:
        return site.wanted(_claims(**others))

    return {
        "signature_invalid": [
            site.wanted(_claims(), secret=secrets.token_hex(32)),
            site.wanted(_claims(), secret=site.secret.swapcase()),
            site.wanted(_claims(), secret=secrets.token_hex(32), kid=site.key_id),
        ],
        "key_unknown": [site.wanted(_claims(), kid="another")],
        "token_too_large": [signed(padding="x" * 8192)],
        "token_expired": [signed(iat=now - 500, exp=now - LEEWAY - 2)],
        "token_not_yet_valid": [
            signed(nbf=now + LEEWAY + 60, exp=now + 590),
            signed(iat=now + LEEWAY + 60, exp=now + 590),
        ],
        "lifetime_too_long": [signed(iat=now, exp=now + 601), site.wanted({"exp": now + 10**6})],
        "claim_missing": [
            site.wanted({"external_id": "ada", "iat": now}),
            site.wanted({"exp": now + 60, "name": "Ada"}),
            site.wanted({"exp": now + 60, "sub": "userexternal"}),
        ],
        "claim_invalid": [
            signed(name=7),
            signed(name="x" * 201),
            signed(name="Ada\u0000"),
            signed(name="Ada\u202eecalevoL"),
            signed(email="x" * 321),
            signed(email=["ada@example.com"]),
            signed(attributes={"a": {"b": {"c": {"d": {}}}}}),
            signed(attributes={"a": "x" * 4096}),
            signed(aud=[7]),
        ],
        "custom_id_invalid": [
            *(signed(external_id=junk) for junk in ("null", "undefined", "0", "guest", " ")),
            signed(external_id="[object Object]"),
            signed(external_id="x" * 256),
            signed(external_id="a\u0000"),
            signed(external_id=True),
            signed(external_id=None),
            signed(external_id=["ada"]),
        ],
        "audience_mismatch": [
            signed(aud="https://chat.example.com/projects/another"),
            signed(aud=f"https://chat.example.com/projects/{site.project_id}/"),
            signed(aud=f"https://chat.example.com/v1/projects/{site.project_id}"),
            signed(aud=["another", "https://chat.example.com"]),
        ],
    }


def test_what_any_library_can_sign_wrongly(site: Site, sign: Signer) -> None:
    """Each stranger's bad tokens, by code."""
    expected, wanted = [], []
    for code, each in _well_formed_but(site).items():
        expected += [code] * len(each)
        wanted += each

    outcomes = site.verify(sign(wanted))

    answers = [getattr(outcome, "code", "signed in") for outcome in outcomes]
    told = [each.claims for each in wanted]
    assert list(zip(answers, told, strict=True)) == list(zip(expected, told, strict=True))


# What no library signs: both texts are made by hand, and the signature over them is good.

HEADER = '{"alg":"HS256","typ":"JWT"}'


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _signed(site: Site, claims: str, header: str = HEADER, secret: str | None = None) -> str:
    signed = ".".join(_part(text.encode()) for text in (header, claims))
    mac = hmac.digest((secret or site.secret).encode(), signed.encode(), "sha256")
    return f"{signed}.{_part(mac)}"


def _json(**verbatim: str) -> str:
    """The usual claims as JSON, some of them verbatim."""
    texts = {name: json.dumps(value) for name, value in _claims().items()} | verbatim
    return "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"


@pytest.mark.parametrize(
    ("claim", "text", "code"),
    [
        ("exp", "true", "claim_invalid"),
        ("exp", '"1900000000"', "claim_invalid"),
        ("exp", "1.9e9", "claim_invalid"),
        ("exp", "1e20", "claim_invalid"),
        ("exp", "null", "claim_invalid"),
        ("exp", "-1", "claim_invalid"),
        ("exp", "253402300800", "claim_invalid"),
        ("iat", "false", "claim_invalid"),
        ("iat", '"0"', "claim_invalid"),
        ("iat", "0.5", "claim_invalid"),
        ("nbf", "[]", "claim_invalid"),
        ("name", r'"\ud83d"', "claim_invalid"),
        ("attributes", r'{"a":"\u0000"}', "claim_invalid"),
        ("external_id", str(2**53), "custom_id_invalid"),
        ("external_id", "1.0", "custom_id_invalid"),
        ("external_id", r'"\udc00"', "custom_id_invalid"),
        ("external_id", '"{{user.id}}"', "custom_id_invalid"),
    ],
)
def test_a_good_signature_excuses_no_bad_claim(
    site: Site, claim: str, text: str, code: str
) -> None:
    """Whatever JSON can say and a JWT must not."""
    assert site.code_of(_signed(site, _json(**{claim: text}))) == code


MALFORMED: dict[str, Callable[[Site], str]] = {
    "nothing": lambda _: "",
    "a scheme alone": lambda _: "JWT ",
    "no base64": lambda _: "a.b.c",
    "a list of claims": lambda site: _signed(site, "[]"),
    "half an object": lambda site: _signed(site, _json()[:-1]),
    "a list as header": lambda site: _signed(site, _json(), "[]"),
    "a critical extension": lambda site: _signed(site, _json(), '{"alg":"HS256","crit":["exp"]}'),
    "a kid that is a number": lambda site: _signed(site, _json(), '{"alg":"HS256","kid":1}'),
    "padding": lambda site: _signed(site, _json()) + "=",
    "a fourth part": lambda site: _signed(site, _json()) + ".e30",
    "white space inside": lambda site: _signed(site, _json()).replace(".", " .", 1),
    "another alphabet": lambda site: _signed(site, _json()).replace(".", "\u3002"),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_what_is_no_jwt_is_told_so(site: Site, fault: str) -> None:
    """However nearly it is one."""
    assert site.code_of(MALFORMED[fault](site)) == "token_malformed"


@pytest.mark.parametrize("name", ["none", "None", "RS256", "ES256", "PS256", "HS1", "hs256", ""])
def test_only_our_algorithms_count(site: Site, name: str) -> None:
    """The list is ours, never the token's; a signature that fits HS256 does not help."""
    assert site.code_of(_signed(site, _json(), f'{{"alg":"{name}"}}')) == "algorithm_not_allowed"


def test_a_library_that_signs_nothing_is_refused(site: Site) -> None:
    """`alg: none`, with an empty signature."""
    token = jwt.encode(_claims(), "", algorithm="none")

    assert site.code_of(token) == "algorithm_not_allowed"


def test_one_algorithm_is_not_taken_for_another(site: Site) -> None:
    """A good HS256 signature is none of HS512, and a public key is no secret."""
    public = generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    assert site.code_of(_signed(site, _json(), '{"alg":"HS512"}')) == "signature_invalid"
    assert site.code_of(_signed(site, _json(), secret=pem)) == "signature_invalid"


def test_tampering_is_seen(site: Site, sign: Signer) -> None:
    """One character of a stranger's good token, in any of its parts."""
    [good] = sign([site.wanted(_claims())])
    header, claims, signature = good.split(".")
    other = _part(json.dumps(_claims(external_id="eve")).encode())
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]

    forged = [f"{header}.{other}.{signature}", f"{header}.{claims}.{flipped}"]
    forged += [f"{_part(b'{}')}.{claims}.{signature}"]

    assert site.code_of(good) is None
    assert [site.code_of(token) for token in forged] == [
        "signature_invalid",
        "signature_invalid",
        "algorithm_not_allowed",
    ]


def test_keys_of_others_and_of_the_past(sites: Sites, sign: Signer) -> None:
    """Another project's secret or `kid` is worth nothing; a revoked secret is named."""
    site, elsewhere = sites.add(), sites.add()
    old = site.wanted(_claims())
    old_named = site.wanted(_claims(), kid=site.key_id)
    site.regenerate()
    foreign = elsewhere.wanted(_claims())
    foreign_named = elsewhere.wanted(_claims(), kid=elsewhere.key_id)
    ours_misnamed = site.wanted(_claims(), kid=old_named.kid)

    tokens = sign([old, old_named, foreign, foreign_named, ours_misnamed])

    assert [site.code_of(token) for token in tokens] == [
        "key_revoked",
        "key_revoked",
        "signature_invalid",
        "key_unknown",
        "signature_invalid",
    ]
    assert elsewhere.code_of(tokens[2]) is None
