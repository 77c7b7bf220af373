"""Numbers, hours and edits by SQL: which steps a call goes by, and how soon an admin's edit holds."""

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.house import House, Stage, ring
from tests.e2e.journal import Branch, Destination, Dial, HangUp, JournalledCall, Voicemail

LIVE_SECONDS = 2.0


def edited(house: House, *sql: str) -> None:
    """Edit as an admin does, in one transaction; in force when this returns, within two seconds."""
    mark = house.controller.mark
    with house.database.edit() as connection:
        for statement in sql:
            connection.execute(statement)
    house.controller.said(r"book \w+ in force", since=mark, seconds=LIVE_SECONDS)


def default_of(stage: Stage, number: str) -> JournalledCall:
    """Call a number that gets the configured default, the voicemail that ships with the product."""
    caller = stage.call(number, talk_ms=300)
    assert caller.over().final == 200
    journalled = caller.journalled()
    assert journalled.verdict == ("lost", "hung_up_in_greeting")
    assert journalled.call["scheme"] is None or journalled.call["branch"] is None
    return journalled


def busy_everywhere(stage: Stage, number: str) -> JournalledCall:
    """Call a number whose scheme in force rings one busy phone."""
    caller = stage.call(number, scenario="caller-refused", status=486)
    caller.over()
    placed = sum(one.dialled == number for one in stage.callers)
    return stage.house.database.closed(number, placed)[-1]


def test_an_unknown_number_gets_the_default(stage: Stage) -> None:
    number = stage.house.new_number()
    journalled = default_of(stage, number)
    assert journalled.details("default_used")[0]["why"] == "unknown_number"
    assert journalled.call["number"] is None


def test_a_disabled_number_gets_the_default(stage: Stage) -> None:
    number = stage.plan(ring(stage.ringing()))
    edited(stage.house, f"UPDATE numbers SET enabled = 0 WHERE e164 = '{number}'")
    assert default_of(stage, number).details("default_used")[0]["why"] == "number_disabled"


def test_a_number_without_a_scheme_gets_the_default(stage: Stage) -> None:
    number = stage.house.new_number()
    edited(stage.house, f"INSERT INTO numbers (e164, name) VALUES ('{number}', 'new')")
    assert default_of(stage, number).details("default_used")[0]["why"] == "no_scheme"


def test_a_number_is_known_in_its_national_form_too(stage: Stage) -> None:
    phone = stage.refusing("486 Busy Here")
    number = stage.plan(ring(phone))
    national = "8" + number.removeprefix("+7")
    caller = stage.call(national, scenario="caller-refused", status=486)
    caller.over()
    assert caller.journalled().call["number"] == number


def day_in(zone: str, days: int = 0) -> int:
    """The day of the week there, from 1; ``days`` later."""
    return (datetime.now(ZoneInfo(zone)) + timedelta(days=days)).isoweekday()


@pytest.mark.promise("CAL-03", "CAL-09", "RNG-16", "OUR-01")
def test_out_of_hours_has_a_branch_of_its_own_with_its_own_dialing(stage: Stage) -> None:
    by_day, by_night = stage.ringing(), stage.answering()
    other_day = day_in("Europe/Moscow", 3)
    hours = Branch((ring(by_day),), "office hours", ((other_day, other_day, "00:00", "23:59"),))
    rest = Branch((ring(by_night), Voicemail()), "out of hours")
    number = stage.plan(branches=(hours, rest))
    caller = stage.call(number, talk_ms=300)
    assert caller.over().final == 200
    journalled = caller.journalled()
    assert journalled.call["branch"] == "out of hours"
    assert journalled.call["answered_by"] == by_night.name
    assert journalled.details("branch_passed_over")[0]["branch"] == "office hours"
    assert by_day.invites == 0


@pytest.mark.promise("FLD-05", "OUR-01")
def test_a_closed_day_an_override_and_its_end_hold_for_the_next_call(stage: Stage) -> None:
    """Calls on a day that is ordinary, closed, closed but opened for a while, and closed again when that is over."""
    working, closed = (stage.phone("phone-refuses", calls=2, status="486 Busy Here", extra="") for _ in range(2))
    branches = (Branch((ring(working),), "working hours"), Branch((ring(closed),), "closed"))
    number = stage.plan(branches=branches)
    its_scheme = f"SELECT scheme_id FROM numbers WHERE e164 = '{number}'"
    edited(stage.house, f"UPDATE branches SET out_of_hours = 1 WHERE name = 'closed' AND scheme_id = ({its_scheme})")
    assert busy_everywhere(stage, number).call["branch"] == "working hours"
    today = datetime.now(ZoneInfo("Europe/Moscow")).date()
    days = f"'Fair', '{today - timedelta(days=1)}', '{today + timedelta(days=1)}'"
    fair = f"INSERT INTO exceptional_days (scheme_id, name, first_date, last_date) VALUES (({its_scheme}), {days})"
    edited(stage.house, fair)
    shut = busy_everywhere(stage, number)
    assert shut.call["branch"] == "closed"
    assert [(one["why"], one["name"], one["goes"]) for one in shut.details("special_day")] == [
        ("own_day", "Fair", "closed")
    ]
    assert shut.details("branch_chosen")[0]["out_of_hours"] is True
    edited(
        stage.house,
        f"INSERT INTO overrides (scheme_id, rule, ends_at) VALUES (({its_scheme}), 'open', '2099-01-01 00:00:00')",
    )
    assert busy_everywhere(stage, number).call["branch"] == "working hours"
    over = "begins_at = '2020-01-01 00:00:00', ends_at = '2020-01-02 00:00:00'"
    edited(stage.house, f"UPDATE overrides SET {over} WHERE scheme_id = ({its_scheme})")
    assert busy_everywhere(stage, number).call["branch"] == "closed"
    for phone in (working, closed):
        phone.sipp.stop()
        stage.phones.remove(phone)


@pytest.mark.promise("CAL-01")
def test_hours_are_reckoned_in_the_scheme_s_zone(stage: Stage) -> None:
    """It is never the same day in Kiritimati and in Midway, so the same hours mean different branches."""
    today = day_in("Pacific/Kiritimati")
    phones = {name: stage.phone("phone-refuses", calls=2, status="486 Busy Here", extra="") for name in ("in", "out")}
    entries = ((today, today, "00:00", "23:59"),)
    branches = (Branch((ring(phones["in"]),), "in", entries), Branch((ring(phones["out"]),), "out"))
    there = stage.plan(branches=branches, zone="Pacific/Kiritimati")
    elsewhere = stage.plan(branches=branches, zone="Pacific/Midway")
    assert busy_everywhere(stage, there).call["branch"] == "in"
    assert busy_everywhere(stage, elsewhere).call["branch"] == "out"
    for phone in phones.values():
        phone.sipp.stop()
        stage.phones.remove(phone)


@pytest.mark.promise("CAL-02")
def test_a_number_s_scheme_is_changed_for_the_next_call(stage: Stage) -> None:
    first, second = stage.refusing("486 Busy Here"), stage.refusing("486 Busy Here")
    number, other = stage.plan(ring(first)), stage.plan(ring(second))
    assert busy_everywhere(stage, number).outcomes == [(first.name, "busy")]
    scheme = f"(SELECT scheme_id FROM numbers WHERE e164 = '{other}')"
    edited(stage.house, f"UPDATE numbers SET scheme_id = {scheme} WHERE e164 = '{number}'")
    journalled = busy_everywhere(stage, number)
    assert journalled.outcomes == [(second.name, "busy")]
    assert journalled.call["scheme"] == f"scheme of {other}"


@pytest.mark.promise("CAL-04")
def test_a_removed_schedule_entry_no_longer_holds(stage: Stage) -> None:
    """Without entries a branch always holds, so the caller's branch changes with the entry's removal."""
    first, second = stage.refusing("486 Busy Here"), stage.refusing("486 Busy Here")
    other_day = day_in("Europe/Moscow", 3)
    hours = Branch((ring(first),), "hours", ((other_day, other_day, "00:00", "23:59"),))
    number = stage.plan(branches=(hours, Branch((ring(second),), "rest")))
    assert busy_everywhere(stage, number).call["branch"] == "rest"
    edited(
        stage.house,
        "DELETE FROM schedule_entries WHERE branch_id IN (SELECT b.id FROM branches b JOIN numbers n USING (scheme_id) "
        f"WHERE n.e164 = '{number}')",
    )
    assert busy_everywhere(stage, number).call["branch"] == "hours"


@pytest.mark.fault("21")
@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE schemes SET time_zone = 'Mars/Olympus' WHERE id = {scheme}", r"'Mars/Olympus' is not an IANA"),
        ("DELETE FROM branches WHERE scheme_id = {scheme}", r"it has no branches"),
        ("DELETE FROM steps WHERE branch_id IN (SELECT id FROM branches WHERE scheme_id = {scheme})", r"no steps"),
        (
            "INSERT INTO steps (branch_id, position, kind) SELECT id, 900, 'hang_up' FROM branches "
            "WHERE scheme_id = {scheme} UNION ALL SELECT id, 901, 'voicemail' FROM branches WHERE scheme_id = {scheme}",
            r"nothing comes after hang_up",
        ),
    ],
    ids=["zone", "no branches", "no steps", "steps after the end"],
)
def test_a_scheme_that_no_longer_makes_sense_is_named_and_stays_as_it_was(stage: Stage, sql: str, named: str) -> None:
    number = stage.plan(ring(stage.refusing("486 Busy Here")))
    mark = stage.house.controller.mark
    [row] = stage.house.database.rows("SELECT scheme_id FROM numbers WHERE e164 = ?", number)
    edited(stage.house, sql.format(scheme=row["scheme_id"]))
    told = stage.house.controller.said(named, since=mark)
    assert f"scheme of {number}" in told
    assert " ERROR " in told
    assert busy_everywhere(stage, number).call["scheme"] == f"scheme of {number}"


@pytest.mark.promise("FLD-11")
@pytest.mark.fault("21")
def test_a_scheme_that_forwards_to_its_own_number_is_refused(stage: Stage) -> None:
    number = stage.plan(ring(stage.refusing("486 Busy Here")))
    mark = stage.house.controller.mark
    step = (
        "SELECT s.id, 2, 'number', n.e164 FROM steps s JOIN branches b ON b.id = s.branch_id "
        f"JOIN numbers n USING (scheme_id) WHERE n.e164 = '{number}'"
    )
    edited(stage.house, f"INSERT INTO destinations (step_id, position, kind, target) {step}")
    stage.house.controller.said("its calls would come back to it", since=mark)
    assert len(busy_everywhere(stage, number).legs) == 1, "the version before is in force"


@pytest.mark.promise("FLD-11")
def test_two_numbers_that_forward_to_each_other_are_refused(stage: Stage) -> None:
    one, two = stage.plan(ring(stage.refusing("486 Busy Here"))), stage.house.new_number()
    mark = stage.house.controller.mark
    with stage.house.database.edit() as connection:
        from tests.e2e.journal import insert_branches, insert_scheme

        back = Branch((Dial((Destination(one, kind="number"),)),))
        scheme = insert_scheme(connection, f"scheme of {two}", (back,), "Europe/Moscow")
        connection.execute("INSERT INTO numbers (e164, name, scheme_id) VALUES (?, ?, ?)", (two, "two", scheme))
        [row] = connection.execute("SELECT scheme_id FROM numbers WHERE e164 = ?", (one,)).fetchall()
        connection.execute("DELETE FROM branches WHERE scheme_id = ?", (row[0],))
        insert_branches(connection, row[0], (Branch((Dial((Destination(two, kind="number"),)),)),))
    stage.house.controller.said("its calls would come back to it", since=mark)
    assert len(busy_everywhere(stage, one).legs) == 1, "the version before is in force"


@pytest.mark.promise("FLD-11")
def test_a_mobile_that_forwards_back_to_us_is_rung_three_times_and_no_more(stage: Stage) -> None:
    """No scheme shows what a mobile is set to do: each round comes back as one more call of the same caller."""
    number = stage.plan(Dial((Destination("+79160007777", kind="number"),)))
    forwarding = f"[lab-phones]\nexten => +79160007777,1,Dial(PJSIP/{number}@lab-caller,30)\n same => n,Hangup(17)\n"
    stage.house.asterisk.add("extensions.d/forwards.conf", forwarding)
    stage.house.asterisk.cli("dialplan reload")
    stage.call(number, scenario="caller-refused", status=486).over()
    rounds = stage.house.database.closed(number, 4)
    assert [call.verdict[1] for call in rounds] == ["nobody_answered"] * 3 + ["loop"]
    assert [len(call.legs) for call in rounds] == [1, 1, 1, 0]
    assert rounds[-1].details("loop_stopped") == [{}]


@pytest.mark.promise("FLD-11")
def test_a_mobile_that_says_that_it_forwards_is_not_rung_again(stage: Stage) -> None:
    """Its network tells by Diversion who forwarded the call: the circle ends in its first round."""
    mobile = "+79160007778"
    number = stage.plan(Dial((Destination(mobile, kind="number"),)))
    told = "Set(REDIRECTING(count,i)=1)", "Set(REDIRECTING(from-num,i)=${EXTEN})"
    lines = (*told, f"Dial(PJSIP/{number}@lab-caller,30)", "Hangup(17)")
    steps = "".join(f"exten => {mobile},{n},{line}\n" for n, line in enumerate(lines, start=1))
    stage.house.asterisk.add("extensions.d/forwards-told.conf", f"[lab-phones]\n{steps}")
    stage.house.asterisk.cli("dialplan reload")
    stage.call(number, scenario="caller-refused", status=486).over()
    first, second = stage.house.database.closed(number, 2)
    assert (first.outcomes, second.outcomes) == ([(mobile, "busy")], [(mobile, "refused")])
    assert [one.details("arrived")[0].get("diverted_by") for one in (first, second)] == [None, mobile]


@pytest.mark.fault("21")
@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE destinations SET timeout_seconds = -1", "timeout_is_5_to_600_seconds"),
        ("UPDATE destinations SET target = 'Local/100@default'", "endpoint_is_a_name"),
        ("UPDATE schemes SET name = ' '", "name_is_not_empty"),
        ("UPDATE steps SET kind = 'system'", "kind_of_step_is"),
    ],
)
def test_nonsense_is_refused_by_the_database_itself(stage: Stage, sql: str, said: str) -> None:
    stage.plan(ring(stage.ringing()))
    with pytest.raises(sqlite3.IntegrityError, match=said), stage.house.database.edit() as connection:
        connection.execute(sql)


@pytest.mark.promise("CAL-08")
@pytest.mark.parametrize("last", [HangUp, Voicemail])
def test_the_last_step_is_voicemail_or_the_end(stage: Stage, last: Callable[[], HangUp | Voicemail]) -> None:
    number = stage.plan(ring(stage.refusing("603 Decline")), last())
    if last is HangUp:
        stage.call(number, scenario="caller-refused", status=480).over()
    else:
        assert stage.call(number, talk_ms=200).over().final == 200
