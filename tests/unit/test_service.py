"""The controller's own words about a call: whose numbers its log shows."""

from __future__ import annotations

import pytest

from ari_app.core.verdict import Disposition, Reason, Verdict
from ari_app.reception import told
from tests.fakes.scripted import opened


@pytest.mark.parametrize(
    ("verdict", "ended"),
    [
        (Verdict(Disposition.ANSWERED, Reason.TALKED, "+79160000003"), "answered, talked with +791******03"),
        (Verdict(Disposition.ANSWERED, Reason.TALKED, "reception-desk"), "answered, talked with reception-desk"),
        (Verdict(Disposition.LOST, Reason.NO_MESSAGE), "lost, no_message"),
    ],
)
def test_the_log_tells_how_a_call_ended_without_a_number_that_could_be_dialed(verdict: Verdict, ended: str) -> None:
    assert told(opened(), verdict) == f"call call from +791******01 to +74950000101: {ended}"
