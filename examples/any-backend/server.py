"""A shop with users and sessions of its own, whose pages get live events from a Sallyport server."""

import json
import os
import secrets
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

PORT = int(os.environ.get("PORT", "8000"))
API_KEY = os.environ["API_KEY"]
# Where this server finds Sallyport, and where browsers do.
SALLYPORT_URL = os.environ.get("SALLYPORT_URL", "http://127.0.0.1:3000")
LIVE_URL = os.environ.get("LIVE_URL", SALLYPORT_URL)
MAX_BODY_BYTES = 16 * 1024

FOLDER = Path(__file__).parent
FILES = {
    "/": ("text/html", FOLDER / "index.html"),
    "/page.js": ("text/javascript", FOLDER / "page.js"),
    "/sallyport-live.js": ("text/javascript", FOLDER / "node_modules/sallyport-client/dist/sallyport-live.js"),
}

# Stand-ins for your tables. A session is found by the secret in the cookie; Sallyport gets its id, which is no secret.
PASSWORDS = {"ada": "demo", "bob": "demo"}
SESSIONS = {}


class Unavailable(Exception):
    """Sallyport does not answer, or refuses."""


def sallyport(path, body):
    """Calls Sallyport with the API key."""
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    request = Request(SALLYPORT_URL + path, json.dumps(body).encode(), headers)
    try:
        with urlopen(request, timeout=5) as answer:
            return json.load(answer)
    except OSError as error:
        raise Unavailable(f"{path}: {error}") from error


def viewer_of(user):
    """What Sallyport calls a user of ours: external:<source>:<id>."""
    return f"external:acme:{quote(user, safe='@|+=')}"


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def sign_in(self, body):
        name = body.get("name")
        if name not in PASSWORDS or PASSWORDS[name] != body.get("password"):
            return self.answer(401)
        self.end_session()
        secret = secrets.token_urlsafe(32)
        SESSIONS[secret] = {"user": name, "id": secrets.token_hex(16)}
        self.answer(204, cookie=f"session={secret}; Path=/; HttpOnly; SameSite=Lax")

    def live_token(self, _body):
        """What the page asks before each connection: a token that depends on the session."""
        session = self.session()
        if session is None:
            return self.answer(401)
        self.answer(200, sallyport("/tokens", {"viewer": viewer_of(session["user"]), "session": session["id"]}))

    def place_order(self, _body):
        session = self.session()
        if session is None:
            return self.answer(401)
        order = {"order": secrets.token_hex(4), "state": "paid"}
        payload = {"kind": "order", "title": f"Order {order['order']} is {order['state']}"}
        event = {"topic": "notifications", "viewer": viewer_of(session["user"]), "payload": payload}
        [result] = sallyport("/publish", {"events": [event]})["results"]
        if "error" in result:
            raise Unavailable(result["error"]["message"])
        self.answer(201, order)

    def sign_out(self, _body):
        self.end_session()
        self.answer(204, cookie="session=; Path=/; Max-Age=0")

    def end_session(self):
        session = self.session()
        if session is not None:
            # Sockets of the session close with 4401, and its tokens open none. If this fails, the user is still signed
            # in and tries again.
            sallyport("/disconnect", {"session": session["id"]})
            SESSIONS.pop(self.secret(), None)

    def session(self):
        """The session of the user who is signed in, or None."""
        return SESSIONS.get(self.secret())

    def secret(self):
        cookie = SimpleCookie(self.headers.get("Cookie")).get("session")
        return cookie.value if cookie else None

    def do_GET(self):
        if self.path in FILES:
            kind, file = FILES[self.path]
            self.send(200, file.read_text().replace("{{LIVE_URL}}", LIVE_URL), kind)
        else:
            self.dispatch({})

    def do_POST(self):
        try:
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 <= length <= MAX_BODY_BYTES:
                raise ValueError("the body is too large")
            body = json.loads(self.rfile.read(length) or "{}")
            if not isinstance(body, dict):
                raise ValueError("the body is not an object")
        except ValueError as error:
            # What is left of the body is not the next request.
            self.close_connection = True
            self.log_error("Refused: %s", error)
            return self.answer(400)
        self.dispatch(body)

    def dispatch(self, body):
        routes = {
            "POST /sign-in": self.sign_in,
            "GET /live-token": self.live_token,
            "POST /orders": self.place_order,
            "POST /sign-out": self.sign_out,
        }
        route = routes.get(f"{self.command} {self.path}")
        if route is None:
            return self.answer(404)
        try:
            route(body)
        except Unavailable as error:
            self.log_error("Sallyport is unavailable: %s", error)
            self.answer(503)

    def answer(self, status, body=None, cookie=None):
        self.send(status, "" if status == 204 else json.dumps(body), "application/json", cookie)

    def send(self, status, text, kind, cookie=None):
        body = text.encode()
        self.send_response(status)
        self.send_header("Cache-Control", "no-store")
        if cookie is not None:
            self.send_header("Set-Cookie", cookie)
        if body:
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Shop)
    print(f"Open http://127.0.0.1:{PORT}", flush=True)
    server.serve_forever()
