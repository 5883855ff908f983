// Rank: a query and passages go in, the passages come out by relevance, each with a bar and the place it came from.

import { element, lines, say } from "./dom.js";
import { answer, Panel } from "./panel.js";

export function rank() {
  const panel = new Panel("rank", describe, rerank);
  const { find } = panel;

  function describe() {
    const json = { model: panel.model, query: find("#rank-query").value, documents: lines(find("#rank-passages").value) };
    return { path: "v1/rerank", json: { ...json, return_documents: false } };
  }

  async function rerank(request, signal) {
    const { documents } = request.json;
    const sent = performance.now();
    const { results } = await answer(request, signal);
    const took = Math.round(performance.now() - sent);
    const sorted = results.sort((a, b) => b.relevance_score - a.relevance_score);
    find(".bars").replaceChildren(...sorted.map(({ index, relevance_score: score }) => bar(documents[index], index, score)));
    say(find(".figures"), `${documents.length} passages · ${took} ms`);
    find(".result").hidden = false;
  }

  return panel;
}

function bar(passage, index, score) {
  const fill = element("span", { className: "fill" });
  fill.style.setProperty("--share", score);
  return element(
    "li",
    {},
    element("span", { className: "score" }, written(score)),
    element("p", {}, passage),
    element("span", { className: "track" }, fill),
    element("span", { className: "was" }, `line ${index + 1}`),
  );
}

// Cross-encoders give scores such as 0.00003; three decimals would call them all nothing.
function written(score) {
  return score >= 0.001 || score === 0 ? score.toFixed(3) : score.toExponential(0);
}
