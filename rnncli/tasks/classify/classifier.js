// A classifier of rnncli in plain JavaScript: the functions of tasks/classify/predict.py, text by text.
//
// `readModel` reads what the page holds: one file of safetensors, compressed, whose metadata describe
// the model. `classify` gives the probabilities of a text. Shapes: T tokens, H hidden units, C classes.
"use strict";

const UNK = 1, EOS = 3;
const MAX_CHARACTERS = 10000; // longer texts are cut

// --- Arrays --------------------------------------------------------------------------------------

const TYPES = { F32: Float32Array, I32: Int32Array, I8: Int8Array };
const FIRST_CHARACTER = 0x4000, BITS = 15; // of characters that hold bits

async function readModel(text) {
  const packed = bytesIn(text), size = new DataView(packed.buffer).getUint32(0, true);
  const blob = new Blob([packed.subarray(4, 4 + size)]);
  const stream = blob.stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = await new Response(stream).arrayBuffer();
  const start = 8 + Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, start - 8)));
  const model = JSON.parse(header.__metadata__.description);
  model.arrays = {};
  delete header.__metadata__;
  for (const [name, { dtype, data_offsets: [from, to] }] of Object.entries(header)) {
    const data = bytes.slice(start + from, start + to);
    model.arrays[name] = dtype === "U8" ? fromHalf(new Uint8Array(data)) : new TYPES[dtype](data);
  }
  model.ids = new Map(model.vocabulary.map((token, id) => [token, id]));
  return model;
}

function bytesIn(text) {
  const bytes = new Uint8Array(Math.floor(text.length * BITS / 8));
  let bits = 0, count = 0, at = 0; // bits that are not in a byte yet
  for (let i = 0; i < text.length; i++) {
    bits = (bits << BITS) | (text.charCodeAt(i) - FIRST_CHARACTER);
    for (count += BITS; count >= 8; count -= 8) bytes[at++] = bits >> (count - 8);
    bits &= 255;
  }
  return bytes;
}

// Half precision, by a table of all its values: each is computed once.
const HALVES = Float32Array.from({ length: 1 << 16 }, (_, half) => {
  const sign = half & 0x8000 ? -1 : 1, exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

// All lower bytes stand before all upper ones.
function fromHalf(bytes) {
  const size = bytes.length / 2, values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = HALVES[bytes[i] | (bytes[size + i] << 8)];
  return values;
}

// --- Texts ---------------------------------------------------------------------------------------

const SPACE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LETTER = "\\p{L}\\p{M}\\p{N}_";
// Python, which the n-grams were learned with, also knows separators of records as spaces.
const PYTHON_SPACE = SPACE + "\\x1c-\\x1f";
const PYTHON_LETTER = "\\p{L}\\p{N}_";

const scripts = (names) => names.map((name) => `\\p{Script=${name}}`).join("");

function plainSigns(text, signs) {
  return [...text.replace(/\p{Surrogate}/gu, "\ufffd")].map((sign) => signs[sign] ?? sign).join("");
}

function encode(text, model) {
  // Character by character: the last sigma of a word is like any other.
  const lower = [...text].map((character) => character.toLowerCase()).join("");
  const pieces = model.level === "char" ? [...lower] : splitWords(lower, model.unspaced_words);
  const ids = pieces.flatMap((piece) => {
    if (model.ids.has(piece)) return [model.ids.get(piece)];
    return model.level === "char" ? bytesOf(piece).map((byte) => model.ids.get(byte)) : [UNK];
  });
  return [...ids, EOS];
}

function splitWords(text, names) {
  const unspaced = scripts(names);
  const letter = `(?:(?![${unspaced}])[${LETTER}])`;
  const word = `${letter}+(?:['’]${letter}{1,2}(?!${letter}))?`;
  const words = new RegExp(`[${unspaced}]|${word}|[^${SPACE}${LETTER}]`, "gu");
  return text.match(words) ?? [];
}

function bytesOf(character) {
  const bytes = [...new TextEncoder().encode(character)];
  return bytes.map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
}

// --- N-grams: tasks/classify/ngrams.py -------------------------------------------------------------

const BEGIN = 2n, END = 3n, GAP = 1n;
const OFFSET_BASIS = 0xcbf29ce484222325n, PRIME = 0x100000001b3n;

function buckets(text, features) {
  const spaces = new RegExp(`[${PYTHON_SPACE}]+`, "gu");
  const folded = text.toLowerCase().replace(spaces, " ").replace(/^ | $/g, "");
  const found = new Set();
  const add = (hash) => found.add(Number(hash % BigInt(features.buckets)));
  const others = "\\u3000-\\u303f\\u30a0-\\u30ff\\uff01-\\uff9f"; // punctuation, full-width forms
  const unspaced = new RegExp(`[${scripts(features.unspaced)}${others}]`, "gu");
  const spaced = features.splits_unspaced ? folded.replace(unspaced, " $& ") : folded;
  const word = `[${PYTHON_LETTER}]+(?:['’][${PYTHON_LETTER}]+)*`;
  const words = new RegExp(`[぀-ヿ㐀-鿿]|${word}|[^${PYTHON_LETTER}${PYTHON_SPACE}]`, "gu");
  const hashes = (spaced.match(words) ?? []).map(crc32);
  addNgrams([BEGIN, ...hashes, END], features.word_orders, features.max_skip, add);
  const characters = [...folded].map((character) => BigInt(character.codePointAt(0)));
  addNgrams([BEGIN, ...characters, END], features.character_orders, 0, add);
  return found;
}

function addNgrams(values, orders, maxSkip, add) {
  const longest = Math.max(0, ...orders);
  for (let start = 0; start < values.length; start++) {
    let hash = OFFSET_BASIS;
    for (let n = 1; n <= longest && start + n <= values.length; n++) {
      hash = hashed(hash, values[start + n - 1]);
      if (orders.includes(n)) add(hash);
    }
    if (orders.length === 0) continue;
    const first = hashed(hashed(OFFSET_BASIS, values[start]), GAP);
    for (let skip = 2; skip <= maxSkip && start + skip < values.length; skip++) {
      add(hashed(first, values[start + skip]));
    }
  }
}

// FNV-1a over values, with the high bits mixed into the low ones.
function hashed(hash, value) {
  hash = BigInt.asUintN(64, (hash ^ value) * PRIME);
  return hash ^ (hash >> 29n);
}

function crc32(word) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(word)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return BigInt((crc ^ 0xffffffff) >>> 0);
}

function ngramLogits(text, model) {
  const { "ngrams.buckets": known, "ngrams.weight": weight, "ngrams.bias": bias } = model.arrays;
  const found = buckets(text, model.features);
  const sums = new Float64Array(bias.length);
  for (const bucket of found) {
    const row = rowOf(known, bucket);
    if (row < 0) continue;
    for (let c = 0; c < sums.length; c++) sums[c] += weight[row * sums.length + c];
  }
  const scale = model.features.normalised ? 1 / Math.sqrt(Math.max(found.size, 1)) : 1;
  return Array.from(sums, (sum, c) => sum * scale + bias[c]);
}

function rowOf(ascending, value) {
  let low = 0, high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1;
    else high = middle;
  }
  return ascending[low] === value ? low : -1;
}

// --- The network: networks/cells_numpy.py and encoder_numpy.py -------------------------------------

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

// Each takes the inputs W x + b of all gates, the products U h + b, and the state; it returns h.
const CELLS = {
  rnn: (x, u, h) => h.map((_, i) => Math.tanh(x[i] + u[i])),
  lstm: (x, u, h, c) => {
    const H = h.length, gate = (number, i) => x[number * H + i] + u[number * H + i];
    return h.map((_, i) => {
      c[i] = sigmoid(gate(1, i)) * c[i] + sigmoid(gate(0, i)) * Math.tanh(gate(2, i));
      return sigmoid(gate(3, i)) * Math.tanh(c[i]);
    });
  },
  gru: (x, u, h) => {
    const H = h.length;
    return h.map((_, i) => {
      const r = sigmoid(x[i] + u[i]), z = sigmoid(x[H + i] + u[H + i]);
      const n = Math.tanh(x[2 * H + i] + r * u[2 * H + i]);
      return (1 - z) * n + z * h[i];
    });
  },
  mingru: (x, u, h) => {
    const H = h.length;
    return h.map((_, i) => {
      const z = sigmoid(x[i]), v = x[H + i], g = v >= 0 ? v + 0.5 : sigmoid(v);
      return (1 - z) * h[i] + z * g;
    });
  },
};

function linear(weight, bias, x) {
  const product = new Float64Array(bias);
  for (let row = 0, at = 0; row < product.length; row++) {
    let sum = 0;
    for (let i = 0; i < x.length; i++, at++) sum += weight[at] * x[i];
    product[row] += sum;
  }
  return product;
}

function embed(id, model) {
  const { "encoder.embedding.weight": trained, "encoder.embedding.vectors": vectors } = model.arrays;
  const E = model.embedding_dim, D = model.vectors_dim, scale = Math.sqrt(E);
  const row = id < trained.length / E ? id : UNK;
  const x = new Float64Array(E + D);
  for (let i = 0; i < E; i++) x[i] = trained[row * E + i] * scale;
  for (let i = 0; i < D; i++) x[E + i] = vectors[id * D + i] * model.step;
  return x;
}

function runDirection(steps, backward, prefix, model) {
  const weight = (name) => model.arrays[prefix + name];
  const H = model.hidden_size, hasRecurrentWeights = weight("weight_hh") !== undefined;
  const outputs = new Array(steps.length), c = new Float64Array(H);
  let h = new Float64Array(H);
  for (let t = 0; t < steps.length; t++) {
    const place = backward ? steps.length - 1 - t : t;
    const x = linear(weight("weight_ih"), weight("bias_ih"), steps[place]);
    const u = hasRecurrentWeights ? linear(weight("weight_hh"), weight("bias_hh"), h) : null;
    outputs[place] = h = CELLS[model.cell](x, u, h, c);
  }
  return { outputs, last: h };
}

function networkLogits(ids, model) {
  let steps = ids.map((id) => embed(id, model)), last = [];
  for (let layer = 0; layer < model.num_layers; layer++) {
    const directions = Array.from({ length: model.directions }, (_, direction) =>
      runDirection(steps, direction === 1, `encoder.layers.${layer}.${direction}.`, model));
    last = directions.flatMap((direction) => [...direction.last]);
    steps = steps.map((_, t) =>
      Float64Array.from(directions.flatMap(({ outputs }) => [...outputs[t]])));
  }
  const maximum = last.map((_, i) => steps.reduce((most, x) => Math.max(most, x[i]), -Infinity));
  const mean = last.map((_, i) => steps.reduce((sum, x) => sum + x[i], 0) / steps.length);
  const pooled = [...maximum, ...mean, ...last];
  return [...linear(model.arrays["head.output.weight"], model.arrays["head.output.bias"], pooled)];
}

// --- Probabilities ---------------------------------------------------------------------------------

function logSoftmax(logits) {
  const most = Math.max(...logits);
  const total = Math.log(logits.reduce((sum, x) => sum + Math.exp(x - most), 0)) + most;
  return logits.map((x) => x - total);
}

function classify(text, model) {
  const start = [...text.normalize("NFC")].slice(0, MAX_CHARACTERS).join("");
  const plain = plainSigns(start, model.plain_signs);
  const members = [networkLogits(encode(plain, model), model)];
  if (model.features) members.push(ngramLogits(plain, model));
  const logits = members.map(logSoftmax).reduce(
    (sums, member, k) => sums.map((sum, c) => sum + model.weights[k] * member[c]),
    new Array(model.labels.length).fill(0));
  return logSoftmax(logits).map(Math.exp);
}

// --- The page --------------------------------------------------------------------------------------

async function start() {
  const text = document.querySelector("textarea"), table = document.querySelector("tbody");
  const model = await readModel(document.getElementById("model").textContent.trim());
  const show = () => {
    const probabilities = text.value.trim() ? classify(text.value, model) : [];
    const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
    table.replaceChildren(...order.slice(0, 20).map((label) => {
      const row = document.createElement("tr"), bar = document.createElement("meter");
      bar.value = probabilities[label];
      row.insertCell().textContent = model.labels[label];
      row.insertCell().append(bar);
      row.insertCell().textContent = `${(100 * probabilities[label]).toFixed(1)} %`;
      return row;
    }));
  };
  let timer;
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 50); // once typing pauses: a long text takes longer than a key
  });
  text.disabled = false;
  text.focus();
  show();
}

if (typeof document !== "undefined") start();
