//! The hostile suite as a program. `cargo xtask attack` builds what it attacks, and starts this.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use attack::{Options, Size, Verdict};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match parse(&words).and_then(|options| attack::run(&options)) {
        Ok(findings) if findings.iter().all(|finding| finding.verdict != Verdict::Broken) => {
            ExitCode::SUCCESS
        }
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("attack: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn parse(words: &[String]) -> Result<Options> {
    let mut options = Options {
        size: Size::Full,
        program: None,
        postgres: None,
        url: None,
        host: None,
        database: None,
        rows: Vec::new(),
        json: None,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--quick" => options.size = Size::Quick,
            "--program" => options.program = Some(PathBuf::from(value()?)),
            "--postgres" => options.postgres = Some(value()?),
            "--url" => options.url = Some(value()?),
            "--host" => options.host = Some(value()?),
            "--database" => options.database = Some(value()?),
            "--json" => options.json = Some(PathBuf::from(value()?)),
            option if option.starts_with('-') => bail!(
                "{option} is not known; there are --quick, --url URL, --host NAME, --database URL, --json FILE, --program FILE, \
                 --postgres URL"
            ),
            row => options.rows.push(row.to_owned()),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use attack::{Size, names, run};

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_command_line_is_read() {
        let options = parse(&words("--quick --url http://127.0.0.1:1 --host x guessing race")).unwrap();
        assert_eq!((options.size, options.rows.len(), options.host.as_deref()), (Size::Quick, 2, Some("x")));
        assert!(parse(&words("--url")).is_err() && parse(&words("--fast")).is_err());
        assert!(names().contains(&"guessing"));
    }

    #[test]
    fn nothing_is_sent_to_another_machine() {
        let refused = run(&parse(&words("--url http://192.0.2.1:8080 guessing")).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("not this machine"), "{refused}");
    }

    #[test]
    fn whoever_redirects_is_not_attacked() {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap();
            let answer = "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        let refused = run(&parse(&words(&format!("--url {url} guessing"))).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("302 http://192.0.2.1/"), "{refused}");
        assert!(served.join().unwrap().starts_with("GET /livez "));
    }

    #[test]
    fn a_row_that_is_not_there_is_refused_before_anything_begins() {
        let refused = run(&parse(&words("--program x no-such-row")).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("no row `no-such-row`"), "{refused}");
    }
}
