//! Names that exist beside names that do not, over the wire: the same bytes, until both are told to wait, and then, too.

use anyhow::Result;

use crate::browser::{Answer, Browser};
use crate::report::verdict;
use crate::{Finding, Ground, clock};

/// Tries of one name: four that are judged, the fifth that begins the rest, and one that rests.
const TRIES: usize = 6;

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let people = ground.pick(2, 10, 40);
    let arena = ground.arena()?;
    let (mut pairs, mut unlike) = (0, Vec::new());
    let mut took = (Vec::new(), Vec::new());
    for _ in 0..people {
        let (person, _) = ground.registered(&arena.site)?;
        // As long as the other, so that the length of a page says nothing that was not asked.
        let nobody = format!("nobody{}", &person.name["person".len()..]);
        let mut browsers = [ground.browser(&arena.site), ground.browser(&arena.site)];
        for n in 0..TRIES {
            // Who comes first alternates: the second of two is always a little faster.
            let order = if n % 2 == 0 { [0, 1] } else { [1, 0] };
            let mut answers: [Option<Answer>; 2] = [None, None];
            for who in order {
                let name = if who == 0 { &person.name } else { &nobody };
                let began = clock::now();
                let answer =
                    browsers[who].post("/login", &[("username", name), ("password", "no such password")])?;
                let times = if who == 0 { &mut took.0 } else { &mut took.1 };
                // Those who wait are not hashed, and would hide the others.
                if answer.status != 429 {
                    times.push(began.elapsed().as_secs_f64());
                }
                answers[who] = Some(answer);
            }
            let [Some(known), Some(unknown)] = &answers else { continue };
            pairs += 1;
            let known = normal(known, &person.name);
            let unknown = normal(unknown, &nobody);
            if known != unknown {
                unlike.push(format!("try {n}: {}", difference(&known, &unknown)));
            }
        }
    }
    // The page that may say so: it does, and the same comparison sees it.
    let (person, _) = ground.registered(&arena.site)?;
    let mut browser: Browser = ground.browser(&arena.site);
    let password = "a phrase of five words";
    let taken = browser.post("/register", &[("username", &person.name), ("password", password)])?;
    let free = format!("nobody{}", &person.name["person".len()..]);
    let given = browser.post("/register", &[("username", &free), ("password", password)])?;
    let seen = normal(&taken, &person.name) != normal(&given, &free);
    let first = unlike.first().map(|first| format!("; {first}")).unwrap_or_default();
    Ok(vec![Finding {
        row: "alike",
        tried: "the answer for a name that exists and for one that does not".to_owned(),
        often: format!("{pairs} pairs"),
        result: format!(
            "{} pairs differ{first}; by time they are told apart with AUC {:.2} (0.5 is by chance; reported only)",
            unlike.len(),
            auc(&took.0, &took.1)
        ),
        control: if seen {
            "at the open registration they differ"
        } else {
            "no difference where there is one"
        }
        .to_owned(),
        verdict: verdict(unlike.is_empty() && pairs > 0, seen),
    }])
}

/// All that was answered, without what differs between any two answers: the date, the name that was asked for, and where
/// somebody has to wait the seconds that are left.
fn normal(answer: &Answer, name: &str) -> String {
    let mut text = format!("{}\n", answer.status);
    for (header, value) in answer.headers.iter().filter(|(header, _)| header != "date") {
        let value = if header == "set-cookie" { value.split('=').next().unwrap_or_default() } else { value };
        text += &format!("{header}: {value}\n");
    }
    text += &answer.text();
    let text = text.replace(name, "NAME");
    if answer.status == 429 {
        return text
            .split(|c: char| c.is_ascii_digit())
            .filter(|piece| !piece.is_empty())
            .collect::<Vec<_>>()
            .join("#");
    }
    text
}

fn difference(one: &str, other: &str) -> String {
    let lines = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    let (one, other) = lines.unwrap_or(("more", "less"));
    let short = |text: &str| text.trim().chars().take(60).collect::<String>();
    format!("{:?} beside {:?}", short(one), short(other))
}

/// How often the first takes longer than the second: 0.5 when nothing can be told.
fn auc(one: &[f64], other: &[f64]) -> f64 {
    let mut longer = 0.0;
    for a in one {
        for b in other {
            longer += if a > b {
                1.0
            } else if a < b {
                0.0
            } else {
                0.5
            };
        }
    }
    longer / (one.len() * other.len()).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::auc;

    #[test]
    fn chance_is_a_half_and_a_sure_thing_is_one() {
        assert!((auc(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]) - 0.5).abs() < 1e-9);
        assert!((auc(&[4.0, 5.0], &[1.0, 2.0]) - 1.0).abs() < 1e-9);
    }
}
