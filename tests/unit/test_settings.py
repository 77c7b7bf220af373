"""Settings: the environment and a private file, every value checked, every refusal with its mend, no secret told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ari_app.core.outcomes import HangUpCause
from ari_app.core.scheme import Destination, Greeting, HangUpStep, TargetKind, VoicemailStep
from ari_app.settings import SettingsError, load

SECRET = "open-Sesame_1001"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and none of the product's variables."""
    for name in os.environ:
        if name.upper().startswith("ARI_APP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def private(path: Path, *lines: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    path.chmod(mode)
    return path


def refusal(env_file: Path | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        load(env_file)
    return str(refused.value)


def test_without_any_setting_there_is_a_default_for_each() -> None:
    settings = load()
    assert settings.database_url == "sqlite:///ari-app.sqlite3"
    assert settings.default_steps == (VoicemailStep(Greeting("universal (ru)", "ari-app/ru/greeting")),)
    assert settings.dial_policy.refusal("+74950000101") is None


@pytest.mark.promise("CAL-10")
@pytest.mark.parametrize("language", ["ru", "uk", "pl", "en"])
def test_the_default_greeting_speaks_the_deployments_language(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_LANGUAGE", language)
    assert load().default_greeting == Greeting(f"universal ({language})", f"ari-app/{language}/greeting")


def test_calls_that_no_scheme_provides_for_may_be_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_DEFAULT_ACTION", "hang_up")
    assert load().default_steps == (HangUpStep(HangUpCause.UNKNOWN_NUMBER),)


@pytest.mark.parametrize("written", ["+7 +380", "+7,+380", " +7 ,  +380 "])
def test_prefixes_are_written_with_spaces_or_commas(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_DIAL_ALLOWED_PREFIXES", written)
    monkeypatch.setenv("ARI_APP_DIAL_DENIED_PREFIXES", "+7800")
    policy = load().dial_policy
    assert policy.allowed_prefixes == ("+7", "+380")
    assert policy.denied_prefixes == ("+7800",)


def test_how_numbers_and_endpoints_are_dialed_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_NUMBER_TEMPLATE", "PJSIP/00{digits}@carrier")
    monkeypatch.setenv("ARI_APP_ENDPOINT_TEMPLATE", "PJSIP/desk-{name}")
    templates = load().dial_templates
    assert templates.render(Destination(TargetKind.NUMBER, "+79160000003", 20)) == "PJSIP/0079160000003@carrier"
    assert templates.render(Destination(TargetKind.ENDPOINT, "reception", 20)) == "PJSIP/desk-reception"


def test_the_environment_wins_over_the_file(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private(nowhere / "ari-app.env", "ARI_APP_REGION=PL", "ARI_APP_LANGUAGE=pl", "HOME=/nowhere")
    monkeypatch.setenv("ARI_APP_REGION", "UA")
    settings = load()
    assert (settings.region, settings.language) == ("UA", "pl")


def test_the_file_named_comes_first_then_the_variable_then_the_two_usual_places(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private(nowhere / ".run" / "ari-app.env", "ARI_APP_REGION=PL")
    assert load().region == "PL"
    private(nowhere / "ari-app.env", "ARI_APP_REGION=UA")
    assert load().region == "UA"
    monkeypatch.setenv("ARI_APP_ENV_FILE", str(private(nowhere / "etc" / "by-variable.env", "ARI_APP_REGION=DE")))
    assert load().region == "DE"
    assert load(private(nowhere / "by-name.env", "ARI_APP_REGION=GB")).region == "GB"


def test_a_file_that_is_named_must_be_there(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = nowhere / "missing.env"
    assert refusal(missing) == f"{missing} cannot be read: No such file or directory"
    monkeypatch.setenv("ARI_APP_ENV_FILE", str(missing))
    assert refusal() == f"ARI_APP_ENV_FILE names {missing}, and there is no such file"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777])
def test_a_settings_file_with_any_right_for_others_is_refused(nowhere: Path, mode: int) -> None:
    file = private(nowhere / "ari-app.env", f"ARI_APP_ARI_PASSWORD={SECRET}", mode=mode)
    said = f"ari-app.env may be read by others; it holds secrets, so: chmod 600 {file.name}"
    assert refusal() == said
    file.chmod(0o400)
    assert load().ari.password == SECRET


def test_the_password_is_had_from_a_file_of_its_own(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = private(nowhere / "ari-password", SECRET)
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD_FILE", str(file))
    assert load().ari.password == SECRET
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD", "the-environment-wins")
    assert load().ari.password == "the-environment-wins"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_password_file_that_others_could_read_is_refused(nowhere: Path, mode: int) -> None:
    file = private(nowhere / "ari-password", SECRET, mode=mode)
    private(nowhere / "ari-app.env", f"ARI_APP_ARI_PASSWORD_FILE={file}")
    assert refusal() == f"{file} may be read by others; it holds secrets, so: chmod 600 {file}"


def test_a_password_file_that_is_missing_is_named(nowhere: Path) -> None:
    private(nowhere / "ari-app.env", f"ARI_APP_ARI_PASSWORD_FILE={nowhere}/ari-password")
    assert refusal() == f"{nowhere}/ari-password cannot be read: No such file or directory"


def test_the_ari_password_is_shown_by_nothing_that_shows_settings(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private(nowhere / "ari-app.env", f"ARI_APP_ARI_PASSWORD={SECRET}")
    settings = load()
    shown = f"{settings!r} {settings} {settings.ari!r} {settings.ari} {settings.model_dump()} {settings.ari_password}"
    assert SECRET not in shown + settings.model_dump_json()
    monkeypatch.setenv("ARI_APP_LANGUAGE", "xx")
    monkeypatch.setenv("ARI_APP_ARI_APPLICATION", "two words")
    with pytest.raises(SettingsError) as refused:
        load()
    assert SECRET not in f"{refused.value!r} {refused.value}"
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "mysql://root:hunter2@h/d", "must begin with sqlite:/// or postgresql://"),
        ("REGION", "Russia", "String should match pattern '^[A-Z]{2}$'"),
        ("REGION", "UK", "'UK' is no country with a numbering plan; the United Kingdom, say, is GB"),
        ("DIAL_DENIED_PREFIXES", "7900", r"String should match pattern '^\+[0-9]{1,15}$'"),
        ("DIAL_ALLOWED_PREFIXES", "+7 00380", r"String should match pattern '^\+[0-9]{1,15}$'"),
        ("LANGUAGE", "de", "Input should be 'ru', 'uk', 'pl' or 'en'"),
        ("DIAL_COSTLY", "perhaps", "Input should be a valid boolean, unable to interpret input"),
        ("DEFAULT_ACTION", "sing", "Input should be 'voicemail' or 'hang_up'"),
        ("MAX_CALL_SECONDS", "59", "Input should be greater than or equal to 60"),
        ("MAX_CALL_SECONDS", "86401", "Input should be less than or equal to 86400"),
        ("MAX_CALL_SECONDS", "an hour", "Input should be a valid integer, unable to parse string as an integer"),
        ("SHUTDOWN_SECONDS", "-1", "Input should be greater than or equal to 0"),
        ("LOG_LEVEL", "LOUD", "Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ],
)
def test_a_wrong_value_is_told_by_the_name_of_its_variable(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"ARI_APP_{name}", value)
    assert refusal() == f"ARI_APP_{name}: {said}"


def test_the_database_password_is_not_shown_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_DATABASE_URL", f"postgresql://ari:{SECRET}@127.0.0.1/journal")
    assert SECRET not in repr(load())


def test_every_wrong_value_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_LANGUAGE", "de")
    monkeypatch.setenv("ARI_APP_MAX_CALL_SECONDS", "1")
    assert [line.partition(":")[0] for line in refusal().splitlines()] == [
        "ARI_APP_LANGUAGE",
        "ARI_APP_MAX_CALL_SECONDS",
    ]


@pytest.mark.fault("22")
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "NUMBER_TEMPLATE",
            "Local/{number}@from-trunk",
            "dial template 'Local/{number}@from-trunk' must be PJSIP/... with {number} or {digits} in it once",
        ),
        ("NUMBER_TEMPLATE", "PJSIP/{number}@tr}unk", "dial template 'PJSIP/{number}@tr}unk' must be PJSIP/..."),
        ("NUMBER_TEMPLATE", "PJSIP/{{number}}", "dial template 'PJSIP/{{number}}' must be PJSIP/..."),
        ("ENDPOINT_TEMPLATE", "PJSIP/desk{", "dial template 'PJSIP/desk{' must be PJSIP/..."),
        ("ENDPOINT_TEMPLATE", "PJSIP/{name}{", "dial template 'PJSIP/{name}{' must be PJSIP/..."),
        ("ENDPOINT_TEMPLATE", "PJSIP/desk", "dial template 'PJSIP/desk' must be PJSIP/... with {name} in it once"),
        (
            "ARI_URL",
            "http://ari-app:hunter2@127.0.0.1:8088/ari",
            "the ARI url must be http://HOST:PORT/ari or https://..., with no user or password in it",
        ),
        ("ARI_URL", "127.0.0.1:8088", "the ARI url must be http://HOST:PORT/ari"),
        ("ARI_USER", "", "the ARI user and password must not be empty: set both as in Asterisk's ari.conf"),
        ("ARI_APPLICATION", "two words", "the ARI application's name may have letters, digits, - and _ only"),
    ],
)
def test_what_dialing_and_ari_could_not_work_with_is_refused_at_the_start(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD", SECRET)
    monkeypatch.setenv(f"ARI_APP_{name}", value)
    told = refusal()
    assert told.startswith(said)
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:8071/healthz"),
        ({"MONITOR_HOST": "0.0.0.0", "MONITOR_PORT": "9000"}, "http://127.0.0.1:9000/healthz"),
        ({"MONITOR_HOST": "::"}, "http://[::1]:8071/healthz"),
        ({"MONITOR_PORT": "0"}, ""),
        ({"MONITOR_PORT": "0", "CONTROLLER_HEALTH": "http://calls:8071/healthz"}, "http://calls:8071/healthz"),
    ],
)
def test_where_the_controller_s_health_is_asked_for(
    variables: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"ARI_APP_{name}", value)
    assert load().health_url == url
