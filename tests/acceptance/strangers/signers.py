"""Whoever signs tokens out there: other languages and libraries, each as its users use it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import joserfc.jwt
import jwt
import pytest
from joserfc.jwk import OctKey

from tests.servers.node_packages import install_node_packages

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
SECONDS = 100


@dataclass(frozen=True)
class Wanted:
    """A token to be signed: by which algorithm and secret, with which `kid`, of which claims."""

    secret: str
    claims: dict[str, Any]
    algorithm: str = "HS256"
    kid: str | None = None

    @property
    def header(self) -> dict[str, str]:
        """As most libraries write it."""
        header = {"alg": self.algorithm, "typ": "JWT"}
        return header | {"kid": self.kid} if self.kid else header


Signer = Callable[[Sequence[Wanted]], list[str]]


def _pyjwt(wanted: Sequence[Wanted]) -> list[str]:
    return [
        jwt.encode(each.claims, each.secret, each.algorithm, headers=each.header) for each in wanted
    ]


def _joserfc(wanted: Sequence[Wanted]) -> list[str]:
    return [
        joserfc.jwt.encode(
            each.header,
            each.claims,
            OctKey.import_key(each.secret),
            algorithms=[each.algorithm],
        )
        for each in wanted
    ]


def _bash(wanted: Sequence[Wanted]) -> list[str]:
    require("openssl")
    lines = [
        line
        for each in wanted
        for line in (
            each.algorithm,
            each.secret,
            json.dumps(each.header),
            json.dumps(each.claims, ensure_ascii=False),
        )
    ]
    return _run(["bash", "bare.sh"], "\n".join([*lines, ""])).split()


def _program(interpreter: str, program: str) -> Signer:
    def sign(wanted: Sequence[Wanted]) -> list[str]:
        require(interpreter)
        if interpreter == "node":
            install_node_modules()
        tokens: list[str] = json.loads(
            _run([interpreter, program], json.dumps([asdict(each) for each in wanted]))
        )
        return tokens

    return sign


SIGNERS: dict[str, Signer] = {
    "node jsonwebtoken": _program("node", "jsonwebtoken.cjs"),
    "node jose": _program("node", "jose.mjs"),
    "PyJWT": _pyjwt,
    "joserfc": _joserfc,
    "bash and openssl": _bash,
    "PHP": _program("php", "bare.php"),
    "Ruby": _program("ruby", "bare.rb"),
}


def _run(command: list[str], given: str) -> str:
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, cwd=HERE, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def install_node_modules() -> None:
    """The locked packages are there."""
    install_node_packages(HERE)


def require(program: str) -> None:
    """The program is on this machine."""
    if shutil.which(program) is None:
        _missing(f"{program} is not installed")


def _missing(reason: str) -> NoReturn:
    """A visible skip here, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
