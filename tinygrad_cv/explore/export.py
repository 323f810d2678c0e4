"""A page that needs no server: the network's program, its numbers and the page's own files in one HTML file.

The program is the recorded graph (`program`), so it does not matter how the network was written; an operation that the
page cannot compute is refused by its name. The page loads nothing, and a policy in its head forbids it to.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cv.explore.app import PAGE, describe
from tinygrad_cv.explore.pictures import curves_svg, graph_svg
from tinygrad_cv.explore.program import MOVERS, Program
from tinygrad_cv.explore.session import Answer, Session
from tinygrad_cv.explore.subject import Subject, of_model
from tinygrad_cv.io import write_text
from tinygrad_cv.ops.errors import ArgumentError

MOST_NUMBERS = 3_000_000
MOST_WORK = 400_000_000
"""Numbers of a program, and multiply-adds of a run: more would make a page that opens and answers slowly."""


def export(model: Any, path: str | Path, **about: Any) -> Path:
    """Write a page that runs a network in the browser, without a server or a network connection, and return its path.

    Its results are those of Python up to rounding (1e-4). It shows probabilities, the maps of every layer and the
    arithmetic of each value; explanations that need the reverse pass are left to the server.

    Parameters
    ----------
    model : a network, a function of a tensor (1, C, H, W), or a `Subject`.
    path : of the page.
    about : as for `serve`.

    Raises
    ------
    ArgumentError
        An operation has no form in the page, or the network is too large; the message says which, or how large.
    """
    subject = model if isinstance(model, Subject) else of_model(model, **about)
    return write_text(path, page(subject))


def page(subject: Subject) -> str:
    """The page as text."""
    session = Session(subject)
    answer = session.run(_first_image(subject))
    program = answer.program
    check(program, subject.title)
    data = {
        "about": {**describe(session), "evidence": False},
        "program": program.description(),
        "constants": [_encoded(c) for c in program.constants],
        "fields": fields(session, answer),
        "samples": _samples(subject),
        "graph": _link(graph_svg(subject)),
        "curves": _link(curves_svg(subject)) if subject.run is not None and subject.run.history() else None,
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    script, style = bundle("standalone.js"), (PAGE / "style.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">\n'
        f"<title>tinygrad_cv explorer</title>\n<style>{style}</style></head>\n"
        f'<body><div id="app"><noscript>This page needs JavaScript.</noscript></div>\n'
        f'<script type="application/json" id="network">{text}</script>\n'
        f'<script type="module">{script}</script></body></html>\n'
    )


def check(program: Program, title: str) -> None:
    """Refuse a program that the page cannot run.

    Raises
    ------
    ArgumentError
        Why.
    """
    if not program.steps:
        raise ArgumentError(
            f"explore: {title} hides its steps from the engine, so a page cannot run them; use the server"
        )
    known = forms()
    for step in program.steps:
        plain_index = step.op != "Take" or _is_basic(step.settings.get("index"))
        if step.op not in known or not plain_index or any(kind == "lost" for kind, _ in step.sources):
            what = step.op if step.op not in known else f"{step.op} with something else than numbers and slices"
            if any(kind == "lost" for kind, _ in step.sources):
                what = f"{step.op} of something that has no derivative"
            raise ArgumentError(
                f"explore: {step.name} of {title} is {what}, which the page cannot compute; it knows "
                f"{', '.join(sorted(known))}; use the server instead"
            )
    numbers = sum(c.size for c in program.constants)
    if numbers > MOST_NUMBERS:
        raise ArgumentError(
            f"explore: {title} has {numbers:,} numbers, a page holds {MOST_NUMBERS:,}; use the server instead"
        )
    work = sum(program.work(step) for step in program.steps)
    if work > MOST_WORK:
        raise ArgumentError(
            f"explore: {title} takes {work:,} multiply-adds for an image, a page {MOST_WORK:,}; use the server, "
            "or a smaller --image-size"
        )


def _is_basic(index: Any) -> bool:
    """Whether an index is a tuple of whole numbers and slices, in the form of `program`."""
    return isinstance(index, list) and all(isinstance(k, int) or (isinstance(k, dict) and "slice" in k) for k in index)


@cache
def forms() -> frozenset[str]:
    """The operations that the page can compute, read from its own sources."""
    found: set[str] = set(MOVERS)
    for name, table in (("kernels.js", "KERNELS"), ("arithmetic.js", "UNARY"), ("arithmetic.js", "BINARY")):
        text = (PAGE / name).read_text(encoding="utf-8")
        body = re.search(rf"^export const {table} = \{{\n(.*?)^\}};", text, re.DOTALL | re.MULTILINE)
        assert body is not None, f"{name} has no table {table}"
        found |= set(re.findall(r"(?:^|, |\s)([A-Z]\w*)(?=[:,])", body[1], re.MULTILINE))
    return frozenset(found)


def bundle(entry: str) -> str:
    """The modules that ``entry`` needs as one script: each after those that it imports, names as they are.

    The modules use one form of import and export each and have no two top-level names in common.
    """
    done: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in done:
            return
        text = (PAGE / name).read_text(encoding="utf-8")
        done[name] = ""  # holds the place in a circle
        for other in re.findall(r'^import \{[^}]*\} from "\./([\w.]+)";\n', text, re.MULTILINE):
            visit(other)
        text = re.sub(r'^import \{[^}]*\} from "\./[\w.]+";\n', "", text, flags=re.MULTILINE)
        done.pop(name)
        done[name] = re.sub(r"^export (?=(async )?(function|class|const|let)\b)", "", text, flags=re.MULTILINE)

    visit(entry)
    return "\n" + "\n".join(done.values())


def fields(session: Session, answer: Answer) -> list[Any]:
    """For every shown step, the rows and the columns of the image that each row and column of its maps sees.

    Each is [inside low, inside high, full low, full high].
    """
    found: list[Any] = []
    for place, step in enumerate(answer.program.steps):
        if not step.is_shown:
            found.append(None)
            continue
        spatial = step.shape[2:] if len(step.shape) == 4 else ()
        axes = []
        for axis in (0, 1):
            line = []
            for k in range(spatial[axis] if spatial else 1):
                index = [0] * len(step.shape)
                if spatial:
                    index[2:] = [n // 2 for n in spatial]
                    index[2 + axis] = k
                seen = session.field(answer, place, index)
                inside, full = seen["inside"], seen["full"]
                line.append(None if inside is None else [inside[axis], inside[2 + axis], full[axis], full[2 + axis]])
            axes.append(line)
        found.append(axes)
    return found


def _first_image(subject: Subject) -> Any:
    if subject.samples is not None and len(subject.samples[0]):
        return subject.samples[0][0].astype(np.float32) / 255
    return np.full(subject.input_size, 0.5, np.float32)


def _encoded(array: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


def _samples(subject: Subject) -> Any:
    if subject.samples is None:
        return None
    images, labels = subject.samples
    return {"shape": images.shape, "labels": labels, "data": base64.b64encode(images.tobytes()).decode()}


def _link(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
