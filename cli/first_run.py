"""Makes a development database ready: its tables, and somebody who may use it. A program."""

import secrets
import sys
from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy.engine import Connection

from cli.development.demo_account import DemoAccount, read_demo_account, write_demo_account
from cli.development.shop import SHOP_FILE
from cli.shop.configuration import ShopConfiguration
from config.logs import configure_logs
from config.settings import CliSettings, load
from domain.errors import StorageUnavailable
from domain.ids import ProjectId
from domain.roles import Actor, Role
from domain.sealing import SecretSealer
from services.api_keys import api_key_digest, issue_api_key
from services.members import add_member
from services.projects import create_project
from services.rotate_secret import regenerate
from services.stores import Stores
from services.transactions import Transaction, Transactor
from storage.redis.client import connect
from storage.sql import signing_secrets
from storage.sql.api_keys import find_api_key
from storage.sql.engine import open_database
from storage.sql.migrate import migrate

EMAIL = "demo@example.com"
PROJECT = "Demo"
_ACTOR = Actor("dev:first run")


def main() -> int:
    """The tables are this version's; demo account and demo shop exist and can be read again."""
    settings = load(CliSettings)
    configure_logs(settings.log_format, settings.log_level)
    database = open_database(settings.database_url)
    redis = connect(settings.redis_url)
    stores = Stores(
        Transactor(database, _publish_later), redis, SecretSealer(settings.sealing_keys)
    )
    try:
        redis.ping()
        migrate(database)
        _ensure_demo_account(stores, settings.data_dir)
        _ensure_shop(stores, settings.data_dir)
    except StorageUnavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        stores.close()
    return 0


def _publish_later(_kind: object, _payload: object) -> None:
    raise ConnectionError  # nobody works yet; the relay sends what is due


def _ensure_demo_account(stores: Stores, data_dir: Path) -> None:
    account = read_demo_account(data_dir)
    if account is not None:
        with stores.database.reading() as db:
            if _is_known(db, account):
                return
    write_demo_account(data_dir, _make_demo_account(stores))


def _ensure_shop(stores: Stores, data_dir: Path) -> None:
    """The demo shop knows the demo project, and its secret if that is the project's first.

    A secret that somebody else has generated since is theirs to paste into the shop.
    """
    account, path = read_demo_account(data_dir), data_dir / SHOP_FILE
    kept = ShopConfiguration.read(path)
    if account is None or (kept and kept.project_id == account.project_id):
        return
    project_id = ProjectId(account.project_id)
    ShopConfiguration(project_id, _first_secret(stores, project_id)).write(path)


def _first_secret(stores: Stores, project_id: ProjectId) -> str:
    def use_case(transaction: Transaction) -> str:
        if signing_secrets.list_secrets(transaction.db, project_id):
            return ""
        return regenerate(transaction, stores.sealer, project_id, _ACTOR).secret

    return stores.transactor.run(use_case, urgent=True)


def _is_known(db: Connection, account: DemoAccount) -> bool:
    return find_api_key(db, api_key_digest(account.api_key)) is not None


def _make_demo_account(stores: Stores) -> DemoAccount:
    project = create_project(stores, PROJECT, "UTC", _ACTOR)
    password = secrets.token_urlsafe(12)

    def use_case(transaction: Transaction) -> str:
        hasher = PasswordHasher()
        add_member(transaction, hasher, None, EMAIL, Role.OWNER, password, _ACTOR)
        return issue_api_key(transaction, None, "demo", Role.OWNER, _ACTOR).text

    api_key = stores.transactor.run(use_case, urgent=True)
    return DemoAccount(project.id, EMAIL, password, api_key)


if __name__ == "__main__":
    sys.exit(main())
