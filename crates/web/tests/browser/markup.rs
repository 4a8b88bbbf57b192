//! Text that would like to be markup, in a real browser: no dialog, nothing for the policy to stop, and no node more than with
//! plain words, on the pages of a user and on those of whoever looks after others.

use auth::config::Factors;
use auth::setup;
use serde_json::{Value, json};

use crate::browser::{Browser, Window};
use crate::payloads::payloads;
use crate::server::Server;
use crate::story::{PASSWORD, Story};

/// What the browser does on each page of a walk: counts, writes the counts down, and goes on by itself. It comes before the
/// page's own scripts, and the page's policy does not bind it.
///
/// Elements, attributes and comments are counted, but not the hidden field that says where to return: an address that is
/// nobody's path is left out.
const WALKER: &str = "
    let dialogs = 0, stopped = 0;
    for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => { dialogs += 1; };
    document.addEventListener('securitypolicyviolation', () => { stopped += 1; });
    const walk = JSON.parse(sessionStorage.getItem('walk') ?? 'null');
    const step = walk?.steps[walk.seen.length];
    const go = () => {
        const next = walk.steps[walk.seen.length];
        walk.begun = true;
        sessionStorage.setItem('walk', JSON.stringify(walk));
        if (!next) return;
        if (!next.fields) { location.replace(next.path); return; }
        const form = document.createElement('form');
        form.method = 'post';
        form.action = next.path;
        for (const [name, value] of next.fields) {
            const field = document.createElement('textarea');
            field.name = name;
            field.value = value;
            form.append(field);
        }
        document.body.append(form);
        HTMLFormElement.prototype.submit.call(form);
    };
    addEventListener('load', () => setTimeout(() => {
        if (!walk || walk.seen.length >= walk.steps.length) return;
        if (walk.begun) {
            const count = path => document.evaluate(`count(${path})`, document, null, 1, null).numberValue;
            const ours = \"//*[@type='hidden' and @name='rd']\";
            const nodes = count('//*') - count(ours) + ':' + (count('//@*') - count(ours + '/@*')) + ':' + count('//comment()');
            const fields = Array.from(document.querySelectorAll('input'), field => field.value);
            const shown = [document.body.textContent, ...fields].some(text => text.includes(step.text));
            walk.seen.push({ nodes, shown, dialogs, stopped });
        }
        go();
    }));
";

/// How a payload gets to a page.
enum Way {
    /// In an address, at each `{}`.
    Address(&'static str),
    /// In a form: at each `{}`, which may also be the name of a field.
    Form(String, Vec<(&'static str, String)>),
}

use Way::*;

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

impl Way {
    fn step(&self, text: &str) -> Value {
        match self {
            Address(path) => json!({ "path": path.replace("{}", &encoded(text)), "text": text }),
            Form(path, fields) => {
                let fields =
                    fields.iter().map(|(name, value)| [name.replace("{}", text), value.replace("{}", text)]);
                json!({ "path": path, "fields": fields.collect::<Vec<_>>(), "text": text })
            }
        }
    }
}

fn form(path: &str, fields: &[(&'static str, &str)]) -> Way {
    Form(path.to_owned(), fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
}

/// Takes every payload this way, and answers how many pages showed it as the text that it is. The first page has plain words,
/// and all others have its nodes and nothing more.
fn walks(browser: &Browser, way: &Way, payloads: &[String]) -> usize {
    let plain = "plain words".to_owned();
    let texts: Vec<&String> = [&plain].into_iter().chain(payloads).collect();
    let steps: Vec<Value> = texts.iter().map(|text| way.step(text)).collect();
    let walk = json!({ "steps": steps, "seen": [], "begun": false }).to_string();
    browser.open("/livez");
    browser.driver().script(&format!("sessionStorage.setItem('walk', {})", json!(walk)));
    browser.open("/nowhere");
    let seen = "return JSON.parse(sessionStorage.getItem('walk')).seen";
    let look = || browser.driver().try_script(seen).ok().and_then(|seen| seen.as_array().cloned());
    let mut seen = Vec::new();
    while seen.len() < steps.len() {
        let so_far = seen.len();
        // As long as it goes on, it may take its time.
        let goes_on = browser.comes_true(|| look().is_some_and(|seen| seen.len() > so_far));
        assert!(goes_on, "the walk to {} stopped at {}", steps[0]["path"], texts[so_far]);
        seen = look().unwrap_or(seen);
    }
    let mut shown = 0;
    for (text, page) in texts.iter().zip(&seen) {
        let of = |what: &str| &page[what];
        assert_eq!(of("nodes"), &seen[0]["nodes"], "{text} at {}", steps[0]["path"]);
        assert_eq!((of("dialogs"), of("stopped")), (&json!(0), &json!(0)), "{text} at {}", steps[0]["path"]);
        shown += usize::from(of("shown") == true);
    }
    println!("{}: {} pages, {shown} show it", steps[0]["path"], seen.len());
    shown
}

/// A window in which every page of a walk is counted.
fn walker(story: &Story) -> &Browser {
    story.browser.driver().devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WALKER }));
    &story.browser
}

/// The name of an authenticator that is as near as one may come: no colon, no parentheses, and not endless.
fn as_name(payload: &str) -> String {
    let short: String =
        payload.replace(['(', ')'], "`").replace(':', ";").replace('\t', "/").chars().take(32).collect();
    short.trim().to_owned()
}

/// The pages of somebody who is signed in: the name of an authenticator, kept and listed, and on the page that sets up another.
fn inside(story: &Story, payloads: &[String]) {
    let browser = &story.browser;
    let names: Vec<String> = payloads.iter().map(|payload| as_name(payload)).collect();
    browser.open("/account/authenticators");
    let id = browser.driver().script("return document.querySelector('[name=authenticator]').value");
    let kept = [("authenticator", id.as_str().expect("an id")), ("name", "{}")];
    let mut kept_names = names.clone();
    // The last one is another than those of the next walk, since no two may have one name.
    kept_names.push("the end".to_owned());
    assert_eq!(walks(browser, &form("/account/authenticators/rename", &kept), &kept_names), 212);
    assert_eq!(walks(browser, &form("/account/authenticators/add", &[("name", "{}")]), &names), 211);
}

#[test]
fn what_people_type_is_text_in_a_real_browser_too() {
    let story = Story::begin(Window::DESKTOP);
    let (browser, payloads) = (walker(&story), payloads());
    assert!(payloads.len() >= 200);
    let outside = [
        (form("/login", &[("username", "{}"), ("password", ""), ("rd", "{}")]), 211),
        // The name of a field that is not the form's is said, up to its fortieth letter.
        (form("/login", &[("username", ""), ("password", ""), ("{}", "{}")]), 186),
        (form("/register", &[("username", "{}"), ("password", ""), ("rd", "/{}")]), 211),
        (Address("/login?rd={}&lang={}&x={}&{}=x"), 0),
    ];
    for (way, shown) in outside {
        assert_eq!(walks(browser, &way, &payloads), shown);
    }
    story.becomes_a_user("ada");
    inside(&story, &payloads);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn nor_is_it_markup_on_the_pages_of_an_owner() {
    let story = Story::begin_with(Window::DESKTOP, |config| config.factors = Factors::Code);
    let (browser, says, payloads) = (walker(&story), story.says, payloads());
    let by_code = [("username", "{}"), ("otp", ""), ("rd", "{}")];
    assert_eq!(walks(browser, &form("/login", &by_code), &payloads), 211);
    let recovery = [("username", "{}"), ("recovery_code", ""), ("rd", "/{}")];
    assert_eq!(walks(browser, &form("/login/recovery", &recovery), &payloads), 211);

    let link = story.server.runs(async |app| setup::owner_link(app).await).expect("nobody is the owner yet");
    let path = link.url.strip_prefix(&story.server.origin()).expect("a path");
    assert_eq!(walks(browser, &form(path, &[("username", "{}"), ("password", "")]), &payloads), 211);
    browser.open(&link.url);
    browser.fill(says.username, "olga");
    browser.fill(says.password, PASSWORD);
    browser.press(says.next);
    browser.arrives_at("/enroll", says.enroll);
    story.confirms(&story.scans());
    story.keeps_the_codes();
    story.is_signed_in_as("olga");
    assert!(browser.words().contains("Owner"), "{}", browser.words());
    inside(&story, &payloads);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The name of the place is the operator's own, and stands on every page.
#[test]
fn nor_is_the_name_of_the_place() {
    let story = Story::begin(Window::DESKTOP);
    let browser = &story.browser;
    let count = "return [document.querySelectorAll('*').length, document.evaluate('count(//@*)', document, null, 1).numberValue]";
    browser.open("/login");
    let plain = browser.driver().script(count);
    let payloads = payloads();
    for payload in &payloads {
        let issuer = payload.clone();
        let server = Server::start_with(|config| config.issuer = issuer);
        browser.open(&format!("{}/login", server.origin()));
        assert_eq!(browser.driver().script(count), plain, "{payload}");
        let words = payload.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(browser.words().contains(&words) || !words.is_ascii(), "{payload}: {}", browser.words());
    }
    println!("{} names of the place", payloads.len());
}
