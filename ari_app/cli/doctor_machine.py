"""The doctor's checks of this machine: folders, disk, names, ports, audio."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import requests

from ari_app.agi.client import NoAnswer, ask
from ari_app.audio import mp3, wav
from ari_app.cli.findings import Check, Finding, Patient, State, fault, fine, skipped, warning
from ari_app.monitoring.processes import ASK_DOCTOR
from ari_app.storage.spool import DAMAGED

SLOW_NAME_SECONDS = 0.05
NAME_PATIENCE_SECONDS = 5.0
FALLBACK_MODULES = frozenset(
    f"{name}.so" for name in ("res_agi", "app_dial", "app_playback", "app_record", "func_groupcount", "func_rand")
)
"""What dialplan/fallback.conf needs beyond what calls in a controller's hands do."""
UNLISTED = "+10000000000"
SLOW_LOOKUP_SECONDS = 0.5
LITTLE_SPACE, NO_SPACE = 1024**3, 100 * 1024**2
NO_SETTINGS = skipped("not checked: the settings come first")


def examine_messages_folder(patient: Patient) -> Finding:
    """Whether voicemail messages can be kept, and by nobody else read."""
    if patient.settings is None:
        return NO_SETTINGS
    return _private_folder(patient.settings.messages_folder.absolute(), "messages")


def examine_state_folder(patient: Patient) -> Finding:
    """Whether the journal can be kept while the database is away, and whether some of it still waits there."""
    if patient.settings is None:
        return NO_SETTINGS
    folder = patient.settings.state.absolute()
    finding = _private_folder(folder, "the journal and the schemes")
    if finding.state is not State.FINE or not folder.exists():
        return finding
    if damaged := sorted(path.name for path in folder.glob(f"*.{DAMAGED}*")):
        return warning(
            f"{folder} has entries of the journal that could not be read: {', '.join(damaged)}",
            "keep them for whoever looks into it (they hold callers' numbers), then remove them",
        )
    if waiting := [path.stat().st_size for path in folder.glob("*.spool")]:
        return warning(
            f"{sum(waiting) / 1024:,.0f} KB of the journal wait in {folder} for the database",
            "see the database; ari-app serve enters them as soon as it takes them",
        )
    return fine(f"{finding.text}; nothing of the journal waits there")


def _private_folder(folder: Path, holds: str) -> Finding:
    """Whether what others must not read can be kept there."""
    if not folder.exists():
        parent = next(above for above in folder.parents if above.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            return fine(f"{folder} will be made when the controller starts")
        return fault(f"{folder} is not there, and {parent} may not be written", f"make it: install -d -m 700 {folder}")
    if problem := _unwritable(folder):
        return fault(f"{folder} cannot be written: {problem}", f"chown it to the user the controller runs as: {folder}")
    mode = folder.stat().st_mode & 0o777
    if mode & 0o077:
        return warning(f"{folder} has mode {mode:04o}: others can get at {holds}", f"chmod 700 {folder}")
    return fine(f"{folder}, writable, mode {mode:04o}")


def _unwritable(folder: Path) -> str | None:
    """Why no file can be written there; tried, since rights alone do not tell of a read-only or full disk."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
            file.write(b"\0" * 4096)
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return None


def examine_greetings_folder(patient: Patient) -> Finding:
    """Whether greetings can be added, and those that there are be played."""
    if patient.settings is None:
        return NO_SETTINGS
    folder = patient.settings.greetings_folder
    if folder is None:
        return fine("ARI_APP_GREETINGS_FOLDER is not set: only the greetings that ship with the product")
    if not folder.is_dir():
        return warning(
            f"{folder} is not there yet", "ari-app greetings add makes it; Asterisk must know it as ari-app/own"
        )
    if problem := _unwritable(folder):
        return warning(f"{folder} cannot be written: {problem}", "greetings cannot be added by this user; see chown")
    return fine(f"{folder.absolute()}, writable")


def examine_disk(patient: Patient) -> Finding:
    """Whether there is room for messages."""
    if patient.settings is None:
        return NO_SETTINGS
    folder = patient.settings.messages_folder.absolute()
    there = folder if folder.exists() else next(above for above in folder.parents if above.exists())
    free = shutil.disk_usage(there).free
    told = f"{free / 1024**3:.1f} GB free at {there}, about {free / 16_000 / 3600:,.0f} h of messages"
    if free < NO_SPACE:
        return fault(told, "make room: a message that cannot be written is lost")
    return warning(told, "make room soon") if free < LITTLE_SPACE else fine(told)


def examine_host_name(patient: Patient) -> Finding:
    """Whether the machine's own name resolves fast: Asterisk looks it up in every call."""
    name = socket.gethostname()
    resolved, took = _resolve(name)
    mend = f"add to /etc/hosts (of Asterisk's machine and root file system, too): 127.0.1.1 {name}"
    if not resolved:
        return fault(f"{name} does not resolve ({took * 1000:.0f} ms): each call would wait for that", mend)
    if took > SLOW_NAME_SECONDS:
        return warning(f"{name} takes {took * 1000:.0f} ms to resolve: each call waits for that", mend)
    return fine(f"{name} resolves in {took * 1000:.1f} ms")


def _resolve(name: str) -> tuple[bool, float]:
    """Whether, and after how many seconds; in a thread, for a resolver takes as long as it likes."""
    answers: list[bool] = []

    def look_up() -> None:
        try:
            answers.append(bool(socket.getaddrinfo(name, None)))
        except OSError:
            answers.append(False)

    began = time.monotonic()
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(NAME_PATIENCE_SECONDS)
    return bool(answers and answers[0]), time.monotonic() - began


def examine_fastagi(patient: Patient) -> Finding:
    """Whether the dialplan is told what to do while no controller takes its calls: a lookup is asked for, as by it."""
    settings = patient.settings
    if settings is None:
        return NO_SETTINGS
    if missing := sorted(FALLBACK_MODULES - patient.modules) if patient.modules else []:
        told = ", ".join(missing)
        return warning(
            f"not loaded: {told}; without a controller the dialplan cannot serve callers",
            f"load in modules.conf: {told}",
        )
    where = f"agi://{settings.agi_host}:{settings.agi_port}/lookup"
    assigned = patient.reading.assigned if patient.reading else {}
    number = next(iter(assigned), UNLISTED)
    began = time.monotonic()
    try:
        told = ask(settings.agi_host, settings.agi_port, number)["ARI_APP_ACTION"]
    except NoAnswer as error:
        return warning(
            f"{where}: {error}; without a controller, callers can only leave a message",
            "ari-app agi beside the controller; ARI_APP_AGI_HOST and ARI_APP_AGI_PORT say where",
        )
    took = time.monotonic() - began
    if took > SLOW_LOOKUP_SECONDS:
        return warning(f"{where} took {took * 1000:.0f} ms: the dialplan waits a second", "see the load of its machine")
    return fine(f"{where} says {told} for {number}, {took * 1000:.0f} ms")


def examine_monitoring(patient: Patient) -> Finding:
    """Whether each process that is to be watched answers, and what it says of itself."""
    settings = patient.settings
    if settings is None:
        return NO_SETTINGS
    doors = {
        "serve": ("ARI_APP_MONITOR_PORT", settings.monitor_port),
        "sender": ("ARI_APP_SENDER_MONITOR_PORT", settings.sender_monitor_port),
        "agi": ("ARI_APP_AGI_MONITOR_PORT", settings.agi_monitor_port),
    }
    open_ = {command: (variable, port) for command, (variable, port) in doors.items() if port}
    if not open_:
        return fine("off: no process shows metrics, health or readiness")
    troubles, mends = [], []
    for command, (variable, port) in open_.items():
        trouble, mend = _unready(settings.monitor_host, port)
        if trouble:
            troubles.append(f"ari-app {command} at {settings.monitor_host}:{port}: {trouble}")
            mends.append(mend or f"start ari-app {command}, or set {variable}=0")
    if troubles:
        return warning("; ".join(troubles), "; ".join(dict.fromkeys(mends)))
    places = ", ".join(f"{command} {port}" for command, (_, port) in open_.items())
    return fine(f"ready, with metrics at {settings.monitor_host}: {places}")


def _unready(host: str, port: int) -> tuple[str, str]:
    """What a process says that it lacks, and the mend; empty when it is ready."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between
            told = session.get(f"http://{host}:{port}/readyz", timeout=2).json()
        lacks = [(str(lack["trouble"]), str(lack["mend"])) for lack in told["lacks"]]
    except requests.ConnectionError:
        return "nobody answers", ""
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return "what answers there is no process of ours", "see who listens there, and choose another port"
    mends = ("see the faults above" if mend == ASK_DOCTOR else mend for _, mend in lacks)
    return "; ".join(trouble for trouble, _ in lacks), "; ".join(dict.fromkeys(mends))


def examine_audio(patient: Patient) -> Finding:
    """Whether mp3 files can be made."""
    tone = (np.sin(np.arange(wav.RATE) * 440 * 2 * np.pi / wav.RATE) * 8000).astype(np.int16)
    try:
        encoded = mp3.encode(wav.Audio(tone))
    except (OSError, RuntimeError, ValueError) as error:
        return fault(f"lameenc cannot encode: {error}", "pip install --force-reinstall lameenc")
    wanted = mp3.BIT_RATE * 1000 / 8
    if not wanted * 0.8 < len(encoded) < wanted * 1.5:
        return fault(f"lameenc made {len(encoded)} bytes of a second", "pip install --force-reinstall lameenc")
    return fine(f"lameenc encodes: a second is {len(encoded)} bytes of mp3")


MACHINE_CHECKS = (
    Check("messages folder", "This machine", examine_messages_folder),
    Check("state folder", "This machine", examine_state_folder),
    Check("greetings folder", "This machine", examine_greetings_folder),
    Check("disk space", "This machine", examine_disk),
    Check("host name", "This machine", examine_host_name),
    Check("FastAGI", "This machine", examine_fastagi),
    Check("monitoring", "This machine", examine_monitoring),
    Check("audio", "This machine", examine_audio),
)
