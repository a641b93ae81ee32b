// The editor in the colours of the page, light and dark alike.

import { EditorView } from "@codemirror/view";

const button = { padding: "0.1rem 0.5rem", border: "1px solid var(--control)", borderRadius: "0.3rem" };
const raised = { background: "var(--faint)", color: "var(--ink)" };
const wavy = (colour) => ({ backgroundImage: "none", textDecoration: `underline wavy ${colour}` });

export const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--paper)", isolation: "isolate" },
  "&.cm-focused": { outline: "none" }, // the page shows where the focus is, over the numbers of lines, too
  ".cm-scroller": { font: "13px/1.6 var(--mono)" },
  ".cm-content": { caretColor: "var(--ink)", padding: "0.6rem 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--paper)", color: "var(--quiet)", border: "0" },
  "& .cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
    background: "var(--wash)",
  },
  ".cm-selectionMatch, .cm-searchMatch": { backgroundColor: "var(--wash)" },
  ".cm-searchMatch-selected": { outline: "1px solid var(--accent)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "transparent", outline: "1px solid var(--control)" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "transparent", color: "var(--fault)" },
  ".size": { color: "var(--accent)", whiteSpace: "pre", userSelect: "none" },
  ".size.stale": { color: "var(--quiet)", fontStyle: "italic" },
  ".cm-lintRange-error": wavy("var(--fault)"),
  ".cm-lintRange-warning, .cm-lintRange-info": wavy("var(--warn)"),
  ".cm-lintRange-active": { backgroundColor: "var(--wash)" },
  ".cm-diagnostic": { ...raised, whiteSpace: "pre-wrap" },
  ".cm-diagnosticAction": { ...button, ...raised, margin: "0.2rem 0.4rem 0 0" },
  ".cm-tooltip": { ...raised, border: "1px solid var(--control)", maxWidth: "min(40rem, 80vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { font: "13px/1.6 var(--mono)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    background: "var(--ink)",
    color: "var(--paper)",
  },
  ".cm-completionDetail": { color: "var(--quiet)", marginLeft: "1.5em" },
  "[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "bold" },
  ".cm-panels": raised,
  ".cm-panels-top, .cm-panels-bottom": { borderColor: "var(--rule)" },
  ".cm-panel.cm-panel-lint ul [aria-selected]": { background: "var(--wash)", color: "var(--ink)" },
  ".cm-button": { ...button, ...raised, backgroundImage: "none" },
  ".cm-textfield": { ...button, backgroundColor: "var(--paper)" },
});
