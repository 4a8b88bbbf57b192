//! A person's phone with an authenticator app, made of programs that are not ours: rqrr and zbarimg read the QR code,
//! oathtool computes the codes.

use std::process::Command;

use store::Time;

/// What the app keeps after scanning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authenticator {
    /// The link in the QR code.
    pub(crate) uri: String,
    secret: String,
}

impl Authenticator {
    /// Finds the one QR code in a picture of a screen. Two decoders must read the same in it.
    pub(crate) fn scan(screen: &[u8]) -> Authenticator {
        let uri = with_rqrr(screen);
        assert_eq!(uri, with_zbarimg(screen), "the two decoders disagree");
        let parameters = uri.split_once('?').expect("a link with parameters").1;
        let secret = parameters.split('&').find_map(|parameter| parameter.strip_prefix("secret="));
        let secret = secret.expect("a secret").to_owned();
        Authenticator { uri, secret }
    }

    /// The code that the app shows at a time.
    pub(crate) fn code(&self, now: Time) -> String {
        let output = Command::new("oathtool")
            .args(["--totp", "--base32", "--now", &format!("@{}", now.seconds()), &self.secret])
            .output()
            .expect("oathtool does not run; `cargo xtask test` installs it");
        assert!(output.status.success(), "oathtool: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Six digits that the app does not show anywhere near a time.
    pub(crate) fn wrong_code(&self, now: Time) -> String {
        let near: Vec<String> = (-3..=3).map(|step| self.code(now.plus_seconds(30 * step))).collect();
        let wrong = (0..).map(|number| format!("{:06}", number * 111_111));
        wrong.into_iter().find(|code| !near.contains(code)).expect("seven codes are not all")
    }

    /// The setup key in groups of four, as the page shows it.
    pub(crate) fn key_in_groups(&self) -> String {
        let letters: Vec<char> = self.secret.chars().collect();
        letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }
}

fn with_rqrr(screen: &[u8]) -> String {
    let (width, height, gray) = gray(screen);
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| gray[y * width + x]);
    let grids = picture.detect_grids();
    assert_eq!(grids.len(), 1, "QR codes that rqrr finds on the screen");
    grids[0].decode().expect("rqrr reads the QR code").1
}

fn with_zbarimg(screen: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("screen.png");
    std::fs::write(&file, screen).expect("a picture");
    let output = Command::new("zbarimg")
        .args(["--raw", "--quiet", "--nodbus", "-Sdisable", "-Sqrcode.enable"])
        .arg(&file)
        .output()
        .expect("zbarimg does not run; `cargo xtask test` installs it");
    assert!(output.status.success(), "zbarimg: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A screenshot in shades of gray.
fn gray(screen: &[u8]) -> (usize, usize, Vec<u8>) {
    let (width, height, pixels) = pixels(screen);
    let gray = pixels.iter().map(|[red, green, blue]| {
        ((u32::from(*red) * 299 + u32::from(*green) * 587 + u32::from(*blue) * 114) / 1000) as u8
    });
    (width, height, gray.collect())
}

/// Width, height and colors of a screenshot.
pub(crate) fn pixels(screen: &[u8]) -> (usize, usize, Vec<[u8; 3]>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(screen)).read_info().expect("a PNG");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a picture of a screen fits in memory")];
    let frame = reader.next_frame(&mut bytes).expect("a whole PNG");
    assert_eq!(frame.bit_depth, png::BitDepth::Eight, "screenshots have eight bits a channel");
    let channels = frame.color_type.samples();
    assert!(channels >= 3, "screenshots are in color");
    let pixels =
        bytes[..frame.buffer_size()].chunks_exact(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
    (frame.width as usize, frame.height as usize, pixels.collect())
}
