//! Whether an SVG is a picture and nothing else: no script, no handler, nothing from elsewhere, nothing that moves.
//!
//! Only elements that draw are let through, and only XML that can be read in one way, so that a browser cannot find what was
//! not seen here. This is the first of two guards: it is also served so that a browser would run nothing in it.

/// What draws. Everything else is refused, whatever its name.
const ELEMENTS: [&str; 36] = [
    "svg",
    "g",
    "defs",
    "symbol",
    "use",
    "title",
    "desc",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "text",
    "tspan",
    "textPath",
    "clipPath",
    "mask",
    "marker",
    "pattern",
    "linearGradient",
    "radialGradient",
    "stop",
    "filter",
    "feBlend",
    "feColorMatrix",
    "feComposite",
    "feFlood",
    "feGaussianBlur",
    "feMerge",
    "feMergeNode",
    "feOffset",
    "feDropShadow",
    "switch",
    "view",
];

const NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// Refuses what is more than a picture. The error says what was found.
pub(super) fn judge(bytes: &[u8]) -> Result<(), String> {
    let neither = || "is neither a PNG nor an SVG".to_owned();
    let text = std::str::from_utf8(bytes).map_err(|_| neither())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    if !text.starts_with('<') || text.contains('\0') {
        return Err(neither());
    }
    let mut rest = match text.strip_prefix("<?xml ") {
        Some(declared) => {
            let (declaration, rest) = declared.split_once("?>").ok_or_else(broken)?;
            if !is_as_read(declaration) {
                return Err("is declared as something else than XML 1.0 in UTF-8: save it as that".into());
            }
            rest
        }
        None => text,
    };
    let mut open: Vec<&str> = Vec::new();
    let mut is_drawn = false;
    while let Some(at) = rest.find('<') {
        let words = &rest[..at];
        if open.is_empty() && !words.trim().is_empty() {
            return Err(broken());
        }
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").ok_or_else(broken)?.1;
        } else if let Some(end) = rest.strip_prefix('/') {
            let (name, after) = end.split_once('>').ok_or_else(broken)?;
            if open.pop() != Some(name.trim_end()) {
                return Err(broken());
            }
            rest = after;
        } else if rest.starts_with(['!', '?']) {
            return Err("has a document type, an instruction or raw text, which a picture does not need: export it as plain SVG".into());
        } else {
            if open.is_empty() && is_drawn {
                return Err(broken());
            }
            let element = Element::read(rest)?;
            element.judge(open.is_empty())?;
            is_drawn = true;
            if !element.is_empty {
                open.push(element.name);
            }
            rest = element.rest;
        }
    }
    if !open.is_empty() || !rest.trim().is_empty() {
        return Err(broken());
    }
    if is_drawn { Ok(()) } else { Err(neither()) }
}

/// Whether a declaration leaves a browser no other way to read the bytes than ours: in some encodings, other bytes are a `<`.
fn is_as_read(declaration: &str) -> bool {
    let plain: String = declaration.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let plain = plain.to_ascii_lowercase().replace('\'', "\"");
    let Some(rest) = plain.strip_prefix("version=\"1.0\"") else { return false };
    let rest = rest.strip_prefix("encoding=\"utf-8\"").unwrap_or(rest);
    ["", "standalone=\"yes\"", "standalone=\"no\""].contains(&rest)
}

fn broken() -> String {
    "is no well-formed SVG: export it again".to_owned()
}

/// The beginning of an element, with its attributes.
struct Element<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
    is_empty: bool,
    rest: &'a str,
}

impl<'a> Element<'a> {
    fn read(text: &'a str) -> Result<Element<'a>, String> {
        let (name, mut rest) = word(text)?;
        let mut attributes = Vec::new();
        loop {
            let spaced = rest.starts_with(char::is_whitespace);
            rest = rest.trim_start();
            if let Some(rest) = rest.strip_prefix("/>") {
                return Ok(Element { name, attributes, is_empty: true, rest });
            }
            if let Some(rest) = rest.strip_prefix('>') {
                return Ok(Element { name, attributes, is_empty: false, rest });
            }
            let (key, after) = word(rest)?;
            let after = after.trim_start().strip_prefix('=').ok_or_else(broken)?.trim_start();
            let quote =
                after.chars().next().filter(|quote| ['"', '\''].contains(quote)).ok_or_else(broken)?;
            let (value, after) = after[1..].split_once(quote).ok_or_else(broken)?;
            if !spaced || value.contains('<') {
                return Err(broken());
            }
            attributes.push((key, value));
            rest = after;
        }
    }

    fn judge(&self, is_root: bool) -> Result<(), String> {
        let name = self.name;
        if !ELEMENTS.contains(&name) || (is_root && name != "svg") {
            return Err(format!(
                "has an element `{}`, which a picture does not need, and which might do more: export it as plain SVG, with shapes only",
                shortened(name)
            ));
        }
        if is_root && !self.attributes.iter().any(|(key, value)| *key == "xmlns" && *value == NAMESPACE) {
            return Err(format!("is no SVG that browsers draw: it needs xmlns=\"{NAMESPACE}\""));
        }
        for (key, value) in &self.attributes {
            judge_attribute(key, value)?;
        }
        Ok(())
    }
}

fn judge_attribute(key: &str, value: &str) -> Result<(), String> {
    let local = key.rsplit(':').next().unwrap_or(key).to_ascii_lowercase();
    if local.starts_with("on") {
        return Err(format!("has a handler `{}`: export it as plain SVG", shortened(key)));
    }
    if key.starts_with("xmlns") {
        // Names of other vocabularies do nothing while none of their elements passes. The default one has to be ours.
        return if key == "xmlns" && value != NAMESPACE { Err(broken()) } else { Ok(()) };
    }
    if value.contains('&') || value.contains('\\') {
        return Err("has an escaped character in an attribute, behind which anything could be: export it as plain SVG".into());
    }
    let plain: String = value.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let within = plain.split("url(").skip(1).all(|to| to.trim_start_matches(['"', '\'']).starts_with('#'));
    let is_reference = ["href", "src", "base"].contains(&local.as_str());
    if !within
        || (is_reference && !plain.starts_with('#'))
        || plain.contains("@import")
        || plain.contains("image(")
    {
        return Err(format!(
            "fetches something from elsewhere by `{}`: put it into the picture, as shapes",
            shortened(key)
        ));
    }
    Ok(())
}

/// A name, and what follows it.
fn word(text: &str) -> Result<(&str, &str), String> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "_:-.".contains(c))).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    if word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        Ok((word, rest))
    } else {
        Err(broken())
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(30).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(inner: &str) -> Result<(), String> {
        judge(
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\">{inner}</svg>")
                .as_bytes(),
        )
    }

    #[test]
    fn a_picture_passes() {
        let whole = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- made by hand -->\n\
                     <svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width = \"24\">\n\
                     <title>A &amp; B</title><defs><linearGradient id=\"a\"><stop offset=\"0\" stop-color=\"#FFF\"/></linearGradient></defs>\n\
                     <g style=\"fill: url( '#a' ); stroke: none\"><path d=\"M0 0h24v24z\"/><use xlink:href=\"#b\" /></g></svg>\n";
        assert_eq!(judge(whole.as_bytes()), Ok(()));
        assert_eq!(svg("<text x='1'>Hello</text >"), Ok(()));
    }

    #[test]
    fn what_runs_moves_or_fetches_is_refused_and_named() {
        for (inner, found) in [
            ("<script>alert(1)</script>", "`script`"),
            ("<SCRIPT>alert(1)</SCRIPT>", "`SCRIPT`"),
            ("<x:script xmlns:x='http://www.w3.org/2000/svg'>1</x:script>", "`x:script`"),
            ("<foreignObject><b/></foreignObject>", "`foreignObject`"),
            ("<a href='#x'/>", "`a`"),
            ("<image href='data:image/svg+xml,x'/>", "`image`"),
            ("<animate attributeName='href'/>", "`animate`"),
            ("<set attributeName='onload'/>", "`set`"),
            ("<style>@import 'x'</style>", "`style`"),
            ("<path onload='x'/>", "handler `onload`"),
            ("<path ONCLICK='x'/>", "handler `ONCLICK`"),
            ("<path ev:onload='x'/>", "handler `ev:onload`"),
            ("<use href='https://evil.example/#x'/>", "`href`"),
            ("<use xlink:href='//evil.example'/>", "`xlink:href`"),
            ("<use href='java&#115;cript:1'/>", "escaped"),
            ("<path fill='url(https://evil.example)'/>", "`fill`"),
            ("<path style='fill:URL( \"x\" )'/>", "`style`"),
            ("<path style='fill:u\\72l(x)'/>", "escaped"),
            ("<g xml:base='https://evil.example'/>", "`xml:base`"),
            ("<g xmlns='http://www.w3.org/1999/xhtml'/>", "well-formed"),
            ("<![CDATA[<script>]]>", "raw text"),
            ("<?xml-stylesheet href='x'?>", "instruction"),
        ] {
            let said = svg(inner).expect_err(inner);
            assert!(said.contains(found), "{inner}: {said}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for inner in [
            "<g>",
            "</g>",
            "<g><path></g></path>",
            "<g a=b/>",
            "<g a='x/>",
            "<g a='1'b='2'/>",
            "<g a='<script>'/>",
            "<g",
            "<!-- ",
            "< g/>",
            "<g/ >",
            "<é/>",
        ] {
            assert!(svg(inner).is_err(), "{inner}");
        }
        for whole in [
            "",
            "hello",
            "<svg/>",
            "<svg xmlns='http://www.w3.org/1999/xhtml'/>",
            "<!DOCTYPE svg><svg/>",
            "<g xmlns='http://www.w3.org/2000/svg'/>",
            "<?xml version='1.0'?>",
            "<?xml version='1.0' encoding='ISO-2022-JP'?><svg xmlns='http://www.w3.org/2000/svg'/>",
            "<?xml version<![CDATA[='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
            "<svg xmlns='http://www.w3.org/2000/svg'/><svg xmlns='http://www.w3.org/2000/svg'/>",
            "<svg xmlns='http://www.w3.org/2000/svg'/>x",
        ] {
            assert!(judge(whole.as_bytes()).is_err(), "{whole}");
        }
        assert!(judge(b"<svg xmlns='http://www.w3.org/2000/svg'>\xff</svg>").is_err());
    }
}
