// The editor of the page, by CodeMirror 6; `plain.js` is the one without it, and has the same methods.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import {
  HighlightStyle,
  StreamLanguage,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, drawSelection, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { theme } from "./theme.js";

const INDENT = 4;
const MOST_BOOST = 99; // of CodeMirror's scale, which keeps the engine's order of what it offers

// Colours: the kinds of the language's table, which `cnnspec/text/colouring.py` holds

const KINDS = {
  comment: [tags.comment, { color: "var(--comment)", fontStyle: "italic" }],
  keyword: [tags.keyword, { color: "var(--word)" }],
  operator: [tags.operator, { color: "var(--word)" }],
  number: [tags.number, { color: "var(--value)" }],
  string: [tags.string, { color: "var(--value)" }],
  constant: [tags.bool, { color: "var(--value)" }],
  layer: [tags.function(tags.variableName), { color: "var(--call)" }],
  function: [tags.standard(tags.variableName), { color: "var(--call)" }],
  definition: [tags.className, { color: "var(--own)", fontWeight: "bold" }],
  label: [tags.labelName, { color: "var(--own)" }],
  field: [tags.propertyName, { color: "var(--own)" }],
};

const colours = HighlightStyle.define(Object.values(KINDS).map(([tag, style]) => ({ tag, ...style })));

function languageOf(table) {
  const rules = table.map(([kind, pattern, groups]) => ({ kind, groups, pattern: new RegExp(pattern, "y") }));
  return StreamLanguage.define({
    startState: () => ({ open: "", waiting: [] }), // the brackets around; what is left of a rule of several kinds
    copyState: ({ open, waiting }) => ({ open, waiting: [...waiting] }),
    token(stream, state) {
      if (!state.waiting.length) state.waiting = next(rules, stream, state.open.endsWith("["));
      const [kind, length] = state.waiting.shift();
      stream.pos += length;
      const sign = stream.current();
      if ("{([".includes(sign)) state.open += sign;
      else if ("})]".includes(sign)) state.open = state.open.slice(0, -1);
      return kind in KINDS ? kind : null;
    },
    indent: ({ open }, after) => INDENT * Math.max(0, open.length - /^\s*[})\]]/.test(after)),
    languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["(", "[", "{", '"'] } },
    tokenTable: Object.fromEntries(Object.entries(KINDS).map(([kind, [tag]]) => [kind, tag])),
  });
}

// The kinds and lengths of what the first rule takes that matches here; within `[` and `]` no label stands.
function next(rules, stream, inBrackets) {
  for (const { kind, groups, pattern } of rules) {
    if (inBrackets && kind === "label") continue;
    pattern.lastIndex = stream.pos;
    const found = pattern.exec(stream.string);
    if (found) return groups.length ? groups.map((each, i) => [each, found[i + 1].length]) : [[kind, found[0].length]];
  }
  return [["", 1]];
}

// The size behind every line

class Size extends WidgetType {
  constructor({ text, stale }) {
    super();
    Object.assign(this, { text, stale });
  }
  eq(other) {
    return other.text === this.text && other.stale === this.stale;
  }
  toDOM() {
    const made = document.createElement("span");
    made.className = this.stale ? "size stale" : "size";
    made.textContent = `  → ${this.text}`;
    return made;
  }
}

const setSizes = StateEffect.define();

const sizes = StateField.define({
  create: () => Decoration.none,
  update(shown, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(setSizes)) {
        const marks = effect.value.map((size) => {
          const widget = new Size(size);
          return Decoration.widget({ widget, side: 1 }).range(transaction.newDoc.line(size.line).to);
        });
        return Decoration.set(marks);
      }
    }
    return shown.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

// Faults, with their fixes to be clicked

const SEVERITY = { error: "error", warning: "warning", note: "info" };

function diagnostic(fault) {
  const { start, end } = fault.place;
  const notes = fault.notes.filter((note) => !note.place).map((note) => note.message);
  return {
    from: start,
    to: end,
    severity: SEVERITY[fault.severity],
    source: fault.code,
    message: [fault.message, ...notes].join("\n"),
    actions: fault.fixes
      .filter((fix) => fix.edits.length)
      .map((fix) => ({ name: fix.title, apply: (view) => mend(view, fix.edits) })),
  };
}

function mend(view, edits) {
  view.dispatch({
    changes: edits.map(({ start, end, text }) => ({ from: start, to: end, insert: text })),
    userEvent: "input.fix",
  });
  view.focus();
}

// What may be written here, which the engine knows

function completionOf(offers) {
  return async (context) => {
    const { from: start, text } = context.state.doc.lineAt(context.pos);
    const before = text.slice(0, context.pos - start);
    const begins = /\w$/.test(before) || /^[^"]*("[^"]*"[^"]*)*"$/.test(before); // a word, or with a quote a path
    if (!context.explicit && !begins) return null;
    const answer = await offers(context.pos); // none where the engine cannot answer
    const options = answer?.offers.map(({ text, kind, detail }, i) => ({
      label: text,
      detail: detail || kind,
      boost: Math.max(MOST_BOOST - i, -MOST_BOOST),
    }));
    return answer ? { from: answer.from, options, validFor: /^\w*$/ } : null;
  };
}

export function makeEditor(place, { table, changed, offers }) {
  const extensions = [
    lineNumbers(),
    history(),
    drawSelection(),
    EditorState.allowMultipleSelections.of(true),
    EditorState.tabSize.of(INDENT),
    indentUnit.of(" ".repeat(INDENT)),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    search({ top: true }),
    highlightSelectionMatches(),
    autocompletion({ override: [completionOf(offers)], icons: false }),
    languageOf(table),
    syntaxHighlighting(colours),
    sizes,
    theme,
    EditorView.contentAttributes.of({ "aria-label": "Text of the specification", "aria-describedby": "count" }),
    EditorView.updateListener.of((update) => update.docChanged && changed()),
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...lintKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...defaultKeymap, // Tab is not among them: it leaves the editor, as it leaves any control
    ]),
  ];
  const stateOf = (doc) => EditorState.create({ doc, extensions });
  // In a shadow root styles need no element, which the page's policy would refuse.
  const root = place.attachShadow({ mode: "open" });
  const view = new EditorView({ state: stateOf(""), parent: root, root });
  let shown = {};
  return {
    text: () => view.state.doc.toString(),
    open: (text) => view.setState(stateOf(text)),
    take(text) {
      const old = view.state.doc.toString();
      let start = 0;
      while (start < Math.min(old.length, text.length) && old[start] === text[start]) start++;
      let same = 0;
      while (same < Math.min(old.length, text.length) - start && old.at(-1 - same) === text.at(-1 - same)) same++;
      view.dispatch({ changes: { from: start, to: old.length - same, insert: text.slice(start, text.length - same) } });
    },
    mend: (edits) => mend(view, edits),
    select({ start, end }) {
      view.dispatch({ selection: { anchor: start, head: end }, effects: EditorView.scrollIntoView(start, { y: "center" }) });
      view.focus();
    },
    show(found) {
      view.dispatch({ effects: setSizes.of(found.sizes) });
      const now = JSON.stringify(found.faults);
      if (shown.faults === now && shown.doc === view.state.doc) return; // what is open above a fault stays
      shown = { faults: now, doc: view.state.doc };
      const here = found.faults.filter((fault) => fault.place.start !== undefined);
      view.dispatch(setDiagnostics(view.state, here.map(diagnostic)));
    },
  };
}
