//! An authenticator set up at the command line, beside a running server.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use store::Kind;

use crate::person::Person;
use crate::server::{Place, Server};

#[test]
fn an_authenticator_set_up_at_the_command_line_signs_in_at_once() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        let server = Server::start(&place);
        let mut ada = Person::new("ada");
        ada.registers(&mut server.browser());

        let mut command = place.latchkey(&["otp", "enroll", "ada", "--as", "iPad"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut uri = String::new();
        said.read_line(&mut uri).unwrap();
        assert!(uri.starts_with("otpauth://totp/Latchkey:ada%20%28iPad%29?secret="), "{uri}");
        // A slip of the hand loses nothing.
        let code = Person::scanning("ada", &uri).code();
        write!(child.stdin.take().unwrap(), "12\n{code}\n").unwrap();
        let ended = child.wait_with_output().unwrap();
        let mut rest = String::new();
        said.read_line(&mut rest).unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!(rest, "ada can sign in with the codes of Latchkey: ada (iPad) now.\n");

        let shown = String::from_utf8(place.run(&["user", "show", "ada"]).stdout).unwrap();
        assert!(shown.contains("Authenticators   Latchkey: ada, Latchkey: ada (iPad)"), "{shown}");
        server.stop();
    }
}
