"use strict";
// The explorer of a page: the values of one unit behind the tokens, and those of all in a heatmap.
// It reads numbers and texts from the page's data, and writes texts only, never markup.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const [arraySelect, unitInput, numbers] = ["array", "unit", "numbers"].map(byId);
const [passage, readout, canvas] = ["passage", "readout", "heatmap"].map(byId);
let row = data.arrays[0].start; // the place of a unit among those of an array
let token = 0;
let tokens = []; // the elements of the text

const current = () => data.arrays[arraySelect.selectedIndex];

// Values are stored token by token, as whole numbers from -127 to 127 in base 64.
function decode(array) {
  const bytes = Uint8Array.from(atob(array.values), (character) => character.charCodeAt(0));
  return new Int8Array(bytes.buffer);
}
for (const array of data.arrays) array.numbers = decode(array);

const share = (array, t, r) => array.numbers[t * array.units.length + r] / 127;

function cssColor(name, opacity) {
  const parts = getComputedStyle(document.documentElement).getPropertyValue(name);
  return `rgba(${parts}, ${opacity.toFixed(2)})`;
}

function colorOf(value) {
  return cssColor(value < 0 ? "--negative" : "--positive", Math.abs(value));
}

function showTokens() {
  const array = current();
  tokens = data.tokens[array.half].map((text, t) => {
    const element = document.createElement("span");
    element.textContent = text.replace(/\n/g, "\u23ce\n") || "\u00b7";
    element.addEventListener("click", () => { token = t; update(); });
    return element;
  });
  passage.replaceChildren(...tokens);
}

// Of few tokens, the units stand side by side, and the tokens below each other.
const isTurned = () => tokens.length < current().units.length;

// Room for the tokens' labels: at the left of a turned heatmap, else above it.
const margins = () => (isTurned() ? [96, 0] : [0, 16]);

function drawLabels(context, width, height) {
  const style = getComputedStyle(document.documentElement);
  context.fillStyle = style.getPropertyValue("--text");
  context.font = `${isTurned() ? Math.min(height, 13) : 12}px monospace`;
  context.textAlign = isTurned() ? "right" : "center";
  data.tokens[current().half].forEach((text, t) => {
    const label = text.replace(/\n/g, "\u23ce").trim() || "\u2423";
    if (isTurned()) context.fillText(label, -5, (t + 0.8) * height, 90);
    else if (width >= 7) context.fillText(label, (t + 0.5) * width, -4, width);
  });
}

function drawHeatmap() {
  const array = current();
  const size = [tokens.length, array.units.length]; // from left to right, and downwards
  if (isTurned()) size.reverse();
  const width = Math.max(3, Math.min(16, Math.floor(900 / size[0])));
  const height = Math.max(4, Math.min(16, Math.floor((isTurned() ? 800 : 480) / size[1])));
  const [left, top] = margins();
  const [right, bottom] = [size[0] * width, size[1] * height];
  canvas.width = left + right;
  canvas.height = top + bottom;
  const context = canvas.getContext("2d");
  context.translate(left, top);
  drawLabels(context, width, height);
  const colors = Array.from({ length: 255 }, (_, i) => colorOf((i - 127) / 127));
  for (let x = 0; x < size[0]; x++) {
    for (let y = 0; y < size[1]; y++) {
      const [t, r] = isTurned() ? [y, x] : [x, y];
      const number = array.numbers[t * array.units.length + r];
      context.fillStyle = colors[number + 127];
      context.fillRect(x * width, y * height, width, height);
      if (number < 0) context.clearRect((x + 0.4) * width, (y + 0.4) * height, width / 4, height / 4);
    }
  }
  const [x, y] = isTurned() ? [row, token] : [token, row];
  context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--focus");
  context.lineWidth = 2;
  context.strokeRect(0, y * height, right, height);
  context.strokeRect(x * width, 0, width, bottom);
}

function update() {
  const array = current();
  row = Math.max(0, Math.min(row, array.units.length - 1));
  token = Math.max(0, Math.min(token, tokens.length - 1));
  unitInput.value = array.units[row];
  tokens.forEach((element, t) => {
    const value = share(array, t, row);
    element.className = "token" + (value < -0.1 ? " negative" : "") + (t === token ? " current" : "");
    element.style.background = colorOf(0.6 * value); // so that the text can be read
    element.querySelector("small")?.remove();
    if (numbers.checked) {
      const small = document.createElement("small");
      small.textContent = (value * array.maximum).toFixed(2);
      element.append(small);
    }
  });
  const value = (share(array, token, row) * array.maximum).toFixed(2);
  const text = data.tokens[array.half][token];
  readout.textContent = `unit ${array.units[row]} at token ${token}, ${JSON.stringify(text)}: ${value}`;
  drawHeatmap();
}

function changeArray() {
  showTokens();
  update();
}

// Arrows follow what is seen: in the text the tokens run across, in the heatmap either.
function onKey(event) {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  if (event.currentTarget === canvas && isTurned()) move.reverse();
  token += move[0];
  row += move[1];
  update();
}

function choosePlace(event) {
  const box = canvas.getBoundingClientRect();
  const [left, top] = margins();
  const scale = canvas.width / box.width;
  const place = [
    ((event.clientX - box.left) * scale - left) / (canvas.width - left),
    ((event.clientY - box.top) * scale - top) / (canvas.height - top),
  ];
  if (isTurned()) place.reverse();
  token = Math.floor(place[0] * tokens.length);
  row = Math.floor(place[1] * current().units.length);
  update();
}

for (const array of data.arrays) arraySelect.add(new Option(array.name));
arraySelect.addEventListener("change", changeArray);
numbers.addEventListener("change", update);
unitInput.addEventListener("change", () => {
  const found = current().units.indexOf(Number(unitInput.value));
  if (found >= 0) row = found;
  update();
});
byId("previous").addEventListener("click", () => { row -= 1; update(); });
byId("next").addEventListener("click", () => { row += 1; update(); });
for (const element of [passage, canvas]) element.addEventListener("keydown", onKey);
canvas.addEventListener("click", choosePlace);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
changeArray();
