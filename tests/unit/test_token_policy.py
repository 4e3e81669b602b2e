"""A project's token policy: a preset and what is set over it."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from domain.json_values import Json, JsonObject
from domain.tokens.policy import PolicyInvalid, TokenPolicy

DEFAULT = TokenPolicy.of_preset("default")


def test_nothing_said_is_the_default() -> None:
    """Ten minutes of lifetime, two of leeway, a proof of twelve hours."""
    policy = TokenPolicy.from_json({})

    assert policy == DEFAULT
    assert policy.to_json() == {
        "preset": "default",
        "require_exp": True,
        "max_lifetime_seconds": 600,
        "leeway_seconds": 120,
        "proof_seconds": 43200,
        "custom_id_claim": None,
    }


def test_the_drop_in_preset_asks_for_less() -> None:
    """The original system requires no `exp`, limits no lifetime and reads no `kid`."""
    policy = TokenPolicy.from_json({"preset": "tiledesk"})

    assert policy == TokenPolicy.of_preset("tiledesk")
    assert (policy.require_exp, policy.max_lifetime_seconds) == (False, None)
    assert policy.ignores_unknown_kid
    assert not DEFAULT.ignores_unknown_kid


def test_members_go_over_the_preset() -> None:
    """Whatever their order."""
    policy = TokenPolicy.from_json(
        {"max_lifetime_seconds": None, "proof_seconds": 60, "preset": "default"}
    )

    assert policy == replace(DEFAULT, max_lifetime_seconds=None, proof_seconds=60)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"preset": "none"}, "preset"),
        ({"preset": []}, "preset"),
        ({"require_exp": 1}, "require_exp"),
        ({"max_lifetime_seconds": 0}, "max_lifetime_seconds"),
        ({"max_lifetime_seconds": 600.0}, "max_lifetime_seconds"),
        ({"leeway_seconds": True}, "leeway_seconds"),
        ({"leeway_seconds": -1}, "leeway_seconds"),
        ({"leeway_seconds": 601}, "leeway_seconds"),
        ({"proof_seconds": "60"}, "proof_seconds"),
        ({"proof_seconds": None}, "proof_seconds"),
        ({"custom_id_claim": ""}, "custom_id_claim"),
        ({"custom_id_claim": 1}, "custom_id_claim"),
        ({"custom_id_claim": "user id"}, "custom_id_claim"),
        ({"custom_id_claim": "u" * 65}, "custom_id_claim"),
        ({"custom_id_claim": "iss"}, "custom_id_claim"),
        ({"custom_id_claim": "exp"}, "custom_id_claim"),
        ({"algorithms": ["none"]}, "algorithms"),
    ],
)
def test_a_wrong_member_is_named(members: JsonObject, field: str) -> None:
    """So that whoever sent it knows which one."""
    with pytest.raises(PolicyInvalid, match=field) as refused:
        TokenPolicy.from_json(members)

    assert refused.value.field == field


@pytest.mark.parametrize("claim", [None, "user_id", "sub", "https://shop.example/user"])
def test_the_custom_id_can_have_another_name(claim: str | None) -> None:
    """Whatever the site's back end calls it, in whichever preset."""
    policy = TokenPolicy.from_json({"preset": "tiledesk", "custom_id_claim": claim})

    assert policy == replace(TokenPolicy.of_preset("tiledesk"), custom_id_claim=claim)


@given(
    st.dictionaries(
        st.sampled_from(list(DEFAULT.to_json())),
        st.none() | st.booleans() | st.integers(-1, 700) | st.sampled_from(["tiledesk", "user_id"]),
    )
)
def test_a_policy_is_refused_or_comes_back_as_written(members: dict[str, Json]) -> None:
    """What SQL holds is what was accepted."""
    try:
        policy = TokenPolicy.from_json(members)
    except PolicyInvalid:
        return

    assert TokenPolicy.from_json(policy.to_json()) == policy
    assert members.items() <= policy.to_json().items()
