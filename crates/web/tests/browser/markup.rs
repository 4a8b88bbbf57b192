//! Text that would like to be markup, in a real browser: no dialog, nothing for the policy to stop, and no node more than with
//! plain words, on the pages of a user and on those of whoever looks after others.

use auth::setup;
use serde_json::{Value, json};

use crate::browser::{Browser, Window};
use crate::payloads::payloads;
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
    let short: String = payload
        .replace(['(', ')'], "`")
        .replace(':', ";")
        .replace(char::is_control, "/")
        .chars()
        .take(32)
        .collect();
    short.trim().to_owned()
}

/// All of them, in what is typed at the front door and in the addresses that lead to it.
#[test]
fn nor_do_two_hundred_of_them_become_markup_at_the_front_door() {
    let story = Story::begin(Window::DESKTOP);
    let (browser, payloads) = (walker(&story), payloads());
    assert!(payloads.len() >= 210);
    let typed = form("/login", &[("username", "{}"), ("password", ""), ("rd", "{}")]);
    assert_eq!(walks(browser, &typed, &payloads), 211);
    assert_eq!(walks(browser, &Address("/login?rd={}&lang={}&x={}&{}=x"), &payloads), 0);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// And in the name of an authenticator, which is kept, on the list of an owner.
#[test]
fn nor_in_what_an_owner_has_named() {
    let story = Story::begin(Window::DESKTOP);
    let (browser, says) = (walker(&story), story.says);
    let link = story.server.runs(async |app| setup::owner_link(app).await).expect("nobody is the owner yet");
    browser.open(&link.url);
    browser.fill(says.username, "olga");
    browser.fill(says.password, PASSWORD);
    story.server.keeps_time();
    browser.press(says.next);
    browser.arrives_at("/enroll", says.enroll);
    story.confirms(&story.scans());
    story.keeps_the_codes();
    story.is_signed_in_as("olga");
    browser.open("/account/authenticators");
    let id = browser.driver().script("return document.querySelector('[name=authenticator]').value");
    let kept = [("authenticator", id.as_str().expect("an id")), ("name", "{}")];
    let names: Vec<String> = payloads().iter().map(|payload| as_name(payload)).collect();
    assert_eq!(walks(browser, &form("/account/authenticators/rename", &kept), &names), 211);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// How many elements the page has, once it is there.
fn elements(browser: &Browser) -> u64 {
    // A dialog that stands open refuses every other command.
    let count = browser.driver().script("return document.querySelectorAll('*').length");
    count.as_u64().expect("a number")
}

#[test]
fn what_people_type_is_text_in_a_real_browser_too() {
    let story = Story::begin(Window::DESKTOP);
    // Those written by hand: page by page is slow.
    let payloads = payloads()[..70].to_vec();
    story.becomes_a_user("ada");
    let browser = &story.browser;
    let list = "/account/authenticators";
    let one = {
        browser.open(list);
        browser.arrives_at(list, "Authenticators");
        let id = browser.driver().script("return document.querySelector('[name=authenticator]').value");
        id.as_str().expect("an id").to_owned()
    };
    let rename = |name: &str| -> Value {
        let fields = serde_json::json!({ "authenticator": one, "name": name });
        browser.driver().promise(&format!(
            "fetch('/account/authenticators/rename', {{ method: 'POST', body: new URLSearchParams({fields}) }}).then(r => r.status)"
        ))
    };
    let looks = |text: &str| {
        let mut found = Vec::new();
        let stored =
            rename(&text.replace(['(', ')'], "`").replace(':', ";").chars().take(32).collect::<String>());
        browser.open(list);
        found.push(elements(browser));
        for path in
            ["/login?rd=", "/nowhere?x=", "/account/authenticators/remove?authenticator=", "/nowhere/"]
        {
            browser.open(&format!("{path}{}", encoded(text)));
            found.push(elements(browser));
        }
        (found, stored == 200)
    };
    let (plain, stored) = looks("plain words");
    assert!(stored && plain.iter().all(|count| *count > 5), "{plain:?}");
    let mut kept = 0;
    for payload in &payloads {
        let (found, stored) = looks(payload);
        assert_eq!(found, plain, "{payload}");
        kept += usize::from(stored);
    }
    println!("{} payloads at five pages, {kept} of them kept", payloads.len());
    assert!(kept > 45, "{kept}");
    assert_eq!(browser.complaints(), Vec::<String>::new());

    // What is typed at the front door comes back in its field.
    browser.open("/");
    story.is_signed_in_as("ada");
    story.signs_out();
    let typed = |text: &str| {
        browser.open("/login");
        browser.arrives_at("/login", story.says.login);
        browser.fill(story.says.username, text);
        browser.press(story.says.next);
        browser.hears("Enter a password.");
        elements(browser)
    };
    let plain = typed("plain words");
    for payload in payloads.iter().filter(|payload| payload.is_ascii() && !payload.contains('\t')).step_by(4)
    {
        assert_eq!(typed(payload), plain, "{payload}");
        assert_eq!(browser.value(story.says.username), *payload);
    }
}
