"""One Asterisk for the whole session: real, of the kind that ASTERISK names or else a root file system."""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ari_app.lab.asterisk import AsteriskInstance, choose
from tests.e2e.house import House, Stage
from tests.e2e.long_calls import LongCalls
from tests.e2e.ports import on_free_ports


@pytest.fixture(scope="session")
def new_asterisk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], AsteriskInstance]:
    """Makes an Asterisk for the application named: not started yet, its directory and ports its own."""
    kind = choose(os.environ.get("ASTERISK") or "local")
    starts = itertools.cycle(range(20000, 22000, 100))  # of RTP; shared, one takes what another has left free

    def make(app: str) -> AsteriskInstance:
        directory = tmp_path_factory.mktemp("asterisk") / "instance"
        return AsteriskInstance(kind, directory, on_free_ports(app, next(starts)))

    return make


@pytest.fixture(scope="session")
def asterisk(new_asterisk: Callable[[str], AsteriskInstance]) -> Iterator[AsteriskInstance]:
    """A running Asterisk, the lab in it: `.ari_url`, `.ari_user`, `.ari_password`, `.instance_dir`, `.sip_address`."""
    with new_asterisk("ari-app") as instance:
        yield instance


# --- stories ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def new_house(
    new_asterisk: Callable[[str], AsteriskInstance], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., House]]:
    """Makes an installation: its Asterisk started, its controller not. Settings are the controller's. ``ports`` are
    Asterisk's for RTP, where the usual 200 do not do."""
    houses: list[House] = []
    rtp = iter(range(10000, 20000, 200))  # below the ports that the system gives to whoever asks for any

    def make(
        *,
        apps: str = "ari-app",
        asterisk_seconds: int = 7200,
        through_proxy: bool = False,
        ports: range | None = None,
        **settings: object,
    ) -> House:
        instance = new_asterisk(apps)
        start = next(rtp) if ports is None else ports.start
        end = start + 199 if ports is None else ports.stop - 1
        instance.settings = replace(instance.settings, rtp_start=start, rtp_end=end, max_call_seconds=asterisk_seconds)
        houses.append(House(tmp_path_factory.mktemp("house"), instance, through_proxy=through_proxy, **settings))
        return houses[-1]

    yield make
    for house in houses:
        house.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The stories that last a minute end last: their calls are placed first, and go on beside the others."""
    items.sort(key=_lasts_long)


def _lasts_long(item: pytest.Item) -> bool:
    return "long_calls" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def long_calls(new_house: Callable[..., House]) -> Iterator[LongCalls]:
    """Calls that last until some limit ends them."""
    with LongCalls.placed(new_house) as calls:
        yield calls


@pytest.fixture(scope="session")
def house(new_house: Callable[..., House], request: pytest.FixtureRequest) -> House:
    """The installation of all stories that leave it running."""
    if any(map(_lasts_long, request.session.items)):
        request.getfixturevalue("long_calls")
    made = new_house()
    made.controller.start()
    return made


@pytest.fixture
def stage(house: House) -> Iterator[Stage]:
    """A story's own phones, numbers and callers; at its end nothing may be left, in Asterisk or in the journal."""
    with house.story() as stage:
        yield stage
    assert not [line for line in house.controller.lines if "Traceback" in line], "\n".join(house.controller.lines)
