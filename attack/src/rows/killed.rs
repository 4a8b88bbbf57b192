//! `kill -9` within 20 ms after an answer: what was answered stays true, and what was spent stays spent.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::browser::Browser;
use crate::person::Person;
use crate::report::verdict;
use crate::server::{Place, Server};
use crate::{Finding, Ground, clock};

/// What did not stay as it was answered.
#[derive(Default)]
struct Broken {
    lost: usize,
    spent_again: usize,
}

/// After which answer it is killed.
#[derive(Clone, Copy)]
enum Moment {
    SignedIn,
    Registered,
    RecoveryCode,
}

const MOMENTS: [Moment; 3] = [Moment::SignedIn, Moment::Registered, Moment::RecoveryCode];

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let rounds = ground.pick(6, 60, 500);
    let place = ground.place()?;
    let mut server = place.start()?;
    let mut broken = Broken::default();
    for round in 0..rounds {
        let after = u64::try_from(round * 7 % 20)?;
        let kill = |server: Server| {
            clock::pause(after);
            server.kill()
        };
        server = self::round(ground, &place, (server, MOMENTS[round % 3]), kill, &mut broken)?;
    }
    // The control: the disk of a moment before, as a machine has it that answers before it has written.
    let mut forgotten = Broken::default();
    for moment in MOMENTS {
        let before = place.dir().join("before");
        let kill = |server: Server| {
            server.kill()?;
            copy(&before, &place.data())
        };
        server = self::round(ground, &place, (server, moment), kill, &mut forgotten)?;
    }
    server.stop()?;
    let held = broken.lost == 0 && broken.spent_again == 0;
    Ok(vec![Finding {
        row: "killed",
        tried: "kill -9 within 20 ms after a sign-in, a registration, a spent recovery code".to_owned(),
        often: rounds.to_string(),
        result: format!(
            "{} acknowledged and lost, {} spent and good again, of {rounds}",
            broken.lost, broken.spent_again
        ),
        control: format!(
            "on the disk of a moment before, {} lost and {} good again, of {}",
            forgotten.lost,
            forgotten.spent_again,
            MOMENTS.len()
        ),
        verdict: verdict(held, forgotten.lost > 0 && forgotten.spent_again > 0),
    }])
}

fn round(
    ground: &Ground,
    place: &Place,
    (server, moment): (Server, Moment),
    kill: impl FnOnce(Server) -> Result<()>,
    broken: &mut Broken,
) -> Result<Server> {
    let mut browser = ground.browser(&server.site);
    let mut person = Person::new(&ground.name("killed"));
    match moment {
        Moment::Registered => person.reserves(&mut browser)?,
        _ => person.registers(&mut browser)?,
    }
    if let Moment::RecoveryCode = moment {
        person.keeps_recovery_codes(&mut browser)?;
    }
    let mut other = ground.browser(&server.site);
    if !matches!(moment, Moment::Registered) {
        person.gives_password(&mut other)?;
    }
    // What the disk holds before the answer is only wanted by the control, which cannot know it afterward.
    copy(&place.data(), &place.dir().join("before"))?;
    let spent = match moment {
        Moment::Registered => {
            person.confirms(&mut browser)?.lands_on("/enroll/recovery-codes")?;
            person.codes.last().cloned()
        }
        Moment::SignedIn => {
            let code = person.code()?;
            other.post("/login/code", &[("otp", &code)])?.lands_on("/")?;
            browser = other;
            Some(code)
        }
        Moment::RecoveryCode => {
            let code = person.recovery_codes.first().cloned().context("a recovery code")?;
            other.post("/login/recovery", &[("recovery_code", &code)])?.lands_on("/enroll")?;
            browser = other;
            Some(code)
        }
    };
    let spent = spent.context("a code")?;
    kill(server)?;

    let server = place.start()?;
    browser.moves_to(&server.site);
    let path = if matches!(moment, Moment::RecoveryCode) { "/enroll" } else { "/" };
    broken.lost += usize::from(browser.get(path)?.status != 200);
    let mut thief = ground.browser(&server.site);
    // Whose account is lost, too, cannot give a password.
    if person.gives_password(&mut thief).is_ok() {
        broken.spent_again += usize::from(is_good(&mut thief, moment, &spent)?);
    }
    Ok(server)
}

fn is_good(thief: &mut Browser, moment: Moment, spent: &str) -> Result<bool> {
    let answer = match moment {
        Moment::RecoveryCode => thief.post("/login/recovery", &[("recovery_code", spent)])?,
        _ => thief.post("/login/code", &[("otp", spent)])?,
    };
    Ok(answer.status == 303)
}

/// Copies the files of one directory into another, and leaves nothing else there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name())).context("copying the database")?;
    }
    Ok(())
}
