"""The text on the page of `serve`, whichever editor shows it."""

from __future__ import annotations

import time
from typing import Any

from tests.draw.browser import Browser

# Before each script: the editor's root, elements in the page and in it, and the text that is shown.
HELP = """
const desk = document.getElementById('desk');
const root = desk.shadowRoot || desk;
const all = (selector) => [...document.querySelectorAll(selector), ...root.querySelectorAll(selector)];
const words = (line) => {
    const found = [];
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) found.push(walker.currentNode);
    return found.filter((node) => !node.parentElement.closest('.size'));
};
const plain = root.querySelector('textarea');
const letters = (line) => words(line).map((node) => node.data).join('');
const text = () => plain ? plain.value : [...root.querySelectorAll('.cm-line')].map(letters).join('\\n');
"""

SELECT = """
if (plain) {
    plain.focus();
    const at = plain.value.indexOf(arguments[0]);
    plain.setSelectionRange(at, at + arguments[0].length);
} else {
    root.querySelector('.cm-content').focus();
    for (const line of root.querySelectorAll('.cm-line')) {
        const nodes = words(line);
        const at = letters(line).indexOf(arguments[0]);
        if (at < 0) continue;
        const place = (left) => {
            for (const node of nodes) {
                if (left <= node.length) return [node, left];
                left -= node.length;
            }
        };
        getSelection().setBaseAndExtent(...place(at), ...place(at + arguments[0].length));
        break;
    }
}
"""


def until(reader: Browser, script: str) -> Any:
    """What a script returns once that is something; it is waited for, however slow the machine."""
    for _ in range(1_200):
        if found := reader.run(HELP + script):
            return found
        time.sleep(0.05)
    raise AssertionError(f"never: {script}; {reader.run('return document.body.innerText')[:500]}")


def has(selector: str, words: str) -> str:
    return f"return all('{selector}').some((each) => each.textContent.includes('{words}'))"


def text(reader: Browser) -> str:
    return str(reader.run(HELP + "return text()"))


# The browser's selection is not yet the editor's: it hears of it later, and a redraw in between undoes it.
SELECTED = """
const seen = plain || root.querySelector('.cm-selectionBackground');
const now = plain ? plain.value.slice(plain.selectionStart, plain.selectionEnd) : String(getSelection());
return seen && now === arguments[0];
"""


def replace(reader: Browser, old: str, new: str) -> None:
    """Select a stretch of the text, and type over it."""
    for _ in range(600):
        reader.run(HELP + SELECT, old)
        time.sleep(0.05)
        if reader.run(HELP + SELECTED, old):
            return reader.type(new)
    raise AssertionError(f"never selected: {old}")
