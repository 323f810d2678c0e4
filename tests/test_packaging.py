"""What is built holds every module of the package once, with its data, and nothing of the root's links."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ["pyproject.toml", "README.md", "LICENSE", "tinygrad_cv"]
LINKS = ["ops", "models"]
IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info")


def checkout(folder: Path, links: bool) -> Path:
    """A copy of the working tree; without symbolic links, git leaves a file that holds the link's target."""
    folder.mkdir()
    for part in filter(lambda name: (ROOT / name).exists(), PARTS):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part, **({"ignore": IGNORED} if copy is shutil.copytree else {}))
    for link in LINKS:
        if links:
            (folder / link).symlink_to(f"tinygrad_cv/{link}")
        else:
            (folder / link).write_text(f"tinygrad_cv/{link}")
    return folder


def build(kind: str, source: Path, target: Path) -> Path:
    """Build a wheel, a source distribution or an editable wheel with the setuptools that is installed."""
    target.mkdir(exist_ok=True)
    program = f"from setuptools import build_meta as b; print(b.build_{kind}({str(target)!r}))"
    result = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return target / result.stdout.splitlines()[-1]


def files_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(name for name in archive.namelist() if ".dist-info/" not in name)


@pytest.fixture(scope="module")
def package() -> list[str]:
    files = (path for path in (ROOT / "tinygrad_cv").rglob("*") if path.is_file())
    return sorted(str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts)


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
def test_wheel_holds_every_file_of_the_package_once(links: bool, package: list[str], tmp_path: Path) -> None:
    wheel = build("wheel", checkout(tmp_path / "tree", links), tmp_path / "dist")
    assert files_in(wheel) == package


def test_wheel_from_the_source_distribution_is_the_same(package: list[str], tmp_path: Path) -> None:
    sdist = build("sdist", checkout(tmp_path / "tree", links=True), tmp_path / "dist")
    with tarfile.open(sdist) as archive:
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # since Python 3.11.4
        archive.extractall(tmp_path / "unpacked", **safely)
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert not {path.name for path in unpacked.iterdir()} & set(LINKS)
    assert files_in(build("wheel", unpacked, tmp_path / "dist")) == package


def test_editable_install_finds_the_package_and_not_the_bare_names(tmp_path: Path) -> None:
    wheel = build("editable", checkout(tmp_path / "tree", links=True), tmp_path / "dist")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    program = (
        f"import site; site.addsitedir({str(site)!r})\n"
        "from importlib.util import find_spec as find\n"
        "print(find('tinygrad_cv').origin, find('ops'), find('models'))"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout.split() == [str(tmp_path / "tree" / "tinygrad_cv" / "__init__.py"), "None", "None"]
