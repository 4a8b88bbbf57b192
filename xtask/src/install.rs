//! `cargo xtask test-install`: the package, installed and used on a clean Debian 12 as a newcomer would. The machine is made in
//! `machine.rs`, the package in `dist.rs`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::machine::Machine;
use crate::workspace::{capture, root, run as start};
use crate::{dist, fences, image, tools};

/// The highest exposure that `systemd-analyze security` may find in the unit, in tenths.
const MOST_EXPOSED: u32 = 15;

/// How many commands may stand between a clean Debian and an administrator who has signed in.
const MOST_COMMANDS: usize = 6;

/// What is done to the package, one sentence each.
type Step = (&'static str, fn(&Path) -> Result<()>);

const STEPS: [Step; 5] = [
    ("lintian finds nothing", lintian),
    ("the unit is hardened", unit),
    ("installed, used, upgraded, removed and purged on a clean Debian 12", life_of_a_package),
    ("a signed-in administrator behind Caddy, by the commands in docs/install.md", administrator),
    ("the image for containers", image::run),
];

/// Makes the package and tries it.
pub(crate) fn run() -> Result<()> {
    if !tools::is_root()? {
        bail!(
            "test-install boots a Debian 12 with systemd-nspawn, which only root may: sudo -E cargo xtask test-install"
        );
    }
    tools::ensure(&tools::INSTALL)?;
    let package = dist::run()?;
    println!();
    for (number, (name, step)) in STEPS.iter().enumerate() {
        println!("── {}/{} {name}", number + 1, STEPS.len());
        step(&package).with_context(|| format!("test-install stopped at: {name}"))?;
    }
    println!("\ntest-install: fine");
    Ok(())
}

/// Nothing that Debian would call an error or a warning; what is overridden has its reason beside it.
fn lintian(package: &Path) -> Result<()> {
    start(Command::new("lintian").args(["--allow-root", "--fail-on", "error,warning"]).arg(package))
}

/// What the unit gives up, as systemd itself counts it.
fn unit(_: &Path) -> Result<()> {
    let unit = root().join("packaging/systemd/latchkey.service");
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--no-pager", "--offline=true"]);
    let found = capture(analyze.arg(format!("--threshold={MOST_EXPOSED}")).arg(&unit));
    let found = found.context("the unit is too exposed, or systemd cannot read it")?;
    println!("   {}", found.lines().last().unwrap_or_default().trim_start_matches(['→', ' ']));
    Ok(())
}

/// One package from its installation to its purge, with somebody who has an account in between.
fn life_of_a_package(package: &Path) -> Result<()> {
    let machine = with_package(package)?;
    let name = name_of(package);
    say("it installs and runs");
    machine.run(&format!("apt-get -q -y install ./{name}"))?;
    machine.run("systemctl is-active latchkey && systemctl is-enabled latchkey")?;
    files(&machine)?;
    confined(&machine)?;

    say("a newcomer registers, scans and signs in, from outside");
    let recipe = fences::under("README.md", "By curl alone")?;
    let jar = machine.file("root").join("jar");
    let recipe = recipe.replace("$(mktemp)", &jar.display().to_string());
    let said = machine.outside(&recipe, &[("base", "http://localhost:8080"), ("name", "ada")])?;
    ensure!(said.trim_end().ends_with("You are signed in"), "the recipe ended with: {said}");
    let signed_in =
        format!("curl -fsS -b '{}' http://localhost:8080/ | grep -o 'You are signed in'", jar.display());

    say("what root types while the service is stopped leaves nothing that the service cannot open");
    machine.run(
        "systemctl stop latchkey && latchkey user add grace && latchkey doctor && systemctl start latchkey",
    )?;
    machine.outside(&signed_in, &[])?;

    say("upgraded over itself: restarted, with its people, its key and the operator's settings");
    let before = machine.run("systemctl show --property MainPID --value latchkey")?;
    machine.run("echo '# ours' >> /etc/latchkey/latchkey.toml")?;
    machine.run(&format!("dpkg -i ./{name}"))?;
    machine.run("systemctl is-active latchkey && grep '# ours' /etc/latchkey/latchkey.toml")?;
    ensure!(
        machine.run("systemctl show --property MainPID --value latchkey")? != before,
        "it was not restarted"
    );
    files(&machine)?;
    machine.outside(&signed_in, &[])?;

    say("the master key as a credential, as the unit shows it");
    machine.run(CREDENTIAL)?;
    machine.outside(&signed_in, &[])?;
    machine.run(NO_CREDENTIAL)?;

    say("removed: stopped, and the accounts are kept; installed again: they are there");
    machine.run("apt-get -q -y remove latchkey && ! pgrep -x latchkey && ! test -e /usr/bin/latchkey")?;
    machine.run("test -s /var/lib/latchkey/latchkey.db && test -s /var/lib/latchkey/master.key")?;
    machine.run("test -s /etc/latchkey/latchkey.toml")?;
    machine.run(&format!("apt-get -q -y install ./{name} && systemctl is-active latchkey"))?;
    machine.outside(&signed_in, &[])?;

    say("purged: nothing is left");
    machine.run("apt-get -q -y purge latchkey && ! pgrep -x latchkey")?;
    machine.run("! test -e /var/lib/latchkey && ! test -e /etc/latchkey && ! test -e /run/latchkey")?;
    machine.run("! find / -xdev -not -path '/var/lib/dpkg/*' -not -path '/var/log/*' -not -path '/root*' -iname '*latchkey*' | grep .")?;
    Ok(())
}

/// Puts the key where only root reads it, and takes the `#` away from the lines of the unit that say so. Commands then have to
/// be told, and make no new key. (A `!` counts in a chain only: `set -e` does not look at it.)
const CREDENTIAL: &str = "
    mv /var/lib/latchkey/master.key /etc/latchkey/master.key
    chown root:root /etc/latchkey/master.key
    mkdir -p /etc/systemd/system/latchkey.service.d
    lines=$(grep -E '^#(LoadCredential|Environment)=' /lib/systemd/system/latchkey.service)
    test $(wc -l <<< \"$lines\") = 1
    printf '[Service]\\n%s\\n' \"${lines//#/}\" > /etc/systemd/system/latchkey.service.d/key.conf
    systemctl daemon-reload && systemctl restart latchkey
    ! test -e /var/lib/latchkey/master.key && ! latchkey user list &&
    LATCHKEY_MASTER_KEY_FILE=/etc/latchkey/master.key latchkey user list | grep ada";

/// And back.
const NO_CREDENTIAL: &str = "
    rm -r /etc/systemd/system/latchkey.service.d
    install -m 0600 -o latchkey -g latchkey /etc/latchkey/master.key /var/lib/latchkey/master.key
    rm /etc/latchkey/master.key
    systemctl daemon-reload && systemctl restart latchkey";

/// What the package promises about files, modes and owners.
fn files(machine: &Machine) -> Result<()> {
    let promised = [
        ("/usr/bin/latchkey", "755 root:root"),
        ("/etc/latchkey/latchkey.toml", "640 root:latchkey"),
        ("/var/lib/latchkey", "700 latchkey:latchkey"),
        ("/var/lib/latchkey/latchkey.db", "600 latchkey:latchkey"),
        ("/var/lib/latchkey/master.key", "600 latchkey:latchkey"),
        ("/usr/share/man/man1/latchkey.1.gz", "644 root:root"),
        ("/usr/share/man/man1/latchkey-user-add.1.gz", "644 root:root"),
        ("/usr/share/bash-completion/completions/latchkey", "644 root:root"),
        ("/usr/share/zsh/vendor-completions/_latchkey", "644 root:root"),
        ("/usr/share/fish/vendor_completions.d/latchkey.fish", "644 root:root"),
        ("/usr/share/doc/latchkey/copyright", "644 root:root"),
        ("/usr/share/doc/latchkey/changelog.gz", "644 root:root"),
        ("/usr/share/doc/latchkey/third-party.txt.gz", "644 root:root"),
    ];
    for (file, mode) in promised {
        let found = machine.run(&format!("stat --format '%a %U:%G' {file}"))?;
        ensure!(found.trim() == mode, "{file} is {}, and {mode} is promised", found.trim());
    }
    let user = machine.run("getent passwd latchkey")?;
    ensure!(user.trim().ends_with(":/var/lib/latchkey:/usr/sbin/nologin"), "the user is {user}");
    let conffiles = machine.run("dpkg-query --show --showformat '${Conffiles}' latchkey")?;
    ensure!(conffiles.contains("/etc/latchkey/latchkey.toml"), "it is no configuration file: {conffiles}");
    Ok(())
}

/// That the running process is kept as the unit says: a unit that systemd could not apply would still run.
fn confined(machine: &Machine) -> Result<()> {
    let status = machine.run("cat /proc/$(systemctl show --property MainPID --value latchkey)/status")?;
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"] {
        ensure!(status.lines().any(|found| found == line), "the process has no `{line}`:\n{status}");
    }
    ensure!(!status.contains("\nUid:\t0"), "the process is root's:\n{status}");
    Ok(())
}

/// Types what docs/install.md says, and opens the link that comes out.
fn administrator(package: &Path) -> Result<()> {
    let page = fences::marked("docs/install.md", "debian")?;
    let commands: Vec<&str> = page.lines().collect();
    ensure!(
        commands.len() <= MOST_COMMANDS,
        "docs/install.md needs {} commands, {MOST_COMMANDS} is the limit",
        commands.len()
    );
    let name = name_of(package);
    ensure!(page.contains(&name), "docs/install.md does not install {name}");
    let machine = with_package(package)?;
    let mut last = String::new();
    for command in commands {
        say(command);
        if command.starts_with("systemctl ") {
            // Nobody hands out certificates here: Caddy makes one itself. All else is as on the page.
            machine.run("sed -i '1i { \\n local_certs \\n skip_install_trust \\n }' /etc/caddy/Caddyfile")?;
        }
        last = machine.run(command)?;
    }
    let link = last.split_whitespace().find(|word| word.contains("/setup/"));
    let link = link.with_context(|| format!("the last command printed no link: {last}"))?;

    say("the link opens; name, password, code: an owner who is signed in");
    let authority = machine.file("/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt");
    let authority = authority.display().to_string();
    let said = machine.outside(OWNER, &[("authority", &authority), ("link", link)])?;
    ensure!(said.trim_end().ends_with("You are signed in"), "it ended with: {said}");
    let shown = machine.run("latchkey user show ada --json")?;
    let shown: serde_json::Value =
        serde_json::from_str(&shown).context("reading what `user show` printed")?;
    ensure!(shown["role"] == "owner", "ada is {}", shown["role"]);
    machine.run("latchkey doctor")?;

    say("Caddy takes the Caddyfile for containers, and nginx the settings in docs/install.md");
    fs::copy(root().join("packaging/Caddyfile"), machine.file("root").join("Caddyfile"))?;
    machine.run("LATCHKEY_HOST=login.example.org caddy validate --adapter caddyfile --config Caddyfile")?;
    machine.run("systemctl stop caddy && apt-get -q -y install nginx openssl")?;
    fs::write(machine.file("etc/nginx/conf.d/latchkey.conf"), fences::marked("docs/install.md", "nginx")?)?;
    machine.run(CERTIFICATE)?;
    let authority = machine.file("etc/ssl/login.example.org.pem").display().to_string();
    let page = machine.outside(LOGIN_PAGE, &[("authority", &authority)])?;
    ensure!(page.contains("name=\"password\""), "this is no page to sign in: {page}");
    Ok(())
}

/// A certificate of nobody for nginx.
const CERTIFICATE: &str = "
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=login.example.org \
        -addext subjectAltName=DNS:login.example.org -out /etc/ssl/login.example.org.pem \
        -keyout /etc/ssl/login.example.org.key
    nginx -t && systemctl restart nginx";

/// Where nginx leads.
const LOGIN_PAGE: &str = r#"
    curl -sS --fail-with-body --cacert "$authority" --connect-to login.example.org:443:localhost:443 \
        https://login.example.org/login"#;

/// What a browser does with the link, by curl. Only the name is looked up in another way, since it is nobody's.
const OWNER: &str = r#"
    jar=$(mktemp) password='engine of analysis'
    trap 'rm -f "$jar"' EXIT
    call() {
        curl -sS --fail-with-body --cacert "$authority" --connect-to login.example.org:443:localhost:443 \
            --retry 20 --retry-connrefused --retry-delay 1 -b "$jar" -c "$jar" "$@"
    }
    base=${link%/setup/*}
    test "$base" = https://login.example.org
    call "$link" --data-urlencode username=ada --data-urlencode "password=$password"
    secret=$(call "$base/enroll" | grep -o 'secret=[A-Z2-7]*' | head -n 1 | cut -d = -f 2)
    call "$base/enroll" -d "otp=$(oathtool --totp --base32 "$secret")"
    call "$base/enroll/recovery-codes" -d saved=on
    call "$base/logout" -d ''
    call "$base/login" --data-urlencode username=ada --data-urlencode "password=$password"
    call "$base/login/code" -d "otp=$(oathtool --totp --base32 --now '30 seconds' "$secret")"
    call "$base/" | grep -o 'You are signed in'"#;

/// A clean machine with the package in root's home.
fn with_package(package: &Path) -> Result<Machine> {
    let machine = Machine::boot()?;
    let there = machine.file("root").join(name_of(package));
    fs::copy(package, &there).with_context(|| format!("copying the package to {}", there.display()))?;
    Ok(machine)
}

fn name_of(package: &Path) -> String {
    package.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn say(what: &str) {
    println!("   {what}");
}
