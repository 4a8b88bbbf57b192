//! A browser as a person uses it: by the words on the page. The wire below it is `driver.rs`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::driver::{self, Driver};

/// How often, and how many times, a page is looked at until it shows what is waited for: ten seconds in all.
const GLANCE: Duration = Duration::from_millis(20);
const GLANCES: u32 = 500;

/// Where a long word may be parted.
const SOFT_HYPHEN: char = '\u{AD}';

/// What somebody sits in front of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// In CSS pixels.
    pub(crate) width: u32,
    /// The same.
    pub(crate) height: u32,
    /// Whether the system asks for dark pages.
    pub(crate) dark: bool,
    /// Whether it is a phone: touch, and three pixels for one.
    pub(crate) phone: bool,
    /// Whether scripts run.
    pub(crate) scripts: bool,
    /// What the browser asks pages to speak.
    pub(crate) language: &'static str,
    /// The size of text that the person has chosen; browsers come with 16.
    pub(crate) text: u32,
}

impl Window {
    /// A desk, in daylight.
    pub(crate) const DESKTOP: Window = Window {
        width: 1280,
        height: 900,
        dark: false,
        phone: false,
        scripts: true,
        language: "en",
        text: 16,
    };

    /// A desk, at night.
    pub(crate) const DESKTOP_DARK: Window = Window { dark: true, ..Window::DESKTOP };

    /// A phone.
    pub(crate) const PHONE: Window = Window { width: 390, height: 844, phone: true, ..Window::DESKTOP };
}

/// A Chromium with one window, on one server.
pub(crate) struct Browser {
    driver: Driver,
    origin: String,
}

impl Browser {
    /// Opens a window that knows the server at `origin`.
    pub(crate) fn start(window: Window, origin: &str) -> Browser {
        // A name that leads here and is not ours, to see it refused.
        Browser::start_with(
            window,
            origin,
            &["--host-resolver-rules=MAP elsewhere.example 127.0.0.1".to_owned()],
        )
    }

    /// The same with these switches.
    pub(crate) fn start_with(window: Window, origin: &str, more: &[String]) -> Browser {
        let mut preferences = json!({
            "intl.accept_languages": window.language,
            "webkit.webprefs.default_font_size": window.text,
            "credentials_enable_service": false,
        });
        if !window.scripts {
            preferences["profile.default_content_setting_values.javascript"] = json!(2);
        }
        let mut options = json!({});
        if window.phone {
            let screen = json!({
                "width": window.width, "height": window.height, "pixelRatio": 3.0, "touch": true, "mobile": true,
            });
            options["mobileEmulation"] = json!({ "deviceMetrics": screen });
        }
        let own = [
            // Nobody looks at tabs and toolbars; drawing them would take a sixth of the time.
            "--kiosk".to_owned(),
            format!("--screen-info={{{}x{}}}", window.width, window.height),
        ];
        let switches = [&own, more].concat();
        let browser =
            Browser { driver: Driver::start(&switches, preferences, options), origin: origin.to_owned() };
        browser.in_dark(window.dark);
        browser
    }

    /// The wire, for what only one test needs.
    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    // Going places

    /// Opens a path of the server, or an address elsewhere.
    pub(crate) fn open(&self, address: &str) {
        let url =
            if address.starts_with('/') { format!("{}{address}", self.origin) } else { address.to_owned() };
        self.driver.post("/url", json!({ "url": url }));
    }

    /// Loads the page again.
    pub(crate) fn reload(&self) {
        self.driver.post("/refresh", json!({}));
    }

    /// Presses the browser's back button.
    pub(crate) fn goes_back(&self) {
        self.driver.post("/back", json!({}));
    }

    /// Waits for the page at `path` with this heading.
    pub(crate) fn arrives_at(&self, path: &str, heading: &str) {
        if !self.comes_true(|| self.place() == Some((path.to_owned(), heading.to_owned()))) {
            let problems = self.problems();
            panic!("waited for {path} “{heading}”, but this is {:?}: {problems:?}", self.place());
        }
    }

    /// Waits for a problem with these words above the form.
    pub(crate) fn hears(&self, words: &str) {
        if !self.comes_true(|| self.problems().iter().any(|problem| problem.contains(words))) {
            panic!("waited for “{words}” on {} “{}”: {:?}", self.path(), self.heading(), self.problems());
        }
    }

    /// Looks again and again until something is so; false when it does not come.
    pub(crate) fn comes_true(&self, fact: impl Fn() -> bool) -> bool {
        (0..GLANCES).any(|_| {
            let so = fact();
            if !so {
                std::thread::sleep(GLANCE);
            }
            so
        })
    }

    // Looking

    /// The path and the heading of the page, asked for at once; nothing while there is no page.
    fn place(&self) -> Option<(String, String)> {
        let look =
            "return [location.origin, location.pathname, document.querySelector('h1')?.innerText ?? '']";
        let [origin, path, heading] =
            serde_json::from_value::<[String; 3]>(self.driver.try_script(look).ok()?).ok()?;
        let path = if origin == self.origin { path } else { format!("{origin}{path}") };
        Some((path, heading.trim().replace(SOFT_HYPHEN, "")))
    }

    /// The path of the page, without a query; an address when it is elsewhere.
    pub(crate) fn path(&self) -> String {
        self.place().unwrap_or_default().0
    }

    /// The heading, or nothing while there is none.
    pub(crate) fn heading(&self) -> String {
        self.place().unwrap_or_default().1
    }

    /// The page's title.
    pub(crate) fn title(&self) -> String {
        self.driver.get("/title").as_str().unwrap_or_default().to_owned()
    }

    /// The status of the answer that made this page.
    pub(crate) fn status(&self) -> u64 {
        let status =
            self.driver.script("return performance.getEntriesByType('navigation')[0].responseStatus");
        status.as_u64().unwrap_or_default()
    }

    /// Everything that can be read on the page.
    pub(crate) fn words(&self) -> String {
        self.text_at("//body").unwrap_or_default()
    }

    /// What the summary above the form says is wrong.
    pub(crate) fn problems(&self) -> Vec<String> {
        let list = "return Array.from(document.querySelectorAll('.problems li'), item => item.innerText)";
        let list = self.driver.try_script(list).unwrap_or_default();
        list.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// The text of the first element an XPath finds.
    pub(crate) fn text_at(&self, xpath: &str) -> Option<String> {
        let element = self.driver.element(xpath).ok()?;
        let text = self.driver.try_get(&format!("{element}/text")).ok()?;
        // A hyphen that shows only where a line ends is nothing that people read.
        text.as_str().map(|text| text.trim().replace(SOFT_HYPHEN, ""))
    }

    /// What a field holds.
    pub(crate) fn value(&self, label: &str) -> String {
        let value = self.driver.get(&format!("{}/property/value", self.field(label)));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Whether something with these words can be pressed or followed.
    pub(crate) fn offers(&self, words: &str) -> bool {
        let Ok(element) = self.driver.element(&control(words)) else { return false };
        self.driver.get(&format!("{element}/displayed")) == true
    }

    // Doing

    /// Types into the field with this label, in place of what it held.
    pub(crate) fn fill(&self, label: &str, text: &str) {
        let field = self.field(label);
        self.driver.post(&format!("{field}/clear"), json!({}));
        self.driver.post(&format!("{field}/value"), json!({ "text": text }));
    }

    /// Ticks the box with this label.
    pub(crate) fn tick(&self, label: &str) {
        self.driver.post(&format!("{}/click", self.field(label)), json!({}));
    }

    /// Presses the button, or follows the link, with these words.
    pub(crate) fn press(&self, words: &str) {
        let element = self.driver.element(&control(words));
        let element = element.unwrap_or_else(|_| panic!("nothing on {} says “{words}”", self.path()));
        self.driver.post(&format!("{element}/click"), json!({}));
    }

    /// Puts the cursor into the field with this label.
    pub(crate) fn goes_to(&self, label: &str) {
        self.driver.post(&format!("{}/click", self.field(label)), json!({}));
    }

    /// Presses keys one after another, wherever the cursor is.
    pub(crate) fn types(&self, keys: &str) {
        let presses = keys.chars().flat_map(|key| [("keyDown", key), ("keyUp", key)]);
        self.keyboard(presses);
    }

    /// Holds Control while pressing a key.
    pub(crate) fn types_with_control(&self, key: char) {
        const CONTROL: char = '\u{E009}';
        self.keyboard(
            [("keyDown", CONTROL), ("keyDown", key), ("keyUp", key), ("keyUp", CONTROL)].into_iter(),
        );
    }

    fn keyboard(&self, presses: impl Iterator<Item = (&'static str, char)>) {
        let presses: Vec<Value> = presses.map(|(kind, key)| json!({ "type": kind, "value": key })).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": presses });
        self.driver.post("/actions", json!({ "actions": [keyboard] }));
    }

    /// The control that a label is for: by the label, as people find it, and not by any name in the markup.
    fn field(&self, label: &str) -> String {
        let xpath = format!("//*[@id=//label[{}]/@for]", says(label));
        self.driver.element(&xpath).unwrap_or_else(|_| panic!("no field “{label}” on {}", self.path()))
    }

    // Ways of looking

    /// Turns the system's wish for dark pages on or off.
    pub(crate) fn in_dark(&self, dark: bool) {
        self.with_media("", if dark { "dark" } else { "light" });
    }

    /// Shows pages as paper would.
    pub(crate) fn as_printed(&self) {
        self.with_media("print", "light");
    }

    fn with_media(&self, media: &str, scheme: &str) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            // Or a picture, and the checker for contrast, would see colors on their way.
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.driver.devtools("Emulation.setEmulatedMedia", json!({ "media": media, "features": features }));
    }

    /// Makes the window another size.
    pub(crate) fn in_width(&self, width: u32) {
        let phone = width < 600;
        let (height, scale) = if phone { (844, 2) } else { (900, 1) };
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone });
        self.driver.devtools("Emulation.setDeviceMetricsOverride", screen);
        self.driver.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": phone }));
    }

    /// What the window shows, as a PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        driver::bytes(&self.driver.get("/screenshot"))
    }

    /// Scrolls until the first element that matches is in sight.
    pub(crate) fn brings_into_sight(&self, selector: &str) {
        self.driver
            .script(&format!("document.querySelector({selector:?}).scrollIntoView({{ block: 'center' }})"));
    }

    /// Keeps a picture of the whole page in `target/screenshots`, for people to look at.
    pub(crate) fn keeps_picture(&self, folder: &str, name: &str) {
        let size = self
            .driver
            .script("const page = document.scrollingElement; return [page.clientWidth, page.scrollHeight]");
        let clip = json!({ "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1 });
        let wish = json!({ "captureBeyondViewport": true, "clip": clip, "optimizeForSpeed": true });
        let picture = self.driver.devtools("Page.captureScreenshot", wish);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../screenshots").join(folder);
        std::fs::create_dir_all(&folder).expect("a directory for pictures");
        std::fs::write(folder.join(format!("{name}.png")), driver::bytes(&picture["data"]))
            .expect("a picture");
    }

    /// What the browser has complained about since it was asked last: errors of scripts, and what the content security
    /// policy stopped. That a form was answered with 422 is no complaint.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.driver.post("/se/log", json!({ "type": "browser" }));
        let lines = log.as_array().cloned().unwrap_or_default();
        let odd = lines.iter().filter(|line| line["source"] != "network");
        odd.map(|line| format!("{} {}: {}", line["level"], line["source"], line["message"])).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Here, so that no journey can forget to ask.
        if !std::thread::panicking() {
            let complaints = self.complaints();
            assert!(complaints.is_empty(), "the browser complained:\n{}", complaints.join("\n"));
        }
    }
}

/// A button or a link with these words.
fn control(words: &str) -> String {
    format!("//*[self::button or self::a or self::summary][{}]", says(words))
}

/// XPath's condition that something reads like this.
fn says(words: &str) -> String {
    format!("translate(normalize-space(.), \"{SOFT_HYPHEN}\", \"\")=\"{words}\"")
}
