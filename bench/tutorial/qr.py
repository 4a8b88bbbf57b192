"""The picture of a setup code as the tutorial draws it, over and over: `qr.py SECONDS` prints how many there were a second."""

import io
import sys
import time

import pyotp
import qrcode

seconds = float(sys.argv[1])
uri = pyotp.TOTP("LJNFUWS2LJNFUWS2LJNFUWS2LJNFUWS2").provisioning_uri(name="person123456", issuer_name="YourApp")
began_at, done = time.monotonic(), 0
while time.monotonic() - began_at < seconds:
    picture = io.BytesIO()
    qrcode.make(uri).save(picture, "PNG")
    done += 1
print(done / (time.monotonic() - began_at))
