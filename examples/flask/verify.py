"""The same program, which asks Latchkey whether a code is right. Its own sessions stay."""

import os

import requests
from flask import Flask, redirect, request, session
from markupsafe import escape

app = Flask(__name__)
app.secret_key = os.urandom(32)
LATCHKEY = os.environ.get("LATCHKEY", "http://localhost:8080")
TOKEN = {"Authorization": "Bearer " + os.environ["LATCHKEY_TOKEN"]}

FORM = '<form method="post"><input name="username" placeholder="Name">%s<button>Go on</button></form>'


@app.get("/")
def home():
    name = session.get("username")
    return f"Hello, {escape(name)}!" if name else redirect("/login")


@app.get("/register")
def register():
    return redirect(LATCHKEY + "/register")


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "GET":
        return FORM % '<input name="otp" placeholder="Code">'
    typed = {"username": request.form["username"], "otp": request.form["otp"]}
    answer = requests.post(LATCHKEY + "/api/v1/verify", json=typed, headers=TOKEN, timeout=10)
    if answer.status_code != 200 or not answer.json()["right"]:
        return "Wrong name or code.", 422
    session["username"] = answer.json()["username"]
    return redirect("/")


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "9000")))
