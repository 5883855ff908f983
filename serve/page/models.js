// Models: what /health tells goes in, one row per model comes out, with its state and the reason for it.

import { element, say } from "./dom.js";

const WORDS = { ok: "ready", starting: "starting", unavailable: "unavailable" };
const TASKS = { llm: "chat", stt: "transcription", tts: "speech", embeddings: "embeddings", rerank: "reranking" };

export function fleet(root) {
  let shown = "";
  return (models) => {
    const told = JSON.stringify(models);
    if (told === shown) return;
    shown = told;
    const entries = Object.entries(models);
    root.querySelector(".fleet").replaceChildren(...entries.map(([name, model]) => row(name, model)));
    say(root.querySelector(".empty"), entries.length ? "" : "No model is served: the values file lists none.");
  };
}

function row(name, { task, engine, accelerator, names, status, reason }) {
  const dot = element("span", { className: "dot" });
  dot.dataset.status = status;
  const others = names?.length ? [element("span", { className: "aliases" }, `also ${names.join(", ")}`)] : [];
  const item = element(
    "li",
    {},
    element("div", { className: "who" }, element("strong", {}, name), ...others),
    element("span", { className: "does" }, TASKS[task] ?? task),
    element("span", { className: "where" }, `${engine} on ${accelerator}`),
    element("span", { className: "status" }, dot, WORDS[status] ?? status),
  );
  if (reason) item.append(element("p", { className: "reason" }, reason));
  return item;
}
