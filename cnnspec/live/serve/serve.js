// What is typed goes to the engine at once for sizes and faults, and when it rests for the picture.
// Of other files: `ask` asks the engine, a server or Python in the browser itself; `makeEditor` makes the editor.

const SHARPER = 3; // pixels of a saved PNG for one of the picture, as far as browsers have so large ones
const WIDEST = 16_000;
const byId = (id) => document.getElementById(id);
const [faults, file, zoo, net] = ["faults", "file", "zoo", "net"].map(byId);
const start = JSON.parse(byId("start").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");

const nothing = { sizes: [], faults: [], nets: [], net: "", facts: "", parameters: {}, refused: "" };

let name = start.name;
let stored = start; // as the file is on the disk
let found = nothing;
let chosen = ""; // a net; without it the one that is typed in is in view
let given = {}; // to parameters of that net
let overwrites = false;

const editor = makeEditor(byId("desk"), {
  table: start.table,
  changed: () => typed(),
  offers: (offset) => ask("/offer", { ...question(), offset }).catch(({ message }) => tell(message)),
});

function question() {
  return { text: editor.text(), net: chosen, parameters: given };
}

// One question of a kind is on its way at a time; what comes meanwhile is asked once afterwards.
function lane(act) {
  let busy = false;
  let again = false;
  return async function run() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    do {
      again = false;
      try {
        await act();
      } catch (problem) {
        tell(problem.message);
      }
    } while (again);
    busy = false;
  };
}

const compile = lane(async () => {
  const asked = question();
  const answer = await ask("/compile", asked);
  if (!isAsked(asked)) return;
  found = { ...answer, faults: answer.faults.map(withKnownFixes) };
  show();
});

const finish = lane(async () => {
  const asked = question();
  const answer = await ask("/finish", asked);
  if (!isAsked(asked)) return;
  found.faults = answer.faults;
  byId("table").innerHTML = answer.table;
  show();
});

const paint = lane(async () => {
  const asked = question();
  const answer = await ask("/paint", { ...asked, ...look() });
  if (isAsked(asked)) showPicture(answer);
});

// Whether a question is still the one: what is typed or chosen meanwhile is asked anew.
function isAsked({ text, net: wished, parameters }) {
  return text === editor.text() && wished === chosen && parameters === given;
}

function look() {
  const view = document.querySelector("[name=view]:checked").value;
  return { view, theme: dark.matches ? "dark" : "light" };
}

async function rested() {
  await paint(); // first: the search for fixes would slow it down
  finish();
}

let rest = 0;
function typed() {
  overwrites = false;
  showState();
  askAnew();
}

function askAnew() {
  compile();
  clearTimeout(rest);
  rest = setTimeout(rested, RESTS); // of the engine: so many milliseconds without a key
}

// Fixes come late: those of a fault that stands there as before stay meanwhile.
const key = (fault) => JSON.stringify([fault.code, fault.message, fault.place.line]);
function withKnownFixes(fault) {
  const same = found.faults.find((each) => key(each) === key(fault) && each.place.start === fault.place.start);
  return same ? { ...fault, fixes: same.fixes } : fault;
}

function make(tag, className, content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
}

function show() {
  editor.show(found);
  showFaults();
  showParameters();
  byId("facts").textContent = found.facts;
  byId("image").alt = `Picture of ${found.net}: ${found.facts || "as far as it goes"}`;
  net.replaceChildren(...found.nets.map((each) => new Option(each, each, false, each === found.net)));
  net.disabled = found.nets.length < 2;
}

// What is given to parameters is as if the text gave it, until another net is chosen.
let fielded = "";
function showParameters() {
  byId("refused").textContent = found.refused;
  const names = Object.keys(found.parameters);
  const now = JSON.stringify([found.net, names]);
  if (!names.length) return; // the text is broken now: the fields stay
  if (now !== fielded) byId("fields").replaceChildren(...names.map(fieldOf));
  fielded = now;
  byId("parameters").hidden = false;
  for (const field of byId("fields").querySelectorAll("input")) {
    field.placeholder = found.parameters[field.name];
  }
}

function fieldOf(parameter) {
  const label = make("label", "", `${parameter || "input"} `);
  const field = make("input");
  Object.assign(field, { name: parameter, value: given[parameter] ?? "", spellcheck: false, autocomplete: "off" });
  field.addEventListener("input", () => {
    const { [parameter]: _, ...others } = given;
    chosen = found.net;
    given = field.value.trim() ? { ...others, [parameter]: field.value } : others;
    askAnew();
  });
  label.append(field);
  return label;
}

let listed = "";
function showFaults() {
  const now = JSON.stringify(found.faults);
  if (now === listed) return; // a button that is being pressed stays
  listed = now;
  const count = (severity) => found.faults.filter((fault) => fault.severity === severity).length;
  const words = ["error", "warning", "note"].map((each) => [count(each), each]).filter(([n]) => n);
  byId("count").textContent = words.map(([n, each]) => `${n} ${each}${n > 1 ? "s" : ""}`).join(", ") || "no faults";
  faults.replaceChildren(...found.faults.map(faultItem));
}

function faultItem(fault) {
  const item = make("li", fault.severity);
  item.append(placeOf(fault.place), ` ${fault.code}: ${fault.message}`);
  for (const note of fault.notes) {
    const line = make("div", "notes", note.message);
    if (note.place) line.prepend(placeOf(note.place), " ");
    item.append(line);
  }
  const fixes = make("div", "fixes");
  for (const fix of fault.fixes) {
    if (!fix.edits.length) {
      fixes.append(make("span", "", fix.title));
      continue;
    }
    const button = make("button", "", fix.title);
    button.type = "button";
    button.addEventListener("click", () => editor.mend(fix.edits));
    fixes.append(button);
  }
  if (fault.fixes.length) item.append(fixes);
  return item;
}

function placeOf(place) {
  if (place.file) return make("span", "", `${place.file}:${place.line}`);
  const button = make("button", "place", `line ${place.line}`);
  button.type = "button";
  button.addEventListener("click", () => editor.select(place));
  return button;
}

let shown = "";
let drawn = null; // the picture as a file
function showPicture(answer) {
  byId("problem").textContent = answer.problem || "";
  byId("picture").classList.toggle("old", !answer.picture);
  if (!answer.picture) return;
  URL.revokeObjectURL(shown);
  drawn = new Blob([answer.picture], { type: "image/svg+xml" });
  shown = URL.createObjectURL(drawn);
  const image = byId("image");
  image.src = shown;
  image.hidden = false;
}

async function saveFigure(form) {
  if (!drawn) return;
  let content = drawn;
  if (form === "png") content = await pixels();
  if (form === "pdf") {
    const { pdf, problem } = await ask("/paint", { ...question(), ...look(), form });
    if (!pdf) throw new Error(problem);
    content = new Blob([Uint8Array.from(atob(pdf), (letter) => letter.charCodeAt())]);
  }
  handOver(`${found.net}.${form}`, content);
}

function pixels() {
  const { naturalWidth: width, naturalHeight: height } = byId("image");
  const by = Math.min(SHARPER, WIDEST / Math.max(width, height));
  const canvas = Object.assign(make("canvas"), { width: width * by, height: height * by });
  canvas.getContext("2d").drawImage(byId("image"), 0, 0, canvas.width, canvas.height);
  return new Promise((keep) => canvas.toBlob(keep, "image/png"));
}

function handOver(file, content) {
  const address = URL.createObjectURL(content);
  Object.assign(make("a"), { href: address, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// Files

function tell(words) {
  byId("state").textContent = words;
}

function showState() {
  const unsaved = isUnsaved();
  tell(unsaved ? "not saved" : "saved");
  byId("save").disabled = !unsaved;
  byId("save").textContent = "Save";
  document.title = (unsaved ? "• " : "") + name;
}

async function save() {
  const written = editor.text();
  try {
    const { stamp } = await ask("/save", { text: written, stamp: overwrites ? null : stored.stamp });
    stored = { ...stored, text: written, stamp };
    overwrites = false;
    showState();
  } catch (problem) {
    tell(problem.message);
    overwrites = problem.status === 409;
    if (overwrites) byId("save").textContent = "Save anyway";
  }
}

function showFile(opened) {
  stored = opened;
  const names = [...new Set([...opened.names, name])].sort();
  file.replaceChildren(...names.map((each) => new Option(each, each, false, each === name)));
  chosen = "";
  given = {};
  found = nothing;
  editor.open(opened.text);
  follow();
  typed();
}

const isUnsaved = () => editor.text() !== stored.text;
const mayLeave = () => !isUnsaved() || confirm(`Leave ${name} without saving it?`);

// A network of the zoo becomes a file where it is saved, beside those that are there.
async function copy(wanted) {
  zoo.value = "";
  if (!mayLeave()) return;
  try {
    const made = await ask("/zoo", { net: wanted });
    name = made.name;
    const there = await ask("/open", {});
    showFile({ ...there, text: made.text });
    stored = there;
    showState();
  } catch (problem) {
    tell(problem.message);
  }
}

// What someone else wrote is taken from there, but where it is changed here, too.
async function fileChanged({ stamp, uses }) {
  if (uses) askAnew();
  if (stamp === stored.stamp || isUnsaved()) return;
  const asked = name;
  const there = await ask("/open", {});
  if (asked !== name || isUnsaved() || there.stamp === stored.stamp) return;
  stored = there;
  editor.take(there.text);
}

async function open(wanted) {
  if (!mayLeave()) {
    file.value = name;
    return;
  }
  const before = name;
  name = wanted;
  try {
    showFile(await ask("/open", {}));
  } catch (problem) {
    name = file.value = before;
    tell(problem.message);
  }
}

net.addEventListener("change", async () => {
  chosen = net.value;
  given = {};
  await compile();
  rested();
});
file.addEventListener("change", () => open(file.value));
zoo.replaceChildren(new Option("copy of …", ""), ...start.zoo.map((each) => new Option(each)));
zoo.addEventListener("change", () => copy(zoo.value));
byId("figure").addEventListener("click", ({ target }) => {
  if (target.type === "button") saveFigure(target.textContent.toLowerCase()).catch(({ message }) => tell(message));
});
byId("save").addEventListener("click", save);
byId("view").addEventListener("change", paint);
dark.addEventListener("change", paint);
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    save();
  }
});
addEventListener("beforeunload", (event) => {
  if (isUnsaved()) event.preventDefault();
});
showFile(start);
