"""The doctor's checks of the CRMs: whether they answer, and whether those they name can be rung."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ari_app.cli.findings import Check, Finding, Patient, fault, fine, skipped, warning
from ari_app.cli.screen import count
from ari_app.cli.site import reading
from ari_app.core.numbering import printable
from ari_app.core.responsible import Manager, asked
from ari_app.core.scheme import DialStep, SchemeBook, TargetKind
from ari_app.crm.base import CrmTrouble
from ari_app.crm.configuration import Configured, CrmsError, load_crms
from ari_app.crm.csv_file import CsvFile
from ari_app.storage.book import Reading
from ari_app.storage.unlisted_managers import unlisted_managers

NOBODY = "+79990000000"
"""Asked for in a trial; that nobody knows the number is as good an answer as any."""
DAYS = 7
"""So many of the journal are looked through."""
CORRECT = "correct ARI_APP_CRM_FILE, or the file that it names; docs/crm.md has every setting"


def examine_crms(patient: Patient) -> Finding:
    """Whether every CRM answers a trial question within its budget, and destinations name CRMs that there are."""
    if patient.settings is None:
        return skipped("not checked: the settings come first")
    try:
        crms = load_crms(patient.settings.crm_file)
    except CrmsError as error:
        return fault(str(error), CORRECT)
    known = {one.crm.name for one in crms}
    if unknown := sorted(_asked_crms(patient.reading) - known):
        text = f"destinations ask {', '.join(unknown)}, which is not configured: nobody is found by it"
        return fault(text, "add it to ARI_APP_CRM_FILE, or correct the destinations")
    told = [_tried(one) for one in crms]
    if failed := [words for words, works in told if not works]:
        return fault("; ".join(failed), "see docs/crm.md; meanwhile the next destination is rung")
    return fine("; ".join(words for words, _ in told) or "none is configured, and no destination asks one")


def _asked_crms(reading: Reading | None) -> set[str]:
    """Which CRMs the schemes in force ask."""
    schemes = [judged.in_force for judged in reading.judged.values() if judged.in_force] if reading else []
    steps = (step for scheme in schemes for branch in scheme.branches for step in branch.steps)
    rung = (one for step in steps if isinstance(step, DialStep) for one in step.destinations)
    return {asked(one.target).crm for one in rung if one.kind is TargetKind.MANAGER}


def _tried(one: Configured) -> tuple[str, bool]:
    """What became of a trial question, and whether the CRM answers."""
    began = time.monotonic()
    try:
        one.crm.find(one.crm.entities[0], NOBODY, one.settings.budget)
    except CrmTrouble as trouble:
        return f"{one.crm.name}: {trouble}", False
    took = time.monotonic() - began
    if took > one.settings.budget:
        return f"{one.crm.name} took {took:.1f} s of its {one.settings.budget:g}", False
    return f"{one.crm.name} answers in {took * 1000:.0f} ms", True


def examine_managers(patient: Patient) -> Finding:
    """Whether those have destinations whom a file names, or whom any CRM has named for calls of the last days."""
    if patient.settings is None or patient.reading is None:
        return skipped("not checked: the settings and the database come first")
    book = patient.reading.book
    managers = len(book.managers)
    try:
        crms = load_crms(patient.settings.crm_file)
        named = {one for each in crms if isinstance(each.crm, CsvFile) for one in _without(each.crm, book)}
    except (CrmsError, CrmTrouble):
        return skipped("not checked: the CRMs come first")
    with reading(patient.settings) as connection:
        told = unlisted_managers(connection, datetime.now(UTC) - timedelta(days=DAYS))
    without = sorted(
        {*named, *(f"{printable(who)} of {crm}" for crm, who in told if (crm, who.lower()) not in book.managers)}
    )
    if without:
        text = f"{count(len(without), 'manager')} without a destination, the first: {without[0]}"
        return warning(text, "insert into manager_destinations where they are rung; ari-app managers list shows it")
    return fine(f"{count(managers, 'manager')} with destinations")


def _without(crm: CsvFile, book: SchemeBook) -> Iterable[str]:
    found = (one for one in crm.managers() if not _is_rung(crm.name, one, book))
    return {f"{printable(one.id)} of {crm.name}" for one in found}


def _is_rung(crm: str, manager: Manager, book: SchemeBook) -> bool:
    return any((crm, who.lower()) in book.managers for who in (manager.id, manager.email))


CRM_CHECKS = (Check("CRMs", "CRMs", examine_crms), Check("managers", "CRMs", examine_managers))
