"""The tutorial's application as far as it keeps people: its table, made and filled by its own libraries.

`app.py make COUNT` registers people, `app.py codes` says each one's code as pyotp computes it just now.
"""

import sys

import pyotp
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///users.db"
app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False
db = SQLAlchemy(app)


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(80), unique=True, nullable=False)
    otp_secret = db.Column(db.String(16), nullable=False)


def make(count):
    db.create_all()
    for number in range(count):
        db.session.add(User(username=f"Person.{number}", otp_secret=pyotp.random_base32()))
    db.session.commit()


def codes():
    for user in User.query.all():
        print(user.username, pyotp.TOTP(user.otp_secret).now())


with app.app_context():
    if sys.argv[1] == "make":
        make(int(sys.argv[2]))
    else:
        codes()
