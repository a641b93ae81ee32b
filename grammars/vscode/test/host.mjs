// Activates the extension in a host that has of the editor's interface what the client of a server needs, shows
// it the text of standard input, and prints what the server finds of it. The arguments start the server.
import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const command = process.argv.slice(2);
const text = readFileSync(0, "utf-8");

// Whatever is not named below: a class, a call that registers something, a namespace of numbers.
function stub(known = {}) {
  return new Proxy(Object.assign(function () {}, known), {
    get: (target, key) => (key in target || typeof key === "symbol" ? target[key] : (target[key] = stub())),
    apply: () => ({ dispose() {} }),
  });
}

class Position {
  constructor(line, character) {
    Object.assign(this, { line, character });
  }
}
class Range {
  constructor(...places) {
    const ends = [places.slice(0, 2), places.slice(2)].map((each) => new Position(...each));
    const [start, end] = places.length === 2 ? places : ends;
    Object.assign(this, { start, end });
  }
}
class Diagnostic {
  constructor(range, message, severity) {
    Object.assign(this, { range, message, severity });
  }
}
class Uri {
  constructor(address) {
    this.address = address;
    this.scheme = "file";
  }
  static parse(address) {
    return new Uri(address);
  }
  toString() {
    return this.address;
  }
}
class Disposable {
  constructor(dispose) {
    this.dispose = dispose;
  }
  static from(...all) {
    return new Disposable(() => all.forEach((each) => each.dispose()));
  }
}
class EventEmitter {
  heard = new Set();
  event = (act) => {
    this.heard.add(act);
    return { dispose: () => this.heard.delete(act) };
  };
  fire(what) {
    for (const act of this.heard) act(what);
  }
  dispose() {}
}
class CodeActionKind {
  static Empty = new CodeActionKind("");
  static QuickFix = new CodeActionKind("quickfix");
  constructor(value) {
    this.value = value;
  }
  append(part) {
    return new CodeActionKind(this.value ? `${this.value}.${part}` : part);
  }
}
class CancellationTokenSource {
  token = { isCancellationRequested: false, onCancellationRequested: new EventEmitter().event };
  cancel() {}
  dispose() {}
}

const document = {
  uri: new Uri("file:///net.cnn"),
  languageId: "cnnspec",
  version: 1,
  getText: () => text,
};
const settings = { command, get: (key) => settings[key], has: (key) => key in settings, inspect: () => undefined };
const registered = new Map();
let shown;
const found = new Promise((keep) => (shown = keep));

const vscode = stub({
  Position,
  Range,
  Diagnostic,
  Uri,
  Disposable,
  EventEmitter,
  CodeActionKind,
  CancellationTokenSource,
  version: "1.82.0",
  env: { language: "en", appName: "host" },
  DiagnosticSeverity: { Error: 0, Warning: 1, Information: 2, Hint: 3 },
  workspace: stub({
    textDocuments: [document],
    workspaceFolders: undefined,
    notebookDocuments: [],
    getConfiguration: () => settings,
  }),
  window: stub({
    visibleTextEditors: [],
    tabGroups: stub({ all: [] }),
    createOutputChannel: () => ({ append: console.error, appendLine: console.error, show() {}, dispose() {} }),
    showErrorMessage: async (message) => {
      console.error(message);
      process.exitCode = 1;
    },
  }),
  languages: stub({
    match: (selector, { languageId }) => (selector.some((each) => each.language === languageId) ? 10 : 0),
    createDiagnosticCollection: () => ({ set: (uri, all) => shown([uri, all]), delete() {}, clear() {}, dispose() {} }),
  }),
  commands: stub({
    registerCommand: (name, act) => {
      registered.set(name, act);
      return { dispose() {} };
    },
  }),
});

const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));

const extension = require("../src/extension.js");
await extension.activate({ subscriptions: [] });
if (process.exitCode) process.exit();
const [uri, all] = await found;
const places = all.map(({ code, range: { start, end } }) => {
  return [code.value ?? code, start.line, start.character, end.character];
});
console.log(JSON.stringify({ uri: uri.toString(), places, commands: [...registered.keys()] }));
await extension.deactivate();
