"""What Docker is told is true of the system that the tests run."""

import json
import re
import subprocess
import tomllib
from ipaddress import ip_network
from pathlib import Path

import pytest

from cli.command_list import COMMANDS
from cli.one_port import is_the_gateways
from cli.processes import BEAT, DASHBOARD, GATEWAY, WORKERS, Program
from config.settings import (
    DashboardSettings,
    GatewaySettings,
    MigrationSettings,
    Settings,
    WorkerSettings,
    load,
    setting_name,
)
from tests.containers import (
    ROOT,
    environment_of,
    fill_in,
    make_env_file,
    make_image,
    new_env_file,
    read_allowed,
    read_networks,
    read_services,
    read_stages,
)

PROGRAMS = {program.name: program for program in (*WORKERS, BEAT, GATEWAY, DASHBOARD)}
SETTINGS: dict[str, type[Settings]] = {
    **dict.fromkeys([program.name for program in (*WORKERS, BEAT)], WorkerSettings),
    "gateway": GatewaySettings,
    "dashboard": DashboardSettings,
    "migrate": MigrationSettings,
}
OTHERS = {"proxy", "postgres", "live", "broker"}
SERVING = {"gateway", "dashboard"}
# Addresses come from the passwords and from FRONT_NETWORK; one name would be two gateways'.
OF_THE_FILE = {"database_url", "redis_url", "broker_url", "trusted_proxies", "node_id", "data_dir"}
IN_EVERY_ENV_FILE = {"sealing_keys", "queue_keys", "device_keys", "session_key", "public_url"}
SHAPES = ("gateway", "dashboard", "worker")

services = read_services()
stages = read_stages()


def test_the_same_processes_run_as_on_one_machine() -> None:
    """Those of the one list, the migration before them, and what is not ours."""
    assert set(services) == set(PROGRAMS) | {"migrate"} | OTHERS


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_each_command_is_the_one_that_the_tests_run(program: Program) -> None:
    """In as many copies, at least."""
    service = services[program.name]
    everywhere = ["--host", "0.0.0.0"] if program.name in SERVING else []  # noqa: S104 - a container

    assert service["command"] == [*program.arguments, *everywhere]
    assert service.get("deploy", {}).get("replicas", 1) >= program.copies


def test_revoking_and_ticking_survive_the_loss_of_one() -> None:
    """Two of each, as designed."""
    assert services["revocation"]["deploy"]["replicas"] == 2
    assert services["beat"]["deploy"]["replicas"] == 2


def test_the_migration_is_a_command_that_exists() -> None:
    """It runs before whoever needs its tables."""
    module, command = services["migrate"]["command"]

    assert module == "cli.main"
    assert command in COMMANDS.members
    for name, settings in SETTINGS.items():
        if name != "migrate" and "database_url" in settings.model_fields:
            waits_for = services[name]["depends_on"]["migrate"]
            assert waits_for == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_variable_is_a_setting_of_its_process(name: str) -> None:
    """All that it must know, and nothing that it must not; `deploy/new-secrets` makes all of it."""
    environment = environment_of(services[name], new_env_file())

    known = {setting_name(field) for field in SETTINGS[name].model_fields}
    assert set(environment) <= known
    load(SETTINGS[name], environment)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_choice_is_made_in_the_env_file(name: str) -> None:
    """What is written there reaches each process that knows it; not set it is at its default."""
    made = new_env_file()
    fields = SETTINGS[name].model_fields
    names = {setting_name(field): field for field in fields.keys() - OF_THE_FILE}

    chosen = environment_of(services[name], made | {each: f"chosen {each}" for each in names})
    assert {each: chosen[each] for each in names} == {each: f"chosen {each}" for each in names}

    usual = load(SETTINGS[name], environment_of(services[name], made))
    for field in fields.keys() - OF_THE_FILE - IN_EVERY_ENV_FILE:
        assert getattr(usual, field) == fields[field].default, field


def test_the_gateway_cannot_reach_the_database() -> None:
    """It is on no network with it, and knows neither its password nor what opens its secrets."""
    networks = read_networks()

    assert services["postgres"]["networks"] == ["sql"]
    assert set(services["gateway"]["networks"]) == {"front", "state"}
    assert networks["sql"] == networks["state"] == {"internal": True}
    assert not {"SEALING", "DATABASE", "SESSION"} & set(
        re.findall(r"[A-Z]+", " ".join(services["gateway"]["environment"]))
    )


def test_proxies_are_trusted_where_they_are() -> None:
    """Addresses of visitors come from the proxy's network and from nowhere else."""
    [front] = read_networks()["front"]["ipam"]["config"]

    for name in SERVING:
        assert services[name]["environment"]["WIDGET_AUTH_TRUSTED_PROXIES"] == front["subnet"]
    assert services["proxy"]["networks"] == ["front"]
    assert ip_network(fill_in(front["subnet"], {})).is_private
    assert fill_in(front["subnet"], {"FRONT_NETWORK": "10.0.0.0/24"}) == "10.0.0.0/24"


def test_the_proxy_starts_anew_with_whom_it_leads_to() -> None:
    """It learns their addresses when it starts."""
    leads_to = services["proxy"]["depends_on"]

    assert set(leads_to) == SERVING
    assert all(each["restart"] is True for each in leads_to.values())


def test_what_needs_no_powers_has_none() -> None:
    """All but PostgreSQL, whose image begins as root."""
    for name, service in services.items():
        if name != "postgres":
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name


def test_only_the_proxy_has_a_port_and_only_on_this_machine() -> None:
    """TLS is the business of what stands in front of it."""
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert ports == {"proxy": ["127.0.0.1:8400:8080"]}


def test_images_are_pinned() -> None:
    """To one version each, down to the last number."""
    images = [service["image"] for service in services.values() if "image" in service]
    images += [lines[0].split()[1] for lines in stages.values()]
    foreign = [image for image in images if image not in stages]

    assert len(foreign) >= 5
    for image in foreign:
        assert re.fullmatch(r"[a-z/-]+:(\d+\.\d+\.\d+|1\d\.\d+-)\S*", image), image


def test_no_secret_is_in_any_of_the_files() -> None:
    """Each comes from deploy/compose.env, and without it nothing starts."""
    for name, service in services.items():
        for variable, text in service.get("environment", {}).items():
            if re.search(r"KEYS?$|PASSWORD|AUTH$|(DATABASE|REDIS|BROKER)_URL", variable):
                assert re.search(r"\$\{\w+:\?", text), f"{name}: {variable}"
    for path in ("Dockerfile", "docker-compose.yml", "deploy/nginx.conf", "deploy/new-secrets"):
        assert not re.search(r"[A-Za-z0-9_-]{40,}", (ROOT / path).read_text()), path


def test_env_files_are_never_committed_nor_sent_to_docker() -> None:
    """Only what is named goes into an image: the rooms, and what containers need."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    rooms = set(wheel["targets"]["wheel"]["packages"])

    assert {".env", "deploy/compose.env"} <= set((ROOT / ".gitignore").read_text().splitlines())
    assert read_allowed() == rooms | {
        "requirements/production.txt",
        "pyproject.toml",
        "deploy/__init__.py",
        "deploy/healthy.py",
        "deploy/install.py",
    }


def test_new_secrets_are_for_ones_own_eyes_and_never_replace_others(tmp_path: Path) -> None:
    """A second time would lose the keys to all that is stored."""
    path = tmp_path / "compose.env"
    make_env_file(path)
    first = path.read_text()

    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(subprocess.CalledProcessError):
        make_env_file(path)
    assert path.read_text() == first


def test_an_image_has_what_its_programs_need(tmp_path: Path) -> None:
    """Only what is allowed into it: each is found, the command is, and the dashboard starts."""
    programs = make_image(tmp_path)
    environment = environment_of(services["dashboard"], new_env_file())
    starting = (
        "import asyncio, workers.tasks, gateway.app, cli.gateway_command, deploy.healthy\n"
        "from config.settings import DashboardSettings, load\n"
        "from dashboard.app import make_dashboard\n"
        "asyncio.run(make_dashboard(load(DashboardSettings)).start())"
    )

    for command in (["python", "-c", starting], ["widget-auth", "secret", "reseal", "--help"]):
        done = subprocess.run(
            [programs / command[0], *command[1:]],
            cwd=tmp_path / "app",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    installed = "RUN /opt/venv/bin/python -I /install.py /pyproject.toml /app"
    assert installed in stages["build"]
    assert "WORKDIR /app" in stages["base"]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_runs_as_nobody_in_particular_and_holds_no_tools(shape: str) -> None:
    """What installs stays in the stage before; what is installed has the hash of the lock."""
    lines = stages[shape]
    users = [line.split()[1] for line in lines if line.startswith("USER")]

    assert users == ["10001:10001"]
    assert not [line for line in lines if line.startswith("RUN") and "useradd" not in line]
    assert any("--require-hashes" in line for line in stages["build"])


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_knows_whether_it_is_well_and_what_it_runs(shape: str) -> None:
    """By a path that exists on its own port, or by a ping; and every shape is one in use."""
    health = json.loads(_last(shape, "HEALTHCHECK").partition("CMD ")[2])
    command = json.loads(_last(shape, "CMD").removeprefix("CMD "))
    programs = [p for p in PROGRAMS.values() if services[p.name]["build"]["target"] == shape]

    assert health[:3] == ["python", "-m", "deploy.healthy"]
    assert command in [services[program.name]["command"] for program in programs]
    if shape == "worker":
        assert health[3] == "worker"
        return
    port, path = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/\S+)", health[3]).groups()  # type: ignore[union-attr]
    assert _last(shape, "EXPOSE") == f"EXPOSE {port}"
    assert is_the_gateways(path) is (shape == "gateway")


def _last(shape: str, instruction: str) -> str:
    return [line for line in stages[shape] if line.startswith(instruction)][-1]


def test_everything_that_goes_on_has_a_health_check() -> None:
    """Its own or its image's; but beat, which listens to nobody."""
    without = {
        name for name, s in services.items() if s.get("healthcheck", {}).get("disable") is True
    }

    assert without == {"beat", "migrate"}
    assert all("healthcheck" in services[name] for name in OTHERS)
