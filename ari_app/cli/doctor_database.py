"""The doctor's checks of settings, database and schemes."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from ari_app.cli.faults import Failed, WrongSettings
from ari_app.cli.findings import Check, Finding, Patient, fault, fine, skipped, warning
from ari_app.cli.screen import count
from ari_app.cli.site import cause_of, require_file, revision_problem, settings_of, shown_url
from ari_app.core.checks import errors
from ari_app.settings import ENV_FILES
from ari_app.storage.book import load_book
from ari_app.storage.database import open_database, snapshot
from ari_app.storage.owed_recordings import owed_in_all
from ari_app.storage.revisions import MigrationsMissingError, revision_state

NO_SETTINGS = skipped("not checked: the settings come first")


def examine_settings(patient: Patient) -> Finding:
    """Whether the settings can be read, and from where."""
    try:
        patient.settings = settings_of(patient.env_file)
    except WrongSettings as error:
        return fault(error.message, "correct the setting that is named; docs/cli.md lists the ways to give them")
    return fine(_source(patient.env_file))


def _source(env_file: Path | None) -> str:
    named = env_file or os.environ.get("ARI_APP_ENV_FILE")
    path = Path(named) if named else next((Path(name) for name in ENV_FILES if Path(name).is_file()), None)
    given = sum(name.startswith("ARI_APP_") for name in os.environ)
    variables = f"{count(given, 'variable')} of the environment"
    if path is None:
        return f"from {variables}; no file"
    mode = f"{path.resolve()} (mode {path.stat().st_mode & 0o777:04o})"
    return f"from {mode} and {variables}" if given else f"from {mode}"


def examine_password(patient: Patient) -> Finding:
    """Whether there is a password for ARI at all."""
    if patient.settings is None:
        return NO_SETTINGS
    if not patient.settings.ari_password.get_secret_value():
        return fault(
            "ARI_APP_ARI_PASSWORD is empty", "set it as in Asterisk's ari.conf, or set ARI_APP_ARI_PASSWORD_FILE"
        )
    from_file = patient.settings.ari_password_file
    return fine(f"user {patient.settings.ari_user}, password {f'from {from_file}' if from_file else 'set'}")


def examine_database(patient: Patient) -> Finding:
    """Whether the database answers and is of this release's revision."""
    settings = patient.settings
    if settings is None:
        return NO_SETTINGS
    where = shown_url(settings.database_url)
    try:
        require_file(settings)
        engine = open_database(settings.database_url)
        try:
            problem = revision_problem(revision_state(engine))
            if problem is None:
                with snapshot(engine).begin() as connection:
                    patient.reading = load_book(connection, settings.dial_policy, settings.default_greeting)
        finally:
            engine.dispose()
    except Failed as error:
        return fault(error.message, "ari-app db upgrade")
    except MigrationsMissingError as error:
        return fault(str(error), "set ARI_APP_MIGRATIONS to the migrations folder of this release")
    except (sa.exc.SQLAlchemyError, OSError) as error:
        cause = cause_of(error) if isinstance(error, sa.exc.SQLAlchemyError) else str(error)
        return fault(f"{where}: {cause}", "start the database, or correct ARI_APP_DATABASE_URL and its rights")
    return fault(problem, "ari-app db upgrade") if problem else fine(f"{where}, up to date")


def examine_schemes(patient: Patient) -> Finding:
    """Whether every scheme makes sense."""
    if patient.reading is None:
        return skipped("not checked: the database comes first")
    found = patient.reading.problems
    schemes, numbers = len(patient.reading.judged), len(patient.reading.assigned)
    told = f"{count(schemes, 'scheme')}, {count(numbers, 'number')}"
    if wrong := errors(found):
        return fault(f"{told}; {count(len(wrong), 'error')}, the first: {wrong[0]}", "ari-app schemes check tells all")
    if not numbers:
        return warning(f"{told}: every call gets the configured default", "enter numbers, or ari-app db upgrade --demo")
    if found:
        return warning(
            f"{told}; {count(len(found), 'warning')}, the first: {found[0]}", "ari-app schemes check tells all"
        )
    return fine(f"{told}, no problems")


def examine_zones(patient: Patient) -> Finding:
    """Whether the zones of the schemes are in this machine's tz database."""
    if patient.reading is None:
        return skipped("not checked: the database comes first")
    zones = sorted({judged.draft.time_zone for judged in patient.reading.judged.values()} | {"Europe/Moscow"})
    missing = [zone for zone in zones if not _loads(zone)]
    if missing:
        return fault(
            f"no zone {', '.join(missing)}", "write IANA names in schemes.time_zone; for all: pip install tzdata"
        )
    return fine(f"{count(len(zones), 'zone')} of the schemes load: {', '.join(zones)}")


def _loads(zone: str) -> bool:
    try:
        return bool(ZoneInfo(zone).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def examine_owed_recordings(patient: Patient) -> Finding:
    """Whether recordings wait in Asterisk's spool that calls are owed."""
    if patient.settings is None or patient.reading is None:
        return skipped("not checked: the database comes first")
    engine = open_database(patient.settings.database_url)
    try:
        with engine.connect() as connection:
            owed = owed_in_all(connection)
    except sa.exc.SQLAlchemyError as error:
        return fault(cause_of(error), "start the database, or correct ARI_APP_DATABASE_URL and its rights")
    finally:
        engine.dispose()
    if not owed:
        return fine("no recording waits in Asterisk's spool")
    first = owed[0]
    return warning(
        f"{count(len(owed), 'recording')} in the spool of Asterisk, owed to calls; the longest: {first.name} of call "
        f"{first.call_id}, application {first.application}: {first.why}",
        "mend what is named (Asterisk, the messages folder); ari-app serve takes them by itself, within seconds",
    )


DATABASE_CHECKS = (
    Check("settings", "Settings", examine_settings),
    Check("ARI password", "Settings", examine_password),
    Check("database", "Database", examine_database),
    Check("schemes", "Database", examine_schemes),
    Check("time zones", "Database", examine_zones),
    Check("owed recordings", "Database", examine_owed_recordings),
)
