"""A real browser for tests of pages: headless Chromium, spoken to by the DevTools protocol over aiohttp."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

SECONDS_TO_START = 30.0
SECONDS_TO_ANSWER = 120.0
SECONDS_TO_END = 10.0
PAUSE = 0.05

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--remote-debugging-port=0",
)
_LISTENS = re.compile(rb"DevTools listening on (ws://\S+)")


class Tab:
    """One page. `complaints` are what its console said: errors, warnings, violations of its policy."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session: str | None = None
        self._number = 0
        self._awaited: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._events: dict[str, asyncio.Event] = {}
        self.complaints: list[str] = []
        self.requests: list[str] = []

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        answer = self._awaited[self._number] = asyncio.get_running_loop().create_future()
        session = {} if self._session is None else {"sessionId": self._session}
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters, **session})
        async with asyncio.timeout(SECONDS_TO_ANSWER):
            return await answer

    async def read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._awaited.pop(said["id"]).set_result(said.get("result") or {"error": said.get("error")})
            else:
                self._hear(said["method"], said.get("params", {}))

    def _hear(self, method: str, said: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(said["exceptionDetails"]))
        if method == "Runtime.consoleAPICalled" and said["type"] in {"error", "warning"}:
            self.complaints.append(str(said["args"]))
        if method == "Log.entryAdded" and said["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
        if method in self._events:
            self._events[method].set()

    async def attach(self) -> None:
        target = await self.send("Target.createTarget", url="about:blank")
        session = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = session["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            await self.send(f"{domain}.enable")

    async def look(self, width: int, height: int = 900, *, scheme: str = "light", print_out: bool = False) -> None:
        """Set the size and the colour scheme."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.send("Emulation.setEmulatedMedia", media="print" if print_out else "", features=features)

    async def open(self, address: str) -> None:
        """Go to a page and wait until it is there."""
        loaded = self._events["Page.loadEventFired"] = asyncio.Event()
        await self.send("Page.navigate", url=address)
        async with asyncio.timeout(SECONDS_TO_ANSWER):
            await loaded.wait()

    async def value(self, expression: str) -> Any:
        """Return what an expression of JavaScript is."""
        answer = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = 60.0) -> None:
        """Wait until an expression is true."""
        for _ in range(int(seconds / PAUSE)):
            if await self.value(f"Boolean({expression})"):
                return
            await asyncio.sleep(PAUSE)
        raise AssertionError(f"not within {seconds} s: {expression}")

    async def press(self, key: str) -> None:
        """Press a key and let go of it."""
        code = {"Tab": 9, "Enter": 13, " ": 32}[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if kind == "keyDown" and text else {}
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **typed)

    async def picture(self, selector: str | None = None, *, whole: bool = True) -> bytes:
        """Return a PNG of the page, or of an element."""
        clip: dict[str, Any] = {}
        if selector is not None:
            box = await self.value(
                f"(() => {{ const r = document.querySelector({selector!r}).getBoundingClientRect();"
                " return [r.x + scrollX, r.y + scrollY, r.width, r.height]; })()"
            )
            clip = {"clip": dict(zip(("x", "y", "width", "height"), box, strict=True)) | {"scale": 1}}
        shot = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **clip)
        return base64.b64decode(shot["data"])

    async def pdf(self) -> bytes:
        """Print it."""
        printed = await self.send("Page.printToPDF", preferCSSPageSize=True)
        return base64.b64decode(printed["data"])


@asynccontextmanager
async def browser(chromium: str, profile: Path) -> AsyncIterator[Callable[[], Awaitable[Tab]]]:
    """Run Chromium with its profile in a directory; give a function that opens a tab. It is gone at the end."""
    process = await asyncio.create_subprocess_exec(
        chromium,
        *_OPTIONS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    tasks: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(SECONDS_TO_START):
            address = await _address(process)
        tasks.append(asyncio.create_task(_drain(process)))
        async with aiohttp.ClientSession() as session:

            async def tab() -> Tab:
                made = Tab(await session.ws_connect(address, max_msg_size=0))
                tasks.append(asyncio.create_task(made.read()))
                await made.attach()
                return made

            yield tab
    finally:
        process.terminate()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(SECONDS_TO_END):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if found := _LISTENS.search(line):
            return found[1].decode()
    raise AssertionError("Chromium ended before it could be spoken to")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    async for _ in process.stderr:
        pass
