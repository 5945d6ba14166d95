"""Headless Chromium for tests of pages, driven through its pipe: no driver, no port, nothing to install."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 40.0
"""Seconds that one command may take."""


@contextmanager
def open_page(path: Path, profile: Path) -> Iterator[Page]:
    """A file in a fresh browser; skips the test where there is no Chromium."""
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if binary is None:
        pytest.skip("no Chromium on this machine")
    to_browser, from_browser = os.pipe(), os.pipe()
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]

    def hand_over() -> None:
        # By way of copies: the pipes' own numbers may be 3 and 4.
        copies = os.dup(to_browser[0]), os.dup(from_browser[1])
        os.dup2(copies[0], 3)
        os.dup2(copies[1], 4)

    process = subprocess.Popen(
        [binary, *switches, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
        preexec_fn=hand_over,
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser[0])
    os.close(from_browser[1])
    try:
        page = Page(to_browser[1], from_browser[0])
        page.open(path)
        yield page
    finally:
        process.kill()
        process.wait()
        for end in (to_browser[1], from_browser[0]):
            with suppress(OSError):
                os.close(end)


@dataclass
class Page:
    """One tab, and everything it complained about or asked of the network."""

    writes: int
    reads: int
    session: str | None = None
    complaints: list[str] = field(default_factory=list)
    """Exceptions, console errors, violations of the content policy."""
    requests: list[str] = field(default_factory=list)
    """Addresses asked for, data: URIs aside."""
    loaded: bool = False
    _number: int = 0
    _rest: bytes = b""

    def open(self, path: Path) -> None:
        """Attach to a tab and load a file."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.loaded = False
        self.send("Page.navigate", url=path.as_uri())
        end = time.monotonic() + PATIENCE
        while not self.loaded:
            self._hear(end)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """One command, and its answer."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while True:
            heard = self._hear(end)
            if heard.get("id") == number:
                assert "error" not in heard, heard["error"]
                result: dict[str, Any] = heard["result"]
                return result

    def run(self, script: str) -> Any:
        """The value of an expression; promises are waited for."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key where the focus is: `ArrowDown`, `/`, `Escape`."""
        codes = {"ArrowDown": 40, "ArrowUp": 38, "Escape": 27, "End": 35, "Home": 36}
        text = {"text": key} if len(key) == 1 else {}
        code = codes.get(key, 0)
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def choose(self, id: str, value: str) -> None:
        """Set a control as a reader would, events included."""
        self.run(
            f"(() => {{ const e = document.getElementById({json.dumps(id)}); e.value = {json.dumps(value)};"
            "e.dispatchEvent(new Event('input', {bubbles: true}));"
            "e.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def shoot(self, width: int, height: int, *, dark: bool = False) -> bytes:
        """A PNG of the tab at this size."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        return base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])

    def _hear(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if time.monotonic() > end:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self.reads, 1 << 20)
            if not piece:
                raise EOFError("the browser is gone")
            self._rest += piece
        line, self._rest = self._rest.split(b"\0", 1)
        heard: dict[str, Any] = json.loads(line)
        self._note(heard.get("method", ""), heard.get("params", {}))
        return heard

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.complaints.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(str(params["entry"]))
        elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith("data:"):
            self.requests.append(params["request"]["url"])
