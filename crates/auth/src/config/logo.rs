//! `[branding] logo`: a picture that is shown on every page, read at the start, and refused if it could do anything else.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::svg;

/// It is fetched by everybody who signs in.
const MOST_BYTES: u64 = 100 * 1024;
/// More would be for a poster.
const MOST_PIXELS: u32 = 4096;

/// Which kind of picture it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// Pixels.
    Png,
    /// Shapes.
    Svg,
}

/// A picture, and the file that it was read from.
#[derive(Clone)]
pub struct Logo {
    path: PathBuf,
    /// Which kind it is.
    pub picture: Picture,
    /// The file as it is.
    pub bytes: Arc<[u8]>,
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logo")
            .field("path", &self.path)
            .field("picture", &self.picture)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Logo {
    /// Reads and judges it. The error says what to do.
    pub fn read(path: &Path) -> Result<Logo, String> {
        let shown = path.display();
        let mut bytes = Vec::new();
        let read =
            std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
        if read.map_err(|e| format!("{shown} cannot be read: {e}"))? as u64 > MOST_BYTES {
            return Err(format!(
                "{shown} has more than 100 KiB, and everybody who signs in fetches it: make it smaller"
            ));
        }
        let picture = judge(&bytes).map_err(|why| format!("{shown} {why}"))?;
        Ok(Logo { path: path.to_owned(), picture, bytes: bytes.into() })
    }
}

/// Which kind of picture these bytes are. The error says why they are none that is shown.
pub(crate) fn judge(bytes: &[u8]) -> Result<Picture, String> {
    match bytes.starts_with(b"\x89PNG") {
        true => png(bytes).map(|()| Picture::Png).map_err(str::to_owned),
        false => svg::judge(bytes).map(|()| Picture::Svg),
    }
}

/// The signature, and the chunk that has to come first: its length, its name, width and height. PNG, section 11.2.2.
fn png(bytes: &[u8]) -> Result<(), &'static str> {
    let damaged = "is no PNG: write it again";
    let rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR").ok_or(damaged)?;
    let number = |at: usize| Some(u32::from_be_bytes(rest.get(at..at + 4)?.try_into().ok()?));
    let (Some(width), Some(height)) = (number(0), number(4)) else { return Err(damaged) };
    let depth_and_color = rest.get(8..10).ok_or(damaged)?;
    let known = matches!(depth_and_color, [1 | 2 | 4 | 8 | 16, 0] | [8 | 16, 2 | 4 | 6] | [1 | 2 | 4 | 8, 3]);
    if !known || width == 0 || height == 0 || !bytes.ends_with(b"\x00\x00\x00\x00IEND\xaeB`\x82") {
        return Err(damaged);
    }
    if width > MOST_PIXELS || height > MOST_PIXELS {
        return Err("is more than 4096 pixels wide or high: make it smaller");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One gray pixel, or what claims to be more.
    fn gray(width: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend([0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55]);
        bytes.extend(b"\x00\x00\x00\x0aIDAT\x78\x9c\x63\xf8\x0f\x00\x01\x01\x01\x00\x18\xdd\x8d\xb0");
        bytes.extend(b"\x00\x00\x00\x00IEND\xaeB`\x82");
        bytes
    }

    #[test]
    fn a_picture_is_told_by_what_is_in_it_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logo");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Logo::read(&path).map(|logo| logo.picture)
        };
        assert_eq!(read(&gray(1)), Ok(Picture::Png));
        assert_eq!(read(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Ok(Picture::Svg));
        assert!(read(&gray(5000)).unwrap_err().contains("more than 4096 pixels"));
        assert!(read(&gray(0)).unwrap_err().contains("is no PNG"));
        assert!(read(&gray(1)[..40]).unwrap_err().contains("is no PNG"));
        assert!(read(&[b'x'; 102_401]).unwrap_err().contains("more than 100 KiB"));
        assert!(read(b"GIF89a").unwrap_err().contains("logo is neither a PNG nor an SVG"));
        std::fs::remove_file(&path).unwrap();
        assert!(Logo::read(&path).unwrap_err().contains("logo cannot be read"));
    }
}
