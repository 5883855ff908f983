// Compare: sentences go in, their similarities come out as a heat table, and the closest pair by name.

import { element, lines, say } from "./dom.js";
import { answer, Panel } from "./panel.js";

const MOST = 40; // Rows that a table can still be read with.

export function compare() {
  const panel = new Panel("compare", describe, embed);
  const { find } = panel;

  function describe() {
    const input = lines(find("#compare-text").value);
    return { path: "v1/embeddings", json: { model: panel.model, input, encoding_format: "float" } };
  }

  async function embed(request, signal) {
    const { input } = request.json;
    if (input.length < 2) throw new Error("Two sentences or more can be compared; write one per line.");
    if (input.length > MOST) throw new Error(`At most ${MOST} sentences fit the table; these are ${input.length}.`);
    const sent = performance.now();
    const { data } = await answer(request, signal);
    const took = Math.round(performance.now() - sent);
    const vectors = data.sort((a, b) => a.index - b.index).map(({ embedding }) => embedding);
    const table = vectors.map((a) => vectors.map((b) => cosine(a, b)));
    find(".heat").replaceChildren(...heat(input, table));
    find(".closest").replaceChildren(...closest(input, table));
    say(find(".figures"), `${input.length} vectors of ${vectors[0].length} dimensions · ${took} ms`);
    find(".result").hidden = false;
  }

  return panel;
}

function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function closest(input, table) {
  const pairs = table.flatMap((row, i) => row.slice(0, i).map((value, j) => ({ value, i, j })));
  const { value, i, j } = pairs.reduce((best, pair) => (pair.value > best.value ? pair : best));
  const heading = element("p", { className: "label" }, `Closest: ${j + 1} and ${i + 1}`);
  return [heading, element("p", { className: "pair" }, input[j]), element("p", { className: "pair" }, input[i]), element("p", { className: "score" }, value.toFixed(3))];
}

// The heat spans what is on show, from the least to the most alike: a model's similarities may all lie between 0.7 and 0.9.
function heat(input, table) {
  const others = table.flatMap((row, i) => row.filter((_, j) => i !== j));
  const [least, most] = [Math.min(...others), Math.max(...others)];
  const cell = (value, i, j) => {
    const node = element("td", { title: `${j + 1} and ${i + 1}: ${value.toFixed(4)}` }, i === j ? "" : written(value));
    if (i === j) node.className = "self";
    else node.style.setProperty("--heat", (value - least) / (most - least || 1));
    return node;
  };
  const numbers = element("tr", {}, element("td"), ...input.map((_, j) => element("th", { scope: "col" }, j + 1)));
  const rows = table.map((row, i) => element("tr", {}, head(input[i], i), ...row.map((value, j) => cell(value, i, j))));
  return [element("thead", {}, numbers), element("tbody", {}, ...rows)];
}

function written(value) {
  return value.toFixed(2).replace("-0.00", "0.00").replace("-", "\u2212");
}

function head(sentence, i) {
  const words = element("span", { className: "sentence", title: sentence }, sentence);
  return element("th", { scope: "row" }, element("span", { className: "index" }, i + 1), words);
}
