//! The image of `packaging/Containerfile`, built and used; the last step of `install.rs`. No image can be fetched where this
//! runs, so the clean Debian of `machine.rs` stands in for `debian:12-slim`, and for the one with Rust a Debian whose `cargo`
//! hands out the program that `dist.rs` has built. Every line of the Containerfile is run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::fences;
use crate::machine::{self, Machine};
use crate::workspace::{capture, root};

/// What stands in for cargo. It also looks whether the right things were sent to the build, and nothing private.
const CARGO: &str = "#!/bin/sh
set -eu
test \"$*\" = 'build --locked --profile dist -p latchkey'
test -f Cargo.lock && test -f .cargo/config.toml
members=$(sed -n 's/^members = \\[\\(.*\\)\\]$/\\1/p' Cargo.toml | tr -d '\",')
test -n \"$members\"
for member in $members; do
    if ! test -f \"$member/Cargo.toml\"; then echo \"$member was not sent to the build\" >&2; exit 1; fi
done
for private in .git target latchkey-data latchkey.toml; do
    if test -e \"$private\"; then echo \"$private was sent to the build\" >&2; exit 1; fi
done
mkdir -p target/dist
cp /latchkey target/dist/latchkey
";

/// Builds the image, looks at what it says of itself, runs it, and registers somebody.
pub(crate) fn run(package: &Path) -> Result<()> {
    compose()?;
    let store = Store::open()?;
    let program = package.with_file_name("latchkey");
    let names = bases()?;
    println!("   building it on a Debian of our own in the place of {}", names.join(" and "));
    store.images(&names, &program)?;
    let file = root().join("packaging/Containerfile");
    let mut build =
        store.buildah(&["bud", "--quiet", "--pull-never", "--isolation=chroot", "--layers=false"]);
    build.args(["--format=docker", "--tag=latchkey", "--file"]).arg(file).arg(root());
    capture(&mut build)?;

    let about = capture(&mut store.buildah(&["inspect", "--type=image", "latchkey"]))?;
    let about: Value = serde_json::from_str(&about).context("reading what buildah inspect printed")?;
    let config = &about["Docker"]["config"];
    let health = judge(config)?;

    println!(
        "   running it read-only, as its user, without privileges; its health, and a newcomer from outside"
    );
    let container = capture(&mut store.buildah(&["from", "--pull-never", "latchkey"]))?;
    let system = capture(&mut store.buildah(&["mount", container.trim()]))?;
    // What an engine takes from the image, and what somebody sets to let people register.
    let mut words: Vec<String> = strings(&config["Env"]).map(|pair| format!("--setenv={pair}")).collect();
    words.push("--setenv=LATCHKEY_REGISTRATION=open".to_owned());
    words.extend(strings(&config["Entrypoint"]).map(str::to_owned));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let machine = Machine::contain(Path::new(system.trim()), "latchkey", "/data", &words)?;
    machine.run(health)?;
    let recipe = fences::under("README.md", "By curl alone")?;
    let said = machine.outside(&recipe, &[("base", "http://localhost:8080"), ("name", "ada")])?;
    ensure!(said.trim_end().ends_with("You are signed in"), "the recipe ended with: {said}");
    let data =
        machine.run("stat --format '%a %u:%g %n' /data /data/master.key && test -s /data/latchkey.db")?;
    let expected = "700 65532:65532 /data\n600 65532:65532 /data/master.key\n";
    ensure!(data == expected, "the volume holds:\n{data}");
    ensure!(machine.run("touch /elsewhere").is_err(), "its system is not read-only");
    drop(machine);
    println!("   not run: the real debian:12-slim, an engine of containers, and compose.yaml as a whole");
    Ok(())
}

/// What the image says of itself. Answers the line that asks for its health.
fn judge(config: &Value) -> Result<&str> {
    ensure!(config["User"] == "65532:65532", "it runs as {}", config["User"]);
    ensure!(config["Volumes"]["/data"].is_object(), "/data is no volume: {}", config["Volumes"]);
    ensure!(config["ExposedPorts"]["8080/tcp"].is_object(), "no port is named: {}", config["ExposedPorts"]);
    ensure!(config["StopSignal"] == "SIGTERM", "it is stopped by {}", config["StopSignal"]);
    let entry: Vec<&str> = strings(&config["Entrypoint"]).collect();
    ensure!(entry == ["/usr/bin/latchkey"], "it starts {entry:?}");
    let secret =
        strings(&config["Env"]).find(|pair| pair.contains("MASTER_KEY") || pair.contains("DATABASE"));
    ensure!(secret.is_none(), "it carries a setting that may be a secret: {secret:?}");
    match strings(&config["Healthcheck"]["Test"]).collect::<Vec<_>>()[..] {
        ["CMD", "bash", "-c", line] => Ok(line),
        ref other => bail!("its health is asked for by {other:?}"),
    }
}

/// Whether compose.yaml can be read by the program it is for, refuses to start without a name, and keeps what it promises.
fn compose() -> Result<()> {
    let file = root().join("packaging/compose.yaml");
    let read = |host: Option<&str>| {
        let mut compose = Command::new("docker-compose");
        compose.arg("--file").arg(&file).arg("config").stdin(Stdio::null()).env_remove("LATCHKEY_HOST");
        compose.envs(host.map(|host| ("LATCHKEY_HOST", host))).output().context("starting docker-compose")
    };
    let nameless = read(None)?;
    ensure!(!nameless.status.success(), "compose.yaml starts without LATCHKEY_HOST");
    let named = read(Some("login.example.org"))?;
    let text = String::from_utf8_lossy(&named.stdout);
    ensure!(
        named.status.success(),
        "compose.yaml cannot be read: {}",
        String::from_utf8_lossy(&named.stderr)
    );
    for line in [
        "LATCHKEY_PUBLIC_URL: https://login.example.org",
        "LATCHKEY_HOST: login.example.org",
        "dockerfile: packaging/Containerfile",
        "read_only: true",
        "- no-new-privileges:true",
        "condition: service_healthy",
        "- data:/data:rw",
    ] {
        ensure!(text.lines().any(|found| found.trim() == line), "compose.yaml has no `{line}`:\n{text}");
    }
    // Nobody but Caddy may reach the plain port.
    ensure!(text.matches("published:").count() == 2, "other ports than 80 and 443 are published:\n{text}");
    println!("   docker-compose reads compose.yaml, and refuses to go on without a name");
    Ok(())
}

/// What the Containerfile begins from, in its order.
fn bases() -> Result<Vec<String>> {
    let text =
        fs::read_to_string(root().join("packaging/Containerfile")).context("reading the Containerfile")?;
    let from = text.lines().filter_map(|line| line.strip_prefix("FROM ")?.split_whitespace().next());
    let names: Vec<String> = from.map(str::to_owned).collect();
    ensure!(names.len() == 2, "the Containerfile begins from {names:?}, and two are expected");
    Ok(names)
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Where buildah keeps its images: beside the machine, and gone when it is dropped.
struct Store(PathBuf);

impl Store {
    fn open() -> Result<Store> {
        let place = machine::place()?.join("images");
        machine::remove(&place)?;
        fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
        Ok(Store(place))
    }

    fn buildah(&self, words: &[&str]) -> Command {
        let mut command = Command::new("buildah");
        // Plain directories work on any file system.
        command.args(["--storage-driver=vfs", "--root"]).arg(self.0.join("root"));
        command.arg("--runroot").arg(self.0.join("run")).args(words);
        command
    }

    /// Makes what stands in for the two images: the first is to have Rust, the second is a plain Debian.
    fn images(&self, names: &[String], program: &Path) -> Result<()> {
        let script = self.0.join("cargo");
        fs::write(&script, CARGO).with_context(|| format!("writing {}", script.display()))?;
        capture(Command::new("chmod").arg("755").arg(&script))?;
        let [with_rust, plain] = names else { bail!("two images are needed") };
        self.commit("scratch", &[(machine::system()?.as_path(), "/")], plain)?;
        self.commit(plain, &[(script.as_path(), "/usr/local/bin/cargo"), (program, "/latchkey")], with_rust)
    }

    fn commit(&self, base: &str, files: &[(&Path, &str)], name: &str) -> Result<()> {
        let container = capture(&mut self.buildah(&["from", "--pull-never", base]))?;
        for (from, to) in files {
            capture(self.buildah(&["copy", "--quiet", container.trim()]).arg(from).arg(to))?;
        }
        capture(&mut self.buildah(&["commit", "--quiet", "--rm", container.trim(), name])).map(|_| ())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.buildah(&["umount", "--all"]).stdout(Stdio::null()).status();
        let _ = machine::remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{bases, judge};
    use std::fs;

    use crate::workspace::root;

    #[test]
    fn an_image_that_runs_as_root_or_carries_a_key_is_refused() {
        let good = serde_json::json!({
            "User": "65532:65532", "Volumes": {"/data": {}}, "ExposedPorts": {"8080/tcp": {}},
            "StopSignal": "SIGTERM", "Entrypoint": ["/usr/bin/latchkey"], "Env": ["LATCHKEY_DATA_DIR=/data"],
            "Healthcheck": {"Test": ["CMD", "bash", "-c", "true"]},
        });
        assert_eq!(judge(&good).unwrap(), "true");
        for (key, wrong) in [
            ("User", serde_json::json!("")),
            ("Env", serde_json::json!(["LATCHKEY_MASTER_KEY=x"])),
            ("Volumes", serde_json::Value::Null),
            ("Healthcheck", serde_json::Value::Null),
        ] {
            let mut config = good.clone();
            config[key] = wrong;
            assert!(judge(&config).is_err(), "{key}");
        }
    }

    #[test]
    fn the_image_is_built_with_the_compiler_of_this_checkout() {
        let toolchain = fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
        let names = bases().unwrap();
        let version = names[0].strip_prefix("rust:").unwrap().split('-').next().unwrap();
        assert!(toolchain.contains(&format!("channel = \"{version}.")), "{version} and {toolchain}");
        assert_eq!(names[1], "debian:12-slim");
    }
}
