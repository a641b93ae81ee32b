// The panel that tells the numbers of the layers that are shown.

const MOST_GROUPS = 6;
const told = document.getElementById("told");
const hint = told.firstElementChild;

function make(tag, text, ...children) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

function counted(number, words) {
  return `${number.toLocaleString("en")} ${words}${number === 1 ? "" : "s"}`;
}

function sum(layers, name) {
  return layers.reduce((total, layer) => total + data.layers[layer][name], 0);
}

// Copies of a layer are told once: layers by their words.
function groupsOf(layers) {
  const groups = new Map();
  for (const layer of layers) {
    const { words } = data.layers[layer];
    if (!groups.has(words)) groups.set(words, []);
    groups.get(words).push(layer);
  }
  return [...groups.values()];
}

// What the layers of a group have alike, or the first's and the last's.
function span(group, value) {
  const [first, last] = [value(data.layers[group[0]]), value(data.layers[group.at(-1)])];
  return first === last ? first : `${first} … ${last}`;
}

function placeOf([file, line]) {
  return `${data.files[file]}:${line}`;
}

function weightsOf(layer) {
  return layer.tensors.map((tensor) => {
    const numbers = tensor.elements.toLocaleString("en");
    const fixed = tensor.trained ? "" : ", not trained";
    return make("li", `${tensor.name} ${tensor.size} = ${numbers}${fixed}`);
  });
}

function rowsOf(group) {
  const first = data.layers[group[0]];
  const [params, macs] = [sum(group, "params"), sum(group, "macs")];
  const formulas = [first.formula, ...first.worked].filter(Boolean);
  return [
    ["Name", span(group, (layer) => layer.path)],
    ["Shape", span(group, (layer) => [layer.arriving.join(" and "), layer.leaving].filter(Boolean).join(" → "))],
    ["Formula", formulas.length && make("div", "", ...formulas.map((text) => make("code", text)))],
    ["Weights", first.tensors.length && make("ul", "", ...weightsOf(first))],
    ["Parameters", params && params.toLocaleString("en")],
    ["MACs", macs && macs.toLocaleString("en")],
    ["Receptive field", first.field && span(group, (layer) => layer.field)],
    ["Line", first.places.map(placeOf).join(", in ")],
    ["Note", first.note],
  ];
}

function tellGroup(group) {
  const list = make("dl");
  for (const [name, value] of rowsOf(group)) {
    if (!value) continue;
    list.append(make("dt", name), make("dd", "", value));
  }
  const times = group.length > 1 ? ` ×${group.length}` : "";
  const heading = make("h3", data.layers[group[0]].words + times);
  heading.dataset.kind = data.layers[group[0]].kind;
  return make("section", "", heading, list);
}

function tell(layers) {
  if (!layers.length) return told.replaceChildren(hint);
  const groups = groupsOf(layers);
  const content = groups.slice(0, MOST_GROUPS).map(tellGroup);
  if (layers.length > 1) {
    const facts = [
      counted(layers.length, "layer"),
      counted(sum(layers, "params"), "parameter"),
      counted(sum(layers, "macs"), "MAC"),
    ];
    content.unshift(make("p", facts.join(", ")));
  }
  if (groups.length > MOST_GROUPS) {
    content.push(make("p", `and ${counted(groups.length - MOST_GROUPS, "other kind")} of layers: see the table`));
  }
  return told.replaceChildren(...content);
}

// For those who hear the page: a sentence, and only when something was chosen.
function say(layers) {
  const first = layers.length === 1 ? data.layers[layers[0]] : null;
  const what = first ? `${first.path}: ${first.words} to ${first.leaving}` : counted(layers.length, "layer");
  const facts = `${counted(sum(layers, "params"), "parameter")}, ${counted(sum(layers, "macs"), "MAC")}`;
  document.getElementById("said").textContent = layers.length ? `${what}, ${facts}` : "";
}
