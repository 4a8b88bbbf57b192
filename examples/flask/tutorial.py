"""A login by one-time code as tutorials build it: register, scan the QR code, sign in with a name and six digits."""

import io
import os

import pyotp
import qrcode
from flask import Flask, redirect, request, send_file, session
from markupsafe import escape

app = Flask(__name__)
app.secret_key = os.urandom(32)
secrets = {}

FORM = '<form method="post"><input name="username" placeholder="Name">%s<button>Go on</button></form>'


@app.get("/")
def home():
    name = session.get("username")
    return f"Hello, {escape(name)}!" if name else redirect("/login")


@app.route("/register", methods=["GET", "POST"])
def register():
    if request.method == "GET":
        return FORM % ""
    name = request.form["username"]
    if name in secrets:
        return "That name is taken.", 422
    secrets[name] = pyotp.random_base32()
    picture = io.BytesIO()
    qrcode.make(pyotp.TOTP(secrets[name]).provisioning_uri(name=name, issuer_name="Tutorial")).save(picture)
    picture.seek(0)
    return send_file(picture, mimetype="image/png")


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "GET":
        return FORM % '<input name="otp" placeholder="Code">'
    name = request.form["username"]
    if name not in secrets or not pyotp.TOTP(secrets[name]).verify(request.form["otp"]):
        return "Wrong name or code.", 422
    session["username"] = name
    return redirect("/")


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "9000")))
