#!/usr/bin/env python3
"""From a fresh clone to a running command: python3 dev.py COMMAND [ARGUMENTS...]

    train     train a network on real handwriting (tinygrad-cv train)
    explore   see inside a network in the browser; without a run, the digits are learned first
    test      ruff, mypy and the tests; --oracle also compares with PyTorch
    e2e       the tests that drive the pages in a real browser
    lint      ruff and mypy alone
    laws      the laws of every op, kernels interpreted and under 1, 2 and 4 threads
    coverage  which lines no test reaches, kernels interpreted and compiled (a quarter of an hour)
    bench     measure against PyTorch
    docs      build the documentation into docs/_build/html

Arguments go to the program behind the command: dev.py train --epochs 3, dev.py test -k conv.
The first run makes .venv and installs the package there, with the versions of constraints.txt;
later runs start at once, until pyproject.toml or constraints.txt change.
"""

import errno
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

# This file keeps to a syntax that Python 3.6 can read, so that an old Python gets as far as this sentence.
if sys.version_info < (3, 11):
    sys.exit("dev.py: Python 3.11 or newer is needed and this is %d.%d; run this file with a newer one, "
             "for example: python3.13 dev.py test" % sys.version_info[:2])

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON, CLI = str(BIN / "python"), str(BIN / "tinygrad-cv")
STAMP = VENV / "dev-stamp.txt"

CHECKS = {
    "ruff": [PYTHON, "-m", "ruff", "check", "--quiet", "."],
    "mypy": [PYTHON, "-m", "mypy", "--no-error-summary"],
}
COMMANDS = {  # name: extras beside dev, checks to run first, the program that gets the arguments
    "train": ([], {}, [CLI, "train"]),
    "explore": (["web"], {}, [CLI, "explore"]),
    "e2e": (["e2e"], {}, [PYTHON, "-m", "pytest", "--e2e", "-m", "e2e", "-rs"]),
    "test": ([], CHECKS, [PYTHON, "-m", "pytest", "-n", "2"]),
    "lint": ([], CHECKS, []),
    "laws": ([], {}, [PYTHON, "-m", "tests.laws"]),
    "coverage": ([], {}, [PYTHON, "-m", "tests.laws", "--coverage"]),
    "bench": (["bench"], {}, [PYTHON, "-m", "benchmarks"]),
    "docs": (["docs"], {}, [PYTHON, "-m", "sphinx", "-W", "-q", "docs", "docs/_build/html"]),
}
NO_NETWORK = "the package index cannot be reached; check the network and run it again"
DISK_FULL = "the disk is full; free about a gigabyte and run it again"
CAUSES = {"No space left": DISK_FULL, "name resolution": NO_NETWORK, "onnection": NO_NETWORK}


def main(arguments: list[str]) -> int:
    """Install what the command needs, run its programs, and return the exit status of the last one."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        return fail(f"there is no command {name!r}; there are {', '.join(COMMANDS)}", 2)
    extras, checks, program = COMMANDS[name]
    install({"dev", *extras, *(["oracle"] if "--oracle" in rest else [])})
    for check, command in checks.items():
        start = time.perf_counter()
        status = run(command)
        if status:
            return fail(f"{check} found the faults above; nothing after it was run", status)
        print(f"dev.py: {check} found no fault ({time.perf_counter() - start:.1f} s)", flush=True)
    unnamed = not rest or rest[0].startswith("-")
    if name == "explore" and unnamed and not any(Path("runs").glob("*/config.json")):
        status = run([CLI, "train", "--data", "drawings"])
        if status:
            return status
    return run(program + rest) if program else 0


def install(extras: set[str]) -> None:
    """Bring .venv up to date; nothing to do when its stamp names this Python, place, pinning and extras."""
    home = f"{sys.version} {ROOT}".replace("\n", " ")
    pinning = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    digest = hashlib.sha256(pinning).hexdigest()
    known = [*(STAMP.read_text().splitlines() if STAMP.exists() else []), "", "", ""]
    if known[:2] == [home, digest] and extras <= set(known[2].split(",")):
        return
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    if known[0] == home or inside:
        extras |= set(filter(None, known[2].split(",")))
    else:
        print("dev.py: making .venv and installing into it, on the first run only", flush=True)
        venv.EnvBuilder(clear=True, symlinks=os.name != "nt").create(VENV)
    names = ",".join(sorted(extras))
    log(*pip(), "install", "-c", str(ROOT / "constraints.txt"), "-e", f"{ROOT}[{names}]")
    STAMP.write_text("\n".join([home, digest, names, ""]))


def pip() -> list[str]:
    """The installer to use: pip inside .venv, else this Python's own pip, else uv, whichever there is."""
    if importlib.util.find_spec("ensurepip"):  # Debian keeps it in a package of its own, python3-venv
        log(PYTHON, "-m", "ensurepip", "--default-pip")
        return [PYTHON, "-m", "pip"]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", PYTHON]
    if shutil.which("uv"):
        os.environ["UV_PYTHON"] = PYTHON
        return ["uv", "pip"]
    raise SystemExit(fail("this Python has neither ensurepip nor pip; on Debian: apt install python3-venv"))


def log(*command: str) -> None:
    """Run one step of the installation, showing its latest line on a terminal and all of it in a file."""
    step = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in step.stdout or ():
        lines.append(line)
        if sys.stdout.isatty():
            print(f"\r{line.strip()[:78]:<78}", end="", flush=True)
    if sys.stdout.isatty():
        print(f"\r{'':<78}\r", end="", flush=True)
    if step.wait():
        text = "".join(lines)
        last = next((line.strip() for line in reversed(lines) if "rror" in line), "no reason given")
        cause = next((said for sign, said in CAUSES.items() if sign in text), last)
        (VENV / "install.log").write_text(text)
        raise SystemExit(fail(f"the installation failed: {cause} (all of it: .venv/install.log)"))


def run(command: list[str]) -> int:
    """Run a program and return its exit status; Ctrl-C reaches it directly, and it decides how to end."""
    child = subprocess.Popen(command, cwd=None if command[0] == CLI else ROOT)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    status = child.wait()
    return status if status >= 0 else 128 - status


def fail(sentence: str, status: int = 1) -> int:
    print(f"dev.py: {sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(fail("interrupted; run it again to go on", 130))
    except OSError as error:
        sys.exit(fail(DISK_FULL if error.errno == errno.ENOSPC else str(error)))
