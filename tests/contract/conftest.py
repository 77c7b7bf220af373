"""Runs every contract test twice: on the fake Asterisk and on a real one, each test a coroutine with a `rig`."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from ari_app.lab.asterisk import AsteriskInstance, AsteriskSettings, choose
from tests.contract.rigs import APP, Rig, World, fake_world, real_world, rig_in

LONGEST = 20.0
"""Seconds that one test may take."""

PJSIP = """; The contract tests' phone: it calls us, and we call its many users.
[contract](trunk)
dtmf_mode=info
[contract]
type=identify
endpoint=contract
match=127.0.0.1
[phones](trunk)
aors=phones
[phones]
type=aor
contact=sip:127.0.0.1:{phone}
"""

RigMaker = Callable[[], AbstractAsyncContextManager[Rig]]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine, in a loop of its own, with its rig open."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def story() -> None:
        async with asyncio.timeout(LONGEST), AsyncExitStack() as opened:
            for name, value in wanted.items():
                if isinstance(value, AbstractAsyncContextManager):
                    wanted[name] = await opened.enter_async_context(value)
            await pyfuncitem.obj(**wanted)

    asyncio.run(story())
    return True


@pytest.fixture(scope="session")
def phone_port() -> int:
    """Where the test's SIP phone listens."""
    return _free_port(socket.SOCK_DGRAM)


@pytest.fixture(scope="session")
def real_asterisk(tmp_path_factory: pytest.TempPathFactory, phone_port: int) -> Iterator[AsteriskInstance]:
    """One real Asterisk for all contract tests."""
    kind = choose(os.environ.get("ASTERISK", "local"))
    settings = AsteriskSettings(
        app=APP,
        http_port=_free_port(socket.SOCK_STREAM),
        sip_port=_free_port(socket.SOCK_DGRAM),
        agi_port=_free_port(socket.SOCK_STREAM),
        lab=False,
        rtp_start=20800,
        rtp_end=20999,
    )
    instance = AsteriskInstance(kind, tmp_path_factory.mktemp("contract") / "instance", settings)
    instance.add("pjsip.d/contract.conf", PJSIP.format(phone=phone_port))
    with instance:
        yield instance


@pytest.fixture(params=["fake", "real"])
def open_world(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], AbstractAsyncContextManager[World]]:
    """Opens either Asterisk."""
    if request.param == "fake":
        return partial(fake_world, tmp_path)
    asterisk: AsteriskInstance = request.getfixturevalue("real_asterisk")
    return partial(real_world, asterisk, request.getfixturevalue("phone_port"))


@pytest.fixture
def rig(open_world: Callable[[], AbstractAsyncContextManager[World]]) -> AbstractAsyncContextManager[Rig]:
    """A connected controller; the hook above opens it."""
    return rig_in(open_world)


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
