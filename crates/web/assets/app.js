// Everything here is an addition: each page is complete without it.
"use strict";

(() => {
  const all = (selector) => document.querySelectorAll(selector);
  const language = document.documentElement.lang;

  /** "40 seconds" in the page's language; minutes from two on, as on the server. */
  const duration = (seconds) => {
    const [unit, count] =
      seconds < 120 ? ["second", seconds]
      : seconds < 7200 ? ["minute", Math.round(seconds / 60)]
      : ["hour", Math.round(seconds / 3600)];
    return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count);
  };

  for (const element of all("[data-js], [data-show], [data-copy], [data-copy-list], [data-print]")) {
    element.hidden = false;
  }

  // The summary is read first, unless the page has put the cursor where the answer goes.
  if (!document.querySelector("[autofocus]")) document.querySelector("[data-focus]")?.focus();

  // A second press would spend the same code twice.
  for (const form of all("form")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
      setTimeout(() => delete form.dataset.sent, 5000);
    });
  }
  addEventListener("pageshow", () => {
    for (const form of all("form")) delete form.dataset.sent;
  });

  // Show and hide a password. It is hidden again before it is sent, so that the browser does not keep it as text.
  for (const button of all("[data-show]")) {
    const field = document.getElementById(button.dataset.show);
    const words = [button.textContent, button.dataset.hideWords];
    const set = (shown) => {
      field.type = shown ? "text" : "password";
      button.textContent = words[shown ? 1 : 0];
      button.setAttribute("aria-pressed", String(shown));
    };
    button.addEventListener("click", () => set(field.type === "password"));
    field.form.addEventListener("submit", () => set(false));
  }

  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Without https there is no clipboard, only the selection.
    const area = Object.assign(document.createElement("textarea"), { value: text, className: "unseen" });
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("refused");
  };

  for (const button of all("[data-copy], [data-copy-list]")) {
    const words = button.textContent;
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      const list = document.getElementById(button.dataset.copyList);
      const text = list
        ? Array.from(list.children, (item) => item.textContent.trim()).join("\n") + "\n"
        : button.dataset.copy;
      try {
        await copy(text);
        button.textContent = button.dataset.copied;
        setTimeout(() => { button.textContent = words; }, 2500);
      } catch {
        // The text is on the page and can be selected.
      }
    });
  }

  for (const button of all("[data-print]")) button.addEventListener("click", () => print());

  // A whole code that arrives at once, pasted or filled in, is sent. Typing never sends, and nothing is sent twice.
  for (const field of all("[data-code]")) {
    let before = field.value.length;
    let sent = false;
    field.addEventListener("input", (event) => {
      const jump = field.value.length - before > 1;
      before = field.value.length;
      const filled = jump || ["insertFromPaste", "insertReplacementText"].includes(event.inputType);
      const digits = field.value.replace(/[\s-]/g, "");
      const whole = /^[0-9]+$/.test(digits) && digits.length === Number(field.dataset.code);
      if (sent || !filled || !whole) return;
      sent = true;
      field.form.requestSubmit();
    });
  }

  // Is this device's clock right? Compared at the moment the answer arrived, not when somebody looks.
  for (const line of all("[data-clock]")) {
    const arrived = performance.timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
    const off = Math.round((arrived - Number(line.dataset.clock)) / 1000);
    const words = Math.abs(off) < 5 ? line.dataset.right : off > 0 ? line.dataset.ahead : line.dataset.behind;
    line.textContent = words.replace("{}", duration(Math.abs(off)));
    line.classList.add(Math.abs(off) < 5 ? "right" : "off");
  }

  // The countdown after too many tries. It speaks only now and then.
  for (const figure of all("[data-countdown]")) {
    const status = document.querySelector("[data-countdown-status]");
    const link = document.querySelector("[data-countdown-link]");
    const address = link.href;
    const end = performance.now() + Number(figure.dataset.countdown) * 1000;
    const tick = () => {
      const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      figure.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      if ([60, 30, 10].includes(left)) status.textContent = status.dataset.left.replace("{}", duration(left));
      if (left > 0) return;
      clearInterval(timer);
      status.textContent = status.dataset.done;
      link.href = address;
      link.removeAttribute("aria-disabled");
    };
    link.removeAttribute("href");
    link.setAttribute("aria-disabled", "true");
    link.setAttribute("role", "link");
    figure.hidden = false;
    const timer = setInterval(tick, 250);
    tick();
  }
})();
