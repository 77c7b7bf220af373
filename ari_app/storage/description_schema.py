"""The JSON Schema of descriptions, by which an editor completes and checks them while they are written.

``python -m ari_app.storage.description_schema > docs/description.schema.json`` publishes it anew. It says of a
description's form what `ari_app.storage.description` says; what schemes make sense only the latter knows.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson

from ari_app.core.scheme import RingStrategy

SCHEMA_FILE = "description.schema.json"
Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number"]}
_SWITCH: Schema = {"enum": [True, False, "yes", "no", "true", "false", "on", "off"]}
_SECONDS: Schema = {"anyOf": [{"type": "integer", "minimum": 0}, {"pattern": r"^\d{1,5}\s*s?$", "type": "string"}]}
_WHOLE: Schema = {"anyOf": [{"type": "integer"}, {"pattern": r"^-?\d{1,6}$", "type": "string"}]}
_E164: Schema = {
    "description": "E.164: +74950000101",
    "anyOf": [{"type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$"}, {"type": "integer", "minimum": 1000000}],
}
"""Unquoted, an editor takes +74950000101 for a whole number."""
_CALLER_ID: Schema = {"anyOf": [{"enum": ["caller", "dialled"]}, *_E164["anyOf"]]}
_ENDPOINT: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,39}$", "description": "an endpoint's name"}
_NAME = "^[a-z][a-z0-9_-]{0,39}$"
_CRM: Schema = {"type": "string", "pattern": _NAME, "description": "the CRM's name, as in ARI_APP_CRM_FILE"}
_ENTITY: Schema = {"type": "string", "pattern": _NAME, "description": "a kind of record: lead, contact, deal"}
_TARGET: Schema = {"anyOf": [*_E164["anyOf"], _ENDPOINT], "description": "an E.164 number, or an endpoint's name"}


def _titled(schema: Schema, description: str, **more: Any) -> Schema:
    return {**schema, "description": description, **more}


def _keys(description: str, required: tuple[str, ...] = (), **keys: Schema) -> Schema:
    """A mapping; in the names of keys an underscore stands for a blank."""
    named = {name.replace("_", " "): schema for name, schema in keys.items()}
    schema: Schema = {"type": "object", "description": description, "properties": named, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _list(of: Schema, description: str = "") -> Schema:
    return {"type": ["array", "null"], "items": of} | ({"description": description} if description else {})


_GREETING_NAME = _titled(_TEXT, "the name of a greeting, described here or in the database already")
_HOURS = _titled(
    {"type": "string", "pattern": r"^([A-Za-z]+(\s*[-–]\s*[A-Za-z]+)?\s+)?\d{1,2}:\d{2}\s*[-–]\s*\d{1,2}:\d{2}$"},
    "days and hours, both ends included: Mon-Fri 09:00-17:59; never across midnight",
)
_DESTINATION = {
    "anyOf": [
        _TARGET,
        _keys(
            "a destination with times of its own",
            ("to",),
            to=_TARGET,
            timeout=_titled(_SECONDS, "seconds that it rings, 5 to 600"),
            delay=_titled(_SECONDS, "seconds: in turn before it rings, staggered after the step began"),
            caller_id=_titled(_CALLER_ID, "what it is shown: caller, dialled, or a number; none: as the scheme says"),
            confirm=_titled(
                _SECONDS, "5 to 60: so long who picks up has to press 1, or it counts as no answer", default=0
            ),
            weight=_titled(_WHOLE, "1 to 100, weighted: how often it is rung first beside the others", default=1),
        ),
        _keys(
            "whoever a CRM says is responsible for the caller",
            ("manager",),
            manager=_CRM,
            search={
                "anyOf": [_ENTITY, _list(_ENTITY)],
                "description": "these records in this order; none: the CRM's own",
            },
            timeout=_titled(_SECONDS, "seconds that the manager is rung, 5 to 600"),
            caller_id=_titled(_CALLER_ID, "what is shown: caller, dialled, or a number; none: as the scheme says"),
            delay=_titled(_SECONDS, "seconds: in turn before it rings, staggered after the step began"),
            confirm=_titled(
                _SECONDS, "5 to 60: so long who picks up has to press 1, or it counts as no answer", default=0
            ),
            weight=_titled(_WHOLE, "1 to 100, weighted: how often it is rung first beside the others", default=1),
        ),
    ]
}
_DIAL = _keys(
    "ring destinations until one answers",
    ("to",),
    ring={
        "enum": [*dict.fromkeys(word for one in RingStrategy for word in (one.words, one.value))],
        "default": "in turn",
    },
    timeout=_titled(_SECONDS, "seconds that each rings, 5 to 600", default=20),
    last_adviser_days=_titled(
        _WHOLE, "1 to 92: rung one after another, who talked with the caller within so many days is first", default=0
    ),
    to={"anyOf": [{"type": "array", "items": _DESTINATION}, _DESTINATION], "description": "whom: numbers, endpoints"},
)
_VOICEMAIL = {
    "anyOf": [
        {"type": "null"},
        _GREETING_NAME,
        _keys(
            "take a message; without a greeting the default one plays",
            greeting=_GREETING_NAME,
            max_seconds=_titled(_SECONDS, "the longest message, 5 to 3600", default=180),
            silence_seconds=_titled(_SECONDS, "the silence that ends one, 1 to 60", default=5),
            min_seconds=_titled(_SECONDS, "a shorter one counts as none, 0 to 60", default=2),
        ),
    ]
}
_MENU = _keys(
    "let the caller choose by a key, also while the greeting plays",
    ("greeting", "choices"),
    greeting=_GREETING_NAME,
    choices={
        "type": "object",
        "minProperties": 1,
        "patternProperties": {"^[0-9*#]$": _titled(_TEXT, "the label of a later step of the branch")},
        "additionalProperties": False,
        "description": "keys with the labels that they lead to: {1: sales, 2: support}",
    },
    retries=_titled(_WHOLE, "so many times it asks once more, 0 to 9", default=2),
    wait_seconds=_titled(_SECONDS, "seconds for a key after the greeting, 1 to 60", default=5),
    otherwise=_titled(_TEXT, "the label that it leads to without a choice; none: the next step"),
)
_PLAY = {"anyOf": [_GREETING_NAME, _keys("play a greeting", ("greeting",), greeting=_GREETING_NAME)]}


def _step_of(kind: str, options: Schema) -> Schema:
    known = {"label": _titled(_TEXT, "what menus before the step call it"), kind: options}
    return {"type": "object", "properties": known, "required": [kind], "additionalProperties": False}


_STEP = {
    "description": "dial, greeting, menu, voicemail or hang up; after the last two comes only what a menu leads to",
    "anyOf": [
        {"enum": ["voicemail", "hang up"]},
        _step_of("dial", _DIAL),
        _step_of("greeting", _PLAY),
        _step_of("menu", _MENU),
        _step_of("voicemail", _VOICEMAIL),
        _step_of("hang up", {"type": "null"}),
    ],
}
_BRANCH = _keys(
    "the first branch whose hours cover the moment of a call is taken",
    ("name", "steps"),
    name=_TEXT,
    hours={"anyOf": [_HOURS, _list(_HOURS)], "description": "none: always"},
    out_of_hours=_titled(_SWITCH, "whether its calls count as out of hours, for the messages that they bring"),
    steps={"type": "array", "minItems": 1, "items": _STEP, "description": "what is done, in order"},
)
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DAY = _keys(
    "a day, or a run of days, that does not go as its weekday",
    ("on",),
    on={"type": "string", "pattern": rf"^{_DATE}(\s+to\s+{_DATE})?$", "description": "2026-12-24 to 2027-01-02"},
    **{
        "is": {
            "type": "string",
            "pattern": "^(closed|open|like [A-Za-z]+|branch [\\s\\S]+)$",
            "default": "closed",
            "description": "closed (out-of-hours branches), open (working ones), like Sat, branch NAME",
        }
    },
    hours={"type": "string", "pattern": r"^\d{1,2}:\d{2}\s*[-–]\s*\d{1,2}:\d{2}$", "description": "none: all day"},
    name=_titled(_TEXT, "what the day is, for those who read a timeline"),
)
_SCHEME = _keys(
    "what happens to the calls of the numbers that have it",
    ("name", "time zone", "branches"),
    name=_TEXT,
    time_zone={"type": "string", "description": "IANA name: Europe/Moscow", "pattern": "^[A-Za-z]"},
    holidays={
        "type": ["string", "null"],
        "pattern": "^([A-Z]{2}(-.+)?)?$",
        "description": "country, or country and region, whose public holidays are closed: RU, DE-BY",
    },
    exceptional_days=_list(_DAY, "before public holidays; the first that covers a minute counts"),
    outside_calls_a_day={
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": 1_000_000,
        "description": "so often its numbers outside are rung in a day at most; none: ARI_APP_OUTSIDE_CALLS_A_DAY",
    },
    caller_id=_titled(_CALLER_ID, "what those are shown whom it rings: caller, dialled, or a number", default="caller"),
    branches={"type": "array", "minItems": 1, "items": _BRANCH},
)
_GREETING = _keys(
    "a prompt",
    ("name", "sound"),
    name=_TEXT,
    sound={"type": "string", "description": "in the catalogue: ru/greeting, own/NAME"},
    team=_titled(_TEXT, "whose it is"),
)
_NUMBER = _keys(
    "one of the company's own numbers",
    ("number",),
    number=_E164,
    name=_titled(_TEXT, "what it is for", default="unnamed"),
    scheme=_titled(_TEXT, "none: the configured default"),
    team=_titled(_TEXT, "whose it is"),
    enabled=_titled(_SWITCH, "no: the configured default", default=True),
)
_RUNG_AT = {
    "anyOf": [_TARGET, _keys("with a time of its own", ("to",), to=_TARGET, timeout=_titled(_SECONDS, "5 to 600"))]
}
_MANAGER = _keys(
    "where somebody is rung whom a CRM names as responsible for a caller",
    ("crm", "manager", "rung at"),
    crm=_CRM,
    manager=_titled(_TEXT, "the id in the CRM, or the e-mail address"),
    rung_at={"anyOf": [{"type": "array", "items": _RUNG_AT}, _RUNG_AT], "description": "all of them ring together"},
)
_RULE = _keys(
    "what callers are sent whose call was lost",
    ("name", "numbers", "text"),
    name=_TEXT,
    numbers={"type": "array", "minItems": 1, "items": _E164},
    text=_titled(_TEXT, "with {placeholders}"),
    delay=_titled(_SECONDS, "seconds after the call", default=60),
    once_in_hours=_titled(_WHOLE, "at most one a caller in so many hours", default=24),
    team=_TEXT,
    enabled=_SWITCH,
)
_CALLER = _keys(
    "a rule by caller: an answer or a scheme",
    ("caller",),
    caller={
        "anyOf": [
            *_E164["anyOf"],
            {"type": "string", "pattern": r"^(\+[1-9][0-9]{0,13}\*|anonymous)$"},
        ],
        "description": "a number, the beginning of one such as +7916*, or anonymous",
    },
    number=_titled(_E164, "one of our numbers, as dialled; none: all"),
    answer={"enum": ["busy", "decline"], "description": "what the caller hears who is refused"},
    scheme=_titled(_TEXT, "by which the caller's calls go"),
    branch=_titled(_TEXT, "its branch whatever the hour; none: the one that holds"),
    reason=_titled(_TEXT, "why, for those who read a timeline"),
)
_TYPE = _keys(
    "an automatic message of a team",
    ("kind", "text"),
    kind=_TEXT,
    to={"enum": ["client", "staff", "admin", "system"], "default": "client"},
    by=_titled(_TEXT, "sms, e-mail, push, webhook", default="sms"),
    text=_titled(_TEXT, "with {placeholders}"),
    enabled=_SWITCH,
    company=_titled(_SWITCH, "begin with the company's name"),
    team=_titled(_SWITCH, "and the team's"),
    extra=_TEXT,
    offset_minutes=_WHOLE,
    once_in_hours=_WHOLE,
)
_CONTACT = _keys(
    "where a team's people or systems are told",
    ("by", "address"),
    to={"enum": ["staff", "admin", "system"], "default": "staff"},
    by=_TEXT,
    address=_TEXT,
)
_TEAM = {
    "anyOf": [
        _TEXT,
        _keys(
            "a team",
            ("name",),
            name=_TEXT,
            extend=_titled(_SWITCH, "it is in the database already, and is given more"),
            sales_tools=_SWITCH,
            makes_tickets=_SWITCH,
            tickets_an_hour=_WHOLE,
            message_types=_list(_TYPE),
            contacts=_list(_CONTACT),
        ),
    ]
}

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "ari-app: teams, greetings, schemes, numbers, apology rules",
    **_keys(
        "what `ari-app seed` adds and `ari-app schemes apply` brings about",
        teams=_list(_TEAM),
        greetings=_list(_GREETING),
        schemes=_list(_SCHEME),
        numbers=_list(_NUMBER),
        managers=_list(_MANAGER),
        apology_rules=_list(_RULE),
        callers=_list(_CALLER, "who is refused, or goes by another scheme; the most specific rule counts"),
    ),
}


def published() -> str:
    """The whole of docs/description.schema.json."""
    return orjson.dumps(SCHEMA, option=orjson.OPT_INDENT_2).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(published())
