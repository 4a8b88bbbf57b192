"""Gives privacyIDEA people to measure with: `prepare.py CONFIG COUNT KEY` makes a realm out of the file of people that lies beside
the configuration, and a token with this key in hex for each of them.
"""

import pathlib
import sys

from privacyidea.app import create_app
from privacyidea.lib.realm import set_default_realm, set_realm
from privacyidea.lib.resolver import save_resolver
from privacyidea.lib.token import init_token
from privacyidea.lib.user import User

config, count, key = sys.argv[1], int(sys.argv[2]), sys.argv[3]
names = [f"person{number}" for number in range(count)]
people = pathlib.Path(config).with_name("people")
lines = (f"{name}:x:{1000 + number}:1000:{name},,,:/:/bin/false\n" for number, name in enumerate(names))
people.write_text("".join(lines))
with create_app(config_name="production", config_file=config, silent=True).app_context():
    save_resolver({"resolver": "people", "type": "passwdresolver", "fileName": str(people)})
    set_realm("bench", [{"name": "people"}])
    set_default_realm("bench")
    for name in names:
        init_token({"type": "totp", "otpkey": key, "serial": f"TOTP{name}"}, user=User(name, "bench"))
