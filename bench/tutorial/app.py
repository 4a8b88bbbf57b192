"""The design that tutorials teach, to measure beside: Flask, pyotp, qrcode, and SQLite by Flask-SQLAlchemy.

It does what they do and no more: a code is good as often as it is shown within its half minute, nothing counts wrong ones, secrets lie
open, and a sign-in writes nothing. `app.py make COUNT SECRET` fills the database; gunicorn serves `app:app`.
"""

import io
import os
import sys

import pyotp
import qrcode
from flask import Flask, abort, request, send_file, session
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SECRET_KEY"] = "only for measuring"
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///" + os.environ["TUTORIAL_DATABASE"]
db = SQLAlchemy(app)


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(80), unique=True, nullable=False)
    otp_secret = db.Column(db.String(32), nullable=False)


@app.post("/register")
def register():
    username = request.form["username"]
    if User.query.filter_by(username=username).first() is not None:
        abort(409)
    otp_secret = pyotp.random_base32()
    db.session.add(User(username=username, otp_secret=otp_secret))
    db.session.commit()
    uri = pyotp.TOTP(otp_secret).provisioning_uri(name=username, issuer_name="YourApp")
    picture = io.BytesIO()
    qrcode.make(uri).save(picture, "PNG")
    picture.seek(0)
    return send_file(picture, mimetype="image/png")


@app.post("/login")
def login():
    user = User.query.filter_by(username=request.form["username"]).first()
    if user is None or not pyotp.TOTP(user.otp_secret).verify(request.form["otp"]):
        abort(401)
    session["username"] = user.username
    return "Login successful!"


@app.get("/me")
def me():
    if "username" not in session:
        abort(401)
    return "You are " + session["username"]


def make(count, secret):
    db.create_all()
    people = [{"username": f"person{number}", "otp_secret": secret} for number in range(count)]
    db.session.execute(db.insert(User), people)
    db.session.commit()


if __name__ == "__main__":
    with app.app_context():
        make(int(sys.argv[2]), sys.argv[3])
