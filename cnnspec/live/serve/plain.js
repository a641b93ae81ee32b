// The editor without CodeMirror: a text area, and behind it the same text, unseen but for its marks.

function makeEditor(place, { changed }) {
  const behind = make("pre", "behind");
  const text = make("textarea", "plain");
  const attributes = { "aria-label": "Text of the specification", "aria-describedby": "count", wrap: "off" };
  Object.assign(text, { spellcheck: false, autocomplete: "off", autocapitalize: "off" });
  for (const [key, value] of Object.entries(attributes)) text.setAttribute(key, value);
  behind.setAttribute("aria-hidden", "true");
  place.append(behind, text);
  byId("plain").hidden = false;
  let shown = { faults: [], sizes: [] };

  text.addEventListener("input", onInput);
  text.addEventListener("scroll", scroll);

  function onInput() {
    showBehind(); // the lines move at once, their sizes follow
    changed();
  }

  function scroll() {
    behind.scrollTop = text.scrollTop;
    behind.scrollLeft = text.scrollLeft;
  }

  function showBehind() {
    const marks = shown.faults
      .filter((fault) => fault.place.start !== undefined)
      .sort((a, b) => a.place.start - b.place.start);
    const sizes = new Map(shown.sizes.map((size) => [size.line, size]));
    const lines = [];
    let at = 0;
    text.value.split("\n").forEach((line, index) => {
      const end = at + line.length;
      let from = at;
      for (const { place: { start, end: last }, severity } of marks) {
        const a = Math.max(start, from);
        const b = Math.min(Math.max(last, start + 1), end);
        if (a < b) {
          lines.push(text.value.slice(from, a), make("span", severity, text.value.slice(a, b)));
          from = b;
        }
      }
      lines.push(text.value.slice(from, end));
      const size = sizes.get(index + 1);
      if (size) lines.push("  ", make("span", size.stale ? "size stale" : "size", `→ ${size.text}`));
      lines.push("\n");
      at = end + 1;
    });
    behind.replaceChildren(...lines);
    scroll();
  }

  return {
    text: () => text.value,
    open(opened) {
      text.value = opened;
      shown = { faults: [], sizes: [] };
      showBehind();
    },
    take(taken) {
      const { selectionStart, selectionEnd, scrollTop } = text;
      text.value = taken;
      text.setSelectionRange(selectionStart, selectionEnd);
      text.scrollTop = scrollTop;
      onInput();
    },
    mend(edits) {
      text.focus();
      for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end).reverse()) {
        text.setSelectionRange(edit.start, edit.end);
        // By the browser's own editing, so that it can be undone.
        const done = edit.text
          ? document.execCommand("insertText", false, edit.text)
          : document.execCommand("delete");
        if (!done) text.setRangeText(edit.text, edit.start, edit.end, "end");
      }
      onInput();
    },
    select({ line, start, end }) {
      text.focus();
      text.setSelectionRange(start, end);
      text.scrollTop = (line - 4) * parseFloat(getComputedStyle(text).lineHeight);
    },
    show(found) {
      shown = found;
      showBehind();
    },
  };
}

