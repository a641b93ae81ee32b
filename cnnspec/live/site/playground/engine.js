// The engine is the package itself, which Python runs in a worker.

const RESTS = 200; // what is asked next waits for a picture that is drawn
const LOST = "Python cannot be loaded; it wants a host, and `python -m http.server` is one";
const TOO_DEEP = "this text goes too deep for Python in a browser";
const asked = new Map(); // what is to be done with answers, by the questions' numbers
let questions = 0;
let lost = false;
let deadly = null; // the text that ended Python
let worker = begin();

function begin() {
  try {
    // A worker that a page makes of its own text inherits the page's policy, which a host need not send.
    const script = `import ${JSON.stringify(new URL("worker.js", location).href)};`;
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const made = new Worker(address, { type: "module" });
    made.addEventListener("message", hear);
    made.addEventListener("error", giveUp);
    return made;
  } catch {
    lost = true; // a page that is opened as a file may have no worker
    return null;
  }
}

function hear({ data: { number, answer, problem, died } }) {
  const { keep, fail, text } = asked.get(number);
  asked.delete(number);
  if (died) beginAnew(text);
  if (problem) fail(new Error(died ? TOO_DEEP : problem));
  else keep(JSON.parse(answer));
}

// What ended Python is not asked again; the questions behind it are.
function beginAnew(text) {
  deadly = text;
  worker.terminate();
  worker = begin();
  for (const [number, waiting] of asked) {
    if (waiting.text !== deadly) {
      worker.postMessage(waiting.question);
    } else {
      asked.delete(number);
      waiting.fail(new Error(TOO_DEEP));
    }
  }
}

function giveUp() {
  lost = true;
  document.getElementById("facts").textContent = "";
  for (const { fail } of asked.values()) fail(new Error(LOST));
  asked.clear();
}

function askWorker(what, body) {
  if (lost) return Promise.reject(new Error(LOST));
  const { text } = body;
  if (deadly !== null && text === deadly) return Promise.reject(new Error(TOO_DEEP));
  const question = { number: ++questions, what, asked: JSON.stringify({ name, ...body }) };
  return new Promise((keep, fail) => {
    asked.set(question.number, { keep, fail, question, text });
    worker.postMessage(question);
  });
}

// There is no disk: files live as long as the page, and what is saved is handed over, too.

const first = JSON.parse(document.getElementById("start").textContent);
const held = new Map([[first.name, first.text]]);

function follow() {} // nor does anyone else write them

async function ask(what, body) {
  switch (what) {
    case "/open":
      return { text: held.get(name) ?? "", stamp: "", names: [...held.keys()] };
    case "/save":
      held.set(name, body.text);
      handOver(name, new Blob([body.text], { type: "text/plain" }));
      return { stamp: "" };
    case "/zoo": {
      const { text: copied } = await askWorker("zoo", body);
      held.set(`${body.net}.cnn`, copied);
      return { name: `${body.net}.cnn`, text: copied };
    }
    default:
      return askWorker(what.slice(1), body);
  }
}

// A link may name a file of the zoo, and a net in it.
const wanted = new URLSearchParams(location.search);
const packed = location.hash.match(/^#text=([\w-]+)$/)?.[1];
if (wanted.has("zoo")) {
  queueMicrotask(async () => {
    await copy(wanted.get("zoo"));
    chosen = wanted.get("net") || "";
    typed();
  });
}

// Or it holds a text: packed as DEFLATE does, and in base64url.
if (packed) {
  queueMicrotask(async () => {
    try {
      const bytes = Uint8Array.from(atob(packed.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt());
      editor.take(await through(new DecompressionStream("deflate-raw"), bytes).text());
    } catch {
      tell("this link holds no text");
    }
  });
}

const link = document.getElementById("link");
link.hidden = false;
link.addEventListener("click", async () => {
  const bytes = new Uint8Array(await through(new CompressionStream("deflate-raw"), editor.text()).arrayBuffer());
  const letters = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  history.replaceState(null, "", `${location.pathname}#text=${letters}`);
  try {
    await navigator.clipboard.writeText(location.href);
    tell("the link is copied");
  } catch {
    tell("the link is this page's address");
  }
});

function through(stream, content) {
  return new Response(new Blob([content]).stream().pipeThrough(stream));
}

document.getElementById("pdf").hidden = true; // which wants packages that are not here

document.getElementById("facts").textContent = lost ? "" : "Python is being loaded …";

