// Runs the package in Python (Pyodide), its pictures drawn by Graphviz (Viz.js), and answers the page.

import { loadPyodide } from "./pyodide/pyodide.mjs";
import { instance } from "./viz.js";

const engine = begin();

async function begin() {
  const [python, viz, archive] = await Promise.all([
    loadPyodide({ indexURL: new URL("pyodide/", import.meta.url).href }),
    instance(),
    fetch(new URL("cnnspec.zip", import.meta.url)).then((answer) => answer.arrayBuffer()),
  ]);
  python.unpackArchive(archive, "zip");
  const render = (source) => viz.renderString(source, { format: "svg", engine: "dot" });
  return python.pyimport("cnnspec.live.serve.browser").Browser(render);
}

addEventListener("message", async ({ data: { number, what, asked } }) => {
  try {
    postMessage({ number, answer: (await engine).answer(what, asked) });
  } catch (problem) {
    // A browser's stack is smaller than Python believes: what is deeper ends Python, not the page.
    const died = Boolean(problem.pyodide_fatal_error);
    postMessage({ number, problem: String(problem.message || problem), died });
  }
});
