"""The file of gateways: what it may say, and how its mistakes are told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ari_app.core.delivery import Accepted
from ari_app.core.messages import Channel
from ari_app.gateways.configuration import AnySettings, GatewaysError, load_gateways
from ari_app.gateways.inbox import Inbox
from ari_app.gateways.smpp.gateway import Smpp
from ari_app.gateways.twilio import Twilio
from ari_app.message_ports import Letter
from tests.gateways.drivers import SECRET, vapid_key

DOCUMENT = Path(__file__).parents[2] / "docs" / "gateways.md"
TWILIO = f"""
  - name: main
    kind: twilio
    account_sid: AC{"0" * 32}
    auth_token: {{env: TWILIO_TOKEN}}
"""


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "gateways.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def mistakes(folder: Path, text: str, mode: int = 0o600) -> str:
    with pytest.raises(GatewaysError) as caught:
        load_gateways(written(folder, text, mode), folder)
    assert SECRET not in str(caught.value)
    behind = None if caught.value.__suppress_context__ else caught.value.__context__
    assert behind is None, "no secret in what lies behind it, either"
    return str(caught.value)


def test_without_a_file_it_is_test_mode(tmp_path: Path) -> None:
    found = load_gateways(None, tmp_path / "inbox")
    assert [(one.name, one.channel) for one in found] == [
        ("inbox-sms", Channel.SMS),
        ("inbox-email", Channel.EMAIL),
        ("inbox-push", Channel.PUSH),
    ]
    for one in found:
        letter = Letter("1" * 32, one.channel, "to", "text")
        assert isinstance(one.send(letter), Accepted)
    assert len((tmp_path / "inbox" / "inbox.jsonl").read_text().splitlines()) == 3


def test_the_order_of_the_file_is_the_order_of_failover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_TOKEN", SECRET)
    smpp = (
        '\n  - {name: second, kind: smpp, host: smsc.example.com, system_id: u, password: "p", rate: 50, price: "2.5"}'
    )
    inbox = "\n  - {name: third, kind: inbox, channel: sms}"
    found = load_gateways(written(tmp_path, "gateways:" + TWILIO + smpp + inbox), tmp_path / "inbox")
    assert [type(one) for one in found] == [Twilio, Smpp, Inbox]
    assert [one.name for one in found] == ["main", "second", "third"]
    assert (found[0].rate, found[0].price) == (10.0, None)
    assert (found[1].rate, str(found[1].price)) == (50.0, "2.5")


def test_secrets_from_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRET + "\n")
    (tmp_path / "token").chmod(0o600)
    text = "gateways:" + TWILIO.replace("{env: TWILIO_TOKEN}", "{file: token}")
    [one] = load_gateways(written(tmp_path, text, 0o644), tmp_path)
    assert isinstance(one, Twilio)
    (tmp_path / "token").chmod(0o640)
    assert "auth_token: " + str(tmp_path / "token") + " may be read by others" in mistakes(tmp_path, text)
    (tmp_path / "token").unlink()
    assert "cannot be read: No such file" in mistakes(tmp_path, text)


def test_a_secret_in_the_file_makes_it_private(tmp_path: Path) -> None:
    text = "gateways:" + TWILIO.replace("{env: TWILIO_TOKEN}", SECRET)
    assert load_gateways(written(tmp_path, text), tmp_path)
    assert f"chmod 600 {tmp_path / 'gateways.yaml'}" in mistakes(tmp_path, text, 0o644)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file: "),
        ("[]", "begins with gateways: and a list"),
        ("gateways: []", "gateways: "),
        ("gateways: [1]", "gateway number 1: "),
        ("gateways:\n  - name: a\n   kind: b", "line 3: "),
        (f"gateways: [\n{SECRET}: @", "is no YAML"),
        ("gateways: [{name: a}]", "gateway a: kind: is missing"),
        ("gateways: [{name: a, kind: pigeon}]", "gateway a: kind: there is no such kind; there are 'twilio', "),
        ("gateways: [{name: a, kind: sms_ru}]", "gateway a: api_id: is missing; write it"),
        (f"gateways: [{{name: a, kind: sms_ru, api_id: [{SECRET}]}}]", "api_id: must be the secret in quotes"),
        ("gateways: [{name: a, kind: sms_ru, api_id: {env: NO_SUCH_VARIABLE}}]", "NO_SUCH_VARIABLE is not set"),
        (f"gateways: [{{name: a, kind: sms_ru, api_id: x, apiid: {SECRET}}}]", "apiid: there is no such setting"),
        ("gateways: [{name: A b, kind: sms_ru, api_id: x}]", "gateway A b: name: "),
        ("gateways: [{name: a, kind: sms_ru, api_id: x, url: 'http://sms.ru'}]", "gateway a: url: is not encrypted"),
        ("gateways: [{name: a, kind: sms_ru, api_id: x, url: 'https://u:p@sms.ru'}]", "must have no user, password"),
        ("gateways: [{name: a, kind: sms_ru, api_id: x, ca_file: no.pem}]", "no.pem cannot be read as certificates"),
        ("gateways: [{name: a, kind: sms_ru, api_id: x, rate: 0}]", "gateway a: rate: "),
        ("gateways: [{name: a, kind: sms_ru, api_id: x, price: cheap}]", "gateway a: price: "),
        ("gateways: [{name: a, kind: smsc_ru, login: x}]", "api_key: write either api_key, or login and password"),
        ("gateways: [{name: a, kind: twilio, account_sid: x, auth_token: y}]", "gateway a: account_sid: "),
        (
            "gateways: [{name: a, kind: webhook, endpoints: {crm: {url: 'https://x', secrets: [short]}}}]",
            "gateway a: endpoints.crm.secrets.0: must be whsec_",
        ),
        ("gateways: [{name: a, kind: http, send: {url: 'https://x/{no}'}}]", "send.url: {no} is no placeholder"),
        (
            "gateways: [{name: a, kind: inbox, channel: sms}, {name: a, kind: inbox, channel: push}]",
            "there are two of that name",
        ),
    ],
)
def test_mistakes(tmp_path: Path, text: str, says: str) -> None:
    found = mistakes(tmp_path, text)
    assert says in found
    assert all(line.startswith(str(tmp_path / "gateways.yaml")) for line in found.splitlines()), found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    smpp = "{name: b, kind: smpp, host: h, port: 0, system_id: '', password: x}"
    text = f"gateways:\n  - {{name: a, kind: sms_ru}}\n  - {smpp}"
    assert len(mistakes(tmp_path, text).splitlines()) == 3


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GatewaysError, match="ARI_APP_GATEWAYS_FILE"):
        load_gateways(tmp_path / "none.yaml", tmp_path)


def test_every_example_of_the_documentation_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And every kind has one."""
    vapid_key(tmp_path)
    for name in ("vapid.pem", "own.token"):
        path = tmp_path / name
        path.write_text(path.read_text() if path.exists() else SECRET)
        path.chmod(0o600)
    examples = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    for name in re.findall(r"\{env: (\w+)\}", "\n".join(examples)):
        monkeypatch.setenv(name, "whsec_" + "QUJD" * 10 if "WEBHOOK" in name else SECRET[:8])
    kinds = set()
    for example in examples:
        found = load_gateways(written(tmp_path, example, 0o644), tmp_path)
        assert found
        kinds |= {one["kind"] for one in yaml.safe_load(example)["gateways"]}
        for gateway in found:
            gateway.close()
    known = {model.model_fields["kind"].annotation.__args__[0] for model in AnySettings.__args__}
    assert kinds == known


def test_every_setting_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for model in AnySettings.__args__:
        for name, field in model.model_fields.items():
            assert f"`{field.alias or name}`" in text, f"{model.__name__}.{name}"
