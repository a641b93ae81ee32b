// What is typed goes to the engine at once for sizes and faults, and when it rests for the picture.
// Of other files: `ask` asks the engine, a server or Python in the browser itself; `makeEditor` makes the editor.

const RESTS = 200; // milliseconds without a key
const LOOKS = 1000; // milliseconds between looks at the file
const byId = (id) => document.getElementById(id);
const [faults, file, zoo, net] = ["faults", "file", "zoo", "net"].map(byId);
const start = JSON.parse(byId("start").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");

const nothing = { sizes: [], faults: [], nets: [], net: "", facts: "" };

let name = start.name;
let stored = start; // as the file is on the disk
let found = nothing;
let chosen = "";
let overwrites = false;

const editor = makeEditor(byId("desk"), {
  table: start.table,
  changed: () => typed(),
  offers: (offset) => ask("/offer", { text: editor.text(), net: chosen, offset }),
});

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
  const [asked, wished] = [editor.text(), chosen];
  const answer = await ask("/compile", { text: asked, net: wished });
  if (asked !== editor.text() || wished !== chosen) return;
  found = { ...answer, faults: answer.faults.map(withKnownFixes) };
  chosen = answer.net;
  show();
});

const finish = lane(async () => {
  const asked = editor.text();
  const answer = await ask("/finish", { text: asked, net: chosen });
  if (asked !== editor.text()) return;
  found.faults = answer.faults;
  byId("table").innerHTML = answer.table;
  show();
});

const paint = lane(async () => {
  const asked = editor.text();
  const view = document.querySelector("[name=view]:checked").value;
  const theme = dark.matches ? "dark" : "light";
  const answer = await ask("/paint", { text: asked, net: chosen, view, theme });
  if (asked === editor.text()) showPicture(answer);
});

function rested() {
  finish();
  paint();
}

let rest = 0;
function typed() {
  overwrites = false;
  showState();
  compile();
  clearTimeout(rest);
  rest = setTimeout(rested, RESTS);
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
  byId("facts").textContent = found.facts;
  net.replaceChildren(...found.nets.map((each) => new Option(each, each, false, each === found.net)));
  net.disabled = found.nets.length < 2;
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
function showPicture(answer) {
  byId("problem").textContent = answer.problem || "";
  byId("picture").classList.toggle("old", !answer.picture);
  if (!answer.picture) return;
  URL.revokeObjectURL(shown);
  shown = URL.createObjectURL(new Blob([answer.picture], { type: "image/svg+xml" }));
  const image = byId("image");
  image.src = shown;
  image.alt = `Picture of ${found.net}: ${found.facts || "as far as it goes"}`;
  image.hidden = false;
  byId("svg").href = shown;
  byId("svg").download = `${found.net}.svg`;
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
  found = nothing;
  editor.open(opened.text);
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

// Another editor may have written the file: what is not changed here is taken from there.
const look = lane(async () => {
  const { stamp } = await ask("/stamp", {});
  if (stamp === stored.stamp || isUnsaved()) return;
  const asked = name;
  const there = await ask("/open", {});
  if (asked !== name || isUnsaved() || there.stamp === stored.stamp) return;
  stored = there;
  editor.take(there.text);
});

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
  await compile();
  rested();
});
file.addEventListener("change", () => open(file.value));
zoo.replaceChildren(new Option("copy of …", ""), ...start.zoo.map((each) => new Option(each)));
zoo.addEventListener("change", () => copy(zoo.value));
setInterval(() => document.hidden || look(), LOOKS);
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
