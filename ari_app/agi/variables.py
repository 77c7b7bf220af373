"""An answer as channel variables: every name documented, every value made of harmless characters."""

from __future__ import annotations

import re

from ari_app.agi.walk import Answer, Ring
from ari_app.core.outcomes import HangUpCause
from ari_app.core.scheme import GreetingStep, VoicemailStep

CHANNEL_VARIABLES = {
    "ARI_APP_SCHEME": "name of the scheme; empty when the configured default is used",
    "ARI_APP_BRANCH": "name of its branch that holds at the hour of the call's arrival",
    "ARI_APP_STEP": "number of the step, from 1",
    "ARI_APP_STATE": "where the call stands: hand it back, with the step's result, to ask what is next",
    "ARI_APP_DIAL": "for `dial`: what `Dial()` is to ring, joined by `&`",
    "ARI_APP_TIMEOUT": "for `dial`: seconds to ring",
    "ARI_APP_DELAY": "for `dial`: seconds to wait before that",
    "ARI_APP_GREETING": "for `greeting` and `voicemail`: the sound to play",
    "ARI_APP_MAX_SECONDS": "for `voicemail`: the longest message",
    "ARI_APP_SILENCE_SECONDS": "for `voicemail`: the silence that ends one",
    "ARI_APP_MIN_SECONDS": "for `voicemail`: the shortest that counts as a message",
    "ARI_APP_CAUSE": "for `hang_up`: the cause for `Hangup()` (Q.850)",
    "ARI_APP_ACTION": "`dial`, `greeting`, `voicemail` or `hang_up`; set last, so that empty means no whole answer",
}
"""In the order in which they are set, each time all of them: nothing of an earlier answer stays."""

DIAL = re.compile(r"PJSIP/[A-Za-z0-9_.@{}+-]+(&PJSIP/[A-Za-z0-9_.@{}+-]+)*")
_SOUND = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
_HARMFUL = re.compile(r"[^\w .,:;+()/-]")
NAME_CHARACTERS = 64
# Q.850, as res_pjsip answers them: 486, 480, 404, 503; 16 is 603 before the answer and BYE after it.
_CAUSES = {
    HangUpCause.NORMAL: 16,
    HangUpCause.BUSY: 17,
    HangUpCause.NO_ANSWER: 19,
    HangUpCause.UNKNOWN_NUMBER: 1,
    HangUpCause.CONGESTION: 34,
    HangUpCause.ANSWERED_ELSEWHERE: 26,
}


def variables(answer: Answer) -> dict[str, str]:
    """All of `CHANNEL_VARIABLES`, in their order; what does not belong to the action is empty.

    Raises:
        ValueError: a dial string or a sound is made of anything but what it may be made of. Both are checked when a
            scheme is loaded; this is the last door before a dialplan expands them.
    """
    route, place = answer.route, answer.place
    told = {
        "ARI_APP_SCHEME": harmless(route.scheme.name if route.scheme else ""),
        "ARI_APP_BRANCH": harmless(route.branch.name if route.branch else ""),
        "ARI_APP_STEP": str(place.index + 1) if place else "",
        "ARI_APP_STATE": str(place or ""),
        **_of_deed(answer),
    }
    return {name: told.get(name, "") for name in CHANNEL_VARIABLES}


def _of_deed(answer: Answer) -> dict[str, str]:
    match answer.deed:
        case Ring(dial, timeout, delay):
            return {
                "ARI_APP_ACTION": "dial",
                "ARI_APP_DIAL": _only(DIAL, "&".join(dial)),
                "ARI_APP_TIMEOUT": str(timeout),
                "ARI_APP_DELAY": str(delay),
            }
        case GreetingStep(greeting):
            return {"ARI_APP_ACTION": "greeting", "ARI_APP_GREETING": _only(_SOUND, greeting.sound)}
        case VoicemailStep(greeting, longest, silence, shortest):
            return {
                "ARI_APP_ACTION": "voicemail",
                "ARI_APP_GREETING": _only(_SOUND, greeting.sound),
                "ARI_APP_MAX_SECONDS": str(longest),
                "ARI_APP_SILENCE_SECONDS": str(silence),
                "ARI_APP_MIN_SECONDS": str(shortest),
            }
        case HangUpCause() as cause:
            return {"ARI_APP_ACTION": "hang_up", "ARI_APP_CAUSE": str(_CAUSES[cause])}


def _only(allowed: re.Pattern[str], value: str) -> str:
    if not allowed.fullmatch(value):
        raise ValueError(f"{value!r} may not reach the dialplan")
    return value


def harmless(name: str) -> str:
    """An admin's name without what means something to a dialplan: quotes, ``$``, braces, backslashes, controls."""
    return _HARMFUL.sub("_", name)[:NAME_CHARACTERS]
