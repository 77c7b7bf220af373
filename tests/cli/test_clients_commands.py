"""`clients`, `users` and `roles` as typed, on SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
import pytest

from tests.cli.desks import DeskCli, at_a_terminal

ANNA, BORIS = "+79160000001", "+79160000002"


@pytest.mark.promise("YCL-09")
def test_refusals_are_kept_shown_and_taken_back(both: DeskCli, tmp_path: Path) -> None:
    assert both("clients", "refuse", "89160000001").stdout == f"{ANNA} refuses every message\n"
    both("clients", "refuse", ANNA, "--channel", "sms", "--advertising")
    both("clients", "refuse", ANNA, "--kind", "item-reminder")
    listed = tmp_path / "old.csv"
    listed.write_text(f"client,channel,kind,bulk_only\n{BORIS},email,,yes\n\n{ANNA}\n", encoding="utf-8-sig")
    assert both("clients", "refuse", "--from-file", str(listed)).stdout == f"1 refusal taken in from {listed}\n"
    told = both.json("clients", "refusals")["refusals"]
    assert {(one["client"], one["what"]) for one in told} == {
        (ANNA, "every message"),
        (ANNA, "bulk advertising by SMS"),
        (ANNA, "every message of kind item_reminder"),
        (BORIS, "bulk advertising by e-mail"),
    }
    assert "bulk advertising by SMS (operator" in both("clients", "show", ANNA).stdout
    assert both("clients", "allow", ANNA, "--channel", "sms", "--advertising").stdout.startswith(
        f"{ANNA} does not refuse"
    )
    assert both("clients", "allow", ANNA, "--channel", "push", code=1).stdout == "There was no such refusal.\n"
    both("clients", "allow", ANNA)
    assert [one["client"] for one in both.json("clients", "refusals")["refusals"]] == [BORIS]
    assert both("clients", "show", ANNA).stdout.splitlines()[-1].split() == ["refuses", "nothing"]


def test_a_list_with_a_mistake_is_not_taken_in(both: DeskCli, tmp_path: Path) -> None:
    listed = tmp_path / "old.csv"
    listed.write_text(f"{BORIS}\n{ANNA},fax\n")
    assert (
        "line 2: 'fax' is no channel such as sms"
        in both(*("clients", "refuse", "--from-file", str(listed)), code=1).stderr
    )
    assert both("clients", "refusals").stdout == "Nobody has refused anything.\n"
    assert "give the client's number, or a list" in both("clients", "refuse", code=2).stderr


def known(cli: DeskCli) -> DeskCli:
    """With a client who was written to, and one more."""
    cli("clients", "set", ANNA, "--name", "Anna", "--email", "anna-k@example.com")
    cli("clients", "refuse", ANNA, "--kind", "item-reminder")
    for number in (ANNA, BORIS):
        cli("messages", "send", "--to", number, "--text", "Hello {name}, {caller}")
    return cli


@pytest.fixture
def client(both: DeskCli) -> DeskCli:
    """Such a command line on either database."""
    return known(both)


def test_an_export_is_one_json_of_one_client(client: DeskCli) -> None:
    told = orjson.loads(client("clients", "export", ANNA).stdout)
    assert told["clients"] == [{"client": ANNA, "name": "Anna", "email": "anna-k@example.com", "push": ""}]
    assert [one["text"] for one in told["messages"]] == [f"Hello Anna, {ANNA}"]
    assert BORIS not in orjson.dumps(told).decode()


def test_a_client_is_erased_after_asking_with_proof(one: DeskCli) -> None:
    known(one)
    code, told = at_a_terminal("clients", "erase", ANNA, answer="n", columns=200)
    assert (code, "Nothing was changed." in told) == (1, True)
    code, told = at_a_terminal("clients", "erase", ANNA, answer="y", columns=200)
    assert code == 0
    assert "rows: messages 1, clients 1, audit_log 3, opt_outs 1; 1 queued message cancelled" in told
    assert "the number stands in no column any more" in told
    again = one.json("clients", "erase", ANNA, "--yes")
    assert (set(again["rows"].values()), again["traces"], again["recordings"]) == ({0}, {}, [])
    states = [(one["recipient"][:7], one["state"]) for one in one.json("messages", "list")["messages"]]
    assert states == [(BORIS[:7], "queued"), ("erased-", "cancelled")]


def test_the_number_is_not_even_in_sqlite_s_file(one: DeskCli) -> None:
    known(one)("clients", "erase", ANNA, "--yes")
    content = b"".join(path.read_bytes() for path in one.database.parent.glob(f"{one.database.name}*"))
    assert b"Hello" in content, "another's message stays"
    assert b"9160000001" not in content
    assert b"anna-k@example.com" not in content


def test_refusals_may_be_kept(client: DeskCli) -> None:
    told = client.json("clients", "erase", ANNA, "--yes", "--keep-refusals")
    assert told["traces"] == {"opt_outs.client": 1}
    assert "opt_outs" not in told["rows"]


def test_a_number_that_still_stands_somewhere_is_a_no(client: DeskCli) -> None:
    client.sql(f"UPDATE messages SET text = 'not for {ANNA}' WHERE client = '{BORIS}'")
    done = client("clients", "erase", ANNA, "--yes", code=1)
    assert "the number still stands in messages.text: 1" in done.stdout


# --- users and roles -------------------------------------------------------------------------------------------------


@pytest.mark.promise("UIS-11")
def test_users_and_roles_are_made_given_rights_and_listed(both: DeskCli) -> None:
    both("users", "add", "anna")
    both("roles", "add", "editor")
    assert both("roles", "grant", "editor", "rules", "view", "edit").stdout == "role 'editor' has 2 rights more\n"
    both("roles", "give", "editor", "anna")
    both("users", "grant", "anna", "messages", "view")
    lines = both("users", "list").stdout.splitlines()
    assert lines[1].split() == ["anna", "editor", "messages", "view;", "rules", "edit", "view"]
    assert both.json("roles", "list")["roles"] == [
        {"name": "editor", "grants": ["rules edit", "rules view"], "users": ["anna"]}
    ]
    assert both("roles", "list").stdout.splitlines()[1].split() == ["editor", "anna", "rules", "edit", "view"]
    both("roles", "revoke", "editor", "rules", "all")
    both("roles", "take", "editor", "anna")
    both("users", "revoke", "anna", "all", "all")
    both("roles", "remove", "editor", "--yes")
    (anna,) = both.json("users", "list")["users"]
    assert (anna["roles"], anna["grants"]) == ([], [])
    assert "is not one of" in both("users", "grant", "anna", "rules", "sing", code=2).stderr
    assert both("users", "grant", "anna", "all", "all").stdout == "user 'anna' has 32 rights more\n"


def test_a_token_is_all_of_stdout_and_kept_as_its_hash(both: DeskCli) -> None:
    both("users", "add", "website")
    done = both("users", "token", "website")
    token = done.stdout.strip()
    assert "not shown again" in done.stderr
    assert both.rows("SELECT token_hash FROM users") == [(hashlib.sha256(token.encode()).hexdigest(),)]
    assert both.json("users", "token", "website")["token"] != token
    assert both("users", "token", "website", "--void").stdout == "user 'website' has no token any more\n"
    assert both.rows("SELECT token_hash FROM users") == [(None,)]


def test_users_are_kept_out_let_in_and_removed(both: DeskCli) -> None:
    both("users", "add", "anna")
    both("users", "grant", "anna", "rules", "view")
    both("users", "disable", "anna")
    assert "'anna' is disabled" in both("rules", "list", "--as", "anna", code=1).stderr
    assert "disabled" in both("users", "list").stdout
    both("users", "enable", "anna")
    both("rules", "list", "--as", "anna")
    assert "Nothing was done" in both("users", "remove", "anna", code=1).stderr
    both("users", "remove", "anna", "--yes")
    assert "No users yet" in both("users", "list").stdout
    assert [one["action"] for one in both.json("users", "log", "--subject", "users")["changes"]] == [
        *("remove user", "enable user", "disable user", "grant", "add user")
    ]
    assert both("users", "log", "--by", "nobody").stdout == "No changes yet.\n"
    assert "a user 'anna' exists" in [both("users", "add", "anna"), both("users", "add", "anna", code=1)][1].stderr
