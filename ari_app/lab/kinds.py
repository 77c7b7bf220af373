"""The ways to have an Asterisk: a Docker container, the installed one, a root file system of Debian's packages."""

import hashlib
import os
import pwd
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import IO, Protocol

from ari_app.lab.errors import LabError
from ari_app.lab.rootfs import make_root
from ari_app.lab.tools import MMDEBSTRAP, Say, why_missing

REPOSITORY = Path(__file__).resolve().parents[2]
PROVISION = REPOSITORY / "asterisk-docker" / "provision"
SEEN_AS = "/srv/ari-app"
"""Where a container or a root file system sees the instance directory."""
OLDEST = (22, 7)
"""The first release with StasisBroadcast, which the dialplan offers calls by."""


class Kind(Protocol):
    """One way to have an Asterisk. Names are those of the environment variable ASTERISK."""

    name: str

    def unusable(self) -> str | None:
        """Why it cannot be used here, with the mend; None when it can."""

    def get(self, say: Say) -> None:
        """Build, fetch or check it; quick when that is done already. Raises LabError."""

    def start(self, directory: Path, settings: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Provision `directory` from `settings` (AST_*) and run Asterisk in it; the process lives as long as that."""

    def command(self, directory: Path, arguments: list[str]) -> list[str]:
        """argv that runs `asterisk` with the arguments beside the instance in `directory`."""

    def kill(self, directory: Path, process: "subprocess.Popen[bytes]") -> None:
        """End Asterisk at once, as a crash would."""


def provision(settings: dict[str, str]) -> None:
    """Render the configuration on this machine; settings are the script's environment. Raises LabError."""
    done = subprocess.run([PROVISION], env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(done.stderr.strip())


def _launch(command: list[str], log: IO[bytes], settings: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    # A session of its own: Ctrl-C reaches whoever stops Asterisk in order, not Asterisk.
    return subprocess.Popen(
        command,
        env={**os.environ, **(settings or {})},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        umask=0o077,
    )


class SystemAsterisk:
    """The installed Asterisk, in an instance directory of its own; /etc/asterisk is not touched."""

    name = "system"

    def unusable(self) -> str | None:
        program = self._program()
        if not program:
            return "no Asterisk is installed"
        said = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stdout.strip()
        version = re.search(r"Asterisk \D*(\d+)\.(\d+)", said)
        if not version or (int(version[1]), int(version[2])) < OLDEST:
            return f"{program} is {said or 'broken'}; 22.7 or later is needed (StasisBroadcast): use ASTERISK=local"
        return None

    def get(self, say: Say) -> None:
        if problem := self.unusable():
            raise LabError(f"ASTERISK=system: {problem}")
        say(f"Using the installed {self._program()}")

    def start(self, directory: Path, settings: dict[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        user = self._user()
        if user:
            self._require_passable(directory, user)
            settings = {**settings, "AST_RUN_AS": user}
        provision(settings)
        return _launch(self.command(directory, ["-f", *(["-U", user] if user else [])]), log)

    def command(self, directory: Path, arguments: list[str]) -> list[str]:
        return [self._program() or "asterisk", "-C", f"{directory}/etc/asterisk.conf", *arguments]

    def kill(self, directory: Path, process: "subprocess.Popen[bytes]") -> None:
        process.kill()

    @staticmethod
    def _program() -> str | None:
        return shutil.which("asterisk", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

    @staticmethod
    def _user() -> str | None:
        if os.geteuid() != 0:
            return None
        names = {entry.pw_name for entry in pwd.getpwall()}
        if "asterisk" not in names:
            raise LabError(
                "ASTERISK=system: there is no user asterisk to run as; start as an ordinary user instead of root"
            )
        return "asterisk"

    @staticmethod
    def _require_passable(directory: Path, user: str) -> None:
        for parent in directory.parents:
            if parent.exists() and not parent.stat().st_mode & 0o001:
                raise LabError(f"user {user} cannot pass through {parent}: start as an ordinary user instead of root")


class LocalAsterisk:
    """A root file system under the repository, entered by chroot in a mount namespace that vanishes with Asterisk."""

    name = "local"

    def __init__(self, root: Path = REPOSITORY / ".asterisk" / "root") -> None:
        self.root = root

    def unusable(self) -> str | None:
        if not shutil.which("unshare"):
            return "unshare is missing: apt-get install util-linux"
        if (
            os.geteuid() != 0
            and subprocess.run([*self._namespace(), "true"], capture_output=True, check=False).returncode
        ):
            return (
                "a root file system can be entered by root only, as this kernel gives no user namespaces: "
                "run by sudo, or use ASTERISK=docker or ASTERISK=system"
            )
        return None if (self.root / "usr/sbin/asterisk").exists() else why_missing([MMDEBSTRAP])

    def get(self, say: Say) -> None:
        if problem := self.unusable():
            raise LabError(f"ASTERISK=local: {problem}")
        make_root(self.root, say)
        # A root file system made by hand lacks what the bind mounts need.
        hosts, instance = self.root / "etc/hosts", self.root / SEEN_AS.lstrip("/")
        if not (hosts.exists() and instance.exists()):
            hosts.touch()
            instance.mkdir(exist_ok=True)

    def start(self, directory: Path, settings: dict[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        settings = {**settings, "AST_SEEN_AS": SEEN_AS, "AST_ROOT": str(self.root)}
        as_root = os.geteuid() == 0
        if as_root:
            settings["AST_RUN_AS"] = self._asterisk_ids()
        provision(settings)
        return _launch(self.command(directory, ["-f", *(["-U", "asterisk"] if as_root else [])]), log)

    def command(self, directory: Path, arguments: list[str]) -> list[str]:
        root = shlex.quote(str(self.root))
        here = shlex.quote(str(directory))
        # Each step gives way to the next by exec: the process we start is in the end Asterisk itself.
        script = (
            f"mount --rbind /proc {root}/proc && mount --rbind /dev {root}/dev && "
            f"mount --bind {here} {root}{SEEN_AS} && mount --bind {here}/hosts {root}/etc/hosts && "
            f'exec chroot {root} /usr/sbin/asterisk -C {SEEN_AS}/etc/asterisk.conf "$@"'
        )
        return [*self._namespace(), "sh", "-c", script, "sh", *arguments]

    def kill(self, directory: Path, process: "subprocess.Popen[bytes]") -> None:
        process.kill()

    @staticmethod
    def _namespace() -> list[str]:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        return ["unshare", *user, "--mount", "--propagation", "private"]

    def _asterisk_ids(self) -> str:
        """uid:gid of the user asterisk inside; its numbers mean another user, or none, outside."""
        for line in (self.root / "etc/passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == "asterisk":
                return f"{uid}:{gid}"
        raise LabError(f"no user asterisk in {self.root}: remove it and start again, it will be made anew")


class DockerAsterisk:
    """The image of asterisk-docker/ on the host's network; it provisions the mounted instance directory itself."""

    name = "docker"
    image = "ari-app-asterisk"

    def unusable(self) -> str | None:
        if not shutil.which("docker"):
            return "docker is not installed"
        if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
            return "the Docker engine is not running, or not for this user"
        return None

    def get(self, say: Say) -> None:
        if problem := self.unusable():
            raise LabError(f"ASTERISK=docker: {problem}")
        say(f"Building the image {self.image} (a minute or two the first time)")
        dockerfile = REPOSITORY / "asterisk-docker" / "Dockerfile"
        build = ["docker", "build", "--quiet", "--tag", self.image, "--file", str(dockerfile), str(REPOSITORY)]
        done = subprocess.run(build, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"ASTERISK=docker: the image cannot be built:\n{done.stderr.strip()[-2000:]}")

    def start(self, directory: Path, settings: dict[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        directory.mkdir(parents=True, exist_ok=True)
        settings = {**settings, "AST_INSTANCE": SEEN_AS, "AST_SEEN_AS": SEEN_AS}
        user = [] if os.geteuid() == 0 else ["--user", f"{os.geteuid()}:{os.getegid()}"]
        # Names without values: docker takes the values from its environment.
        passed = [argument for name in settings for argument in ("--env", name)]
        run = ["docker", "run", "--rm", "--name", self._container(directory), "--network", "host", *user, *passed]
        run += ["--add-host", f"{os.uname().nodename}:127.0.0.1", "--volume", f"{directory}:{SEEN_AS}"]
        subprocess.run(["docker", "rm", "--force", self._container(directory)], capture_output=True, check=False)
        return _launch([*run, self.image], log, settings)

    def command(self, directory: Path, arguments: list[str]) -> list[str]:
        return [
            "docker",
            "exec",
            self._container(directory),
            "asterisk",
            "-C",
            f"{SEEN_AS}/etc/asterisk.conf",
            *arguments,
        ]

    def kill(self, directory: Path, process: "subprocess.Popen[bytes]") -> None:
        subprocess.run(["docker", "kill", self._container(directory)], capture_output=True, check=False)

    @staticmethod
    def _container(directory: Path) -> str:
        return "ari-app-asterisk-" + hashlib.sha256(str(directory).encode()).hexdigest()[:12]
