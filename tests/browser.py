"""A browser that tests look at pages with."""
import fcntl
import json
import os
import subprocess


class Browser:
    """Chromium by its debugging pipe (Chrome DevTools Protocol), which needs no other library."""

    def __init__(self, program, work):
        down, self.to = os.pipe()
        self.back, up = os.pipe()
        # Both must not lie on 3 or 4 while they are moved there.
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (down, up)]
        os.close(down)
        os.close(up)

        def place():
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--remote-debugging-pipe", "--user-data-dir=" + work,
             "--window-size=1300,1000", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=place)
        for fd in ends:
            os.close(fd)
        self.rest, self.n, self.events, self.session = b"", 0, [], None

    def message(self):
        while b"\0" not in self.rest:
            piece = os.read(self.back, 1 << 20)
            if not piece:
                raise OSError("the browser has ended")
            self.rest += piece
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **parameters):
        self.n += 1
        m = {"id": self.n, "method": method, "params": parameters}
        if self.session:
            m["sessionId"] = self.session
        os.write(self.to, json.dumps(m).encode() + b"\0")
        while True:
            m = self.message()
            if m.get("id") == self.n:
                if "error" in m:
                    raise OSError(f"{method}: {m['error']}")
                return m["result"]
            self.events.append(m)

    def attach(self):
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        # A page is read where it is in front of its reader.
        self.call("Page.bringToFront")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        session, self.session = self.session, None
        self.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        self.session = session

    def open(self, path):
        self.go("file://" + path)

    def go(self, url):
        self.events = []
        self.call("Page.navigate", url=url)
        for _ in range(600):
            if self.value("document.readyState === 'complete' && location.protocol === '%s:'" % url.split(":")[0]):
                return
        raise OSError("the page does not come")

    def value(self, expression, wait=False):
        r = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=wait)
        if "exceptionDetails" in r:
            raise OSError(f"{expression}: {r['exceptionDetails']}")
        return r["result"].get("value")

    def scheme(self, which):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": which}])

    def close(self):
        """Ended by itself it takes its children with it."""
        self.session = None
        try:
            self.call("Browser.close")
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
