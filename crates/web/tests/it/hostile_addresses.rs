//! Where attackers would like people to be sent: addresses that some reader takes for another host, made by rules. The tests
//! in a real browser use the same.

/// Addresses elsewhere, for a place that calls itself `ours`, such as `localhost:8080`. Each is there once.
pub(crate) fn hostile(ours: &str) -> Vec<String> {
    let bare = ours.split(':').next().unwrap_or(ours);
    let hosts = [
        "evil.example".to_owned(),
        "evil.example:8443/x".to_owned(),
        "evil.example/%2e%2e".to_owned(),
        format!("{ours}.evil.example"),
        format!("{bare}.evil.example"),
        format!("{ours}@evil.example"),
        format!("{ours}%40evil.example"),
        format!("evil.example#{ours}"),
        format!("evil.example?{ours}"),
        format!("evil.example\\@{ours}"),
        format!("evil.example%23.{ours}"),
        format!("evil.example\t.{ours}"),
        format!("evil.example%00.{ours}"),
        "\u{435}vil.example".to_owned(),
        "evil\u{3002}example".to_owned(),
        "evil\u{ff0e}example".to_owned(),
        "xn--vil-qdd.example".to_owned(),
        "6.6.6.6".to_owned(),
        "0x06060606".to_owned(),
        "[::ffff:6.6.6.6]".to_owned(),
    ];
    let openings = [
        "//",
        "///",
        "////",
        "/\\",
        "\\/",
        "\\\\",
        "\\",
        "/\\/",
        "\\/\\/",
        "//\\",
        "/\t/",
        "/\n/",
        "/\r\n/",
        "\t//",
        "\n//",
        "\r//",
        " //",
        "  /\t/",
        "/ /",
        "/\u{b}/",
        "/\0/",
        "\u{1}//",
        "\u{1f}//",
        "\u{7f}//",
        "/%09/",
        "/%0a/",
        "/%0d%0a/",
        "/%20/",
        "/%2f",
        "/%5c",
        "%2f%2f",
        "%5c%5c",
        "%252f%252f",
        "/%252f",
        "https:",
        "https:/",
        "https://",
        "https:///",
        "http://",
        "HTTPS://",
        "hTTp:\\\\",
        "https:\\\\",
        "https:/\\",
        " https://",
        "\thttps://",
        "ht\ntps://",
        "//user@",
        "//user:pass@",
        "/.//",
        "/..//",
        "/./\\",
        "/%2e%2e//",
        "/%2e//",
        "/;//",
        "/;@",
        "/\u{a0}/",
        "\u{ff0f}\u{ff0f}",
        "/\u{ff0f}",
        "/\u{2044}",
        "\u{2215}\u{2215}",
        "/\u{29f8}",
        "/\u{3002}",
        "\u{feff}//",
        "\u{200b}//",
        "/\u{200b}/",
        "/\u{ad}/",
        "javascript://",
        "javascript:alert(1)//",
        "java\tscript:",
        "JavaScript:",
        "\u{1}javascript:",
        "data:text/html,",
        "data:text/html;base64,",
        "vbscript:",
        "file:///",
        "ftp://",
        "ws://",
        "blob:https://",
        "view-source:https://",
        "about:blank#",
        "mailto:a@",
        "?//",
        "#//",
        ".//",
        "..//",
        "@",
        ":",
        "://",
        "/:@",
        "/@",
        "x://",
        "%09//",
        "%00//",
        "%0d%0aLocation: https://",
        "/\r\nLocation: https://",
        "/x\r\nSet-Cookie: a=b\r\n\r\n",
    ];
    let mut all: Vec<String> = Vec::new();
    for opening in openings {
        all.extend(hosts.iter().map(|host| format!("{opening}{host}")));
    }
    // The right start, and more of it than we are.
    for scheme in ["http://", "https://", "//", "/\\", "http:\\\\", "HTTP://"] {
        for rest in [
            ".evil.example",
            "@evil.example",
            ":@evil.example",
            "%2eevil.example",
            ":80:80@evil.example",
            "\\.evil.example",
        ] {
            all.push(format!("{scheme}{ours}{rest}"));
            all.push(format!("{scheme}{bare}{rest}/login"));
        }
    }
    for length in [990, 1_000, 1_010, 4_000, 5_000] {
        all.push(format!("//{}.evil.example", "a".repeat(length)));
        all.push(format!("{}evil.example", "/".repeat(length)));
        all.push(format!("/{}//evil.example", "../".repeat(length / 3)));
    }
    all.sort();
    all.dedup();
    all
}
