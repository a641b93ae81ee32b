// Prints the scopes that the grammar gives to each text of standard input, a JSON list of texts: for each text
// a list of [line, start, end, innermost scope]. The engine is that of VS Code.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";

const folder = new URL("..", import.meta.url);
const wasm = createRequire(import.meta.url).resolve("vscode-oniguruma/release/onig.wasm");
await oniguruma.loadWASM(readFileSync(wasm).buffer);

const registry = new textmate.Registry({
  onigLib: {
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  },
  loadGrammar: () => {
    const path = new URL("cnn.tmLanguage.json", folder);
    return textmate.parseRawGrammar(readFileSync(path, "utf-8"), "cnn.tmLanguage.json");
  },
});
const grammar = await registry.loadGrammar("source.cnn");

const found = JSON.parse(readFileSync(0, "utf-8")).map((text) => {
  let state = textmate.INITIAL;
  return text.split("\n").flatMap((line, number) => {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    return tokens.map((token) => [number, token.startIndex, token.endIndex, token.scopes.at(-1)]);
  });
});
process.stdout.write(JSON.stringify(found));
