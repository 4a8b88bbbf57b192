"""The same program behind a proxy that asks Latchkey. Who it is stands in a header, which only the proxy can send."""

import os

from flask import Flask, request
from markupsafe import escape

app = Flask(__name__)


@app.get("/")
def home():
    return f"Hello, {escape(request.headers['Remote-User'])}!"


if __name__ == "__main__":
    # On this machine only: whoever reaches the program past the proxy could write that header.
    app.run(host="127.0.0.1", port=int(os.environ.get("PORT", "9000")))
