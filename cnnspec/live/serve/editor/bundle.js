// Makes dist/editor.js: the licences of what the editor is made of, and the editor.

import { build } from "esbuild";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";

const { metafile, outputFiles } = await build({
  entryPoints: ["editor.js"],
  bundle: true,
  minify: true,
  charset: "utf8",
  target: "es2022",
  format: "iife",
  globalName: "bundled",
  footer: { js: "const { makeEditor } = bundled;" },
  metafile: true,
  write: false,
});

const used = Object.keys(metafile.inputs).flatMap((path) => path.match(/^node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []);
const holders = new Map(); // the packages by the text of their licence
for (const folder of [...new Set(used)].sort()) {
  const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  if (!file) throw new Error(`${name} ships no licence`);
  const text = readFileSync(`${folder}/${file}`, "utf8").trim();
  holders.set(text, [...(holders.get(text) ?? []), `${name} ${version}`]);
}
const licences = [...holders].map(([text, names]) => `${names.join("\n")}\n\n${text}\n`).join("\n\n");

mkdirSync("dist", { recursive: true });
writeFileSync("dist/editor.js", `/*\n${licences.replaceAll("*/", "* /")}*/\n${outputFiles[0].text}`);
