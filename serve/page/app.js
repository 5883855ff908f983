// The page's start: the state of the models goes in, the panels that they make possible come out; the address's hash
// says which one is open.

import { chat } from "./chat.js";
import { compare } from "./compare.js";
import { say } from "./dom.js";
import { watchHealth } from "./health.js";
import { bindKey } from "./key.js";
import { fleet } from "./models.js";
import { rank } from "./rank.js";
import { speak } from "./speak.js";
import { transcribe } from "./transcribe.js";

const panels = [chat(), transcribe(), speak(), compare(), rank()];
const links = [...document.querySelectorAll("nav a")];
const showFleet = fleet(document.getElementById("models"));

function open() {
  const offered = links.filter((link) => !link.hidden);
  const chosen = offered.find((link) => link.hash === location.hash) ?? offered[0];
  for (const link of links) {
    document.querySelector(link.hash).hidden = link !== chosen;
    if (link === chosen && !link.hasAttribute("aria-current")) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" }); // On a phone the links are wider than the window.
    } else if (link !== chosen) link.removeAttribute("aria-current");
  }
  document.title = `${chosen.firstChild.textContent.trim()} · ai-inference`;
}

function show({ models, outage }) {
  say(document.getElementById("outage"), outage);
  if (!models) return;
  for (const panel of panels) offer(panel, Object.entries(models).filter(([, model]) => model.task === panel.task));
  showFleet(models);
  count(Object.values(models));
  open();
}

function count(models) {
  const ready = models.filter(({ status }) => status === "ok").length;
  say(document.getElementById("models-count"), models.length ? `${ready} of ${models.length}` : "");
}

// The best state of its models marks a task's link: one that answers is enough to use it.
function offer(panel, entries) {
  const link = links.find(({ dataset }) => dataset.task === panel.task);
  link.hidden = !entries.length;
  const states = entries.map(([, model]) => model.status);
  link.dataset.status = ["ok", "starting"].find((status) => states.includes(status)) ?? "unavailable";
  link.title = link.dataset.status === "ok" ? "" : link.dataset.status; // For who cannot see the mark.
  if (entries.length) panel.update(Object.fromEntries(entries));
}

document.getElementById("host").textContent = location.host;
addEventListener("hashchange", () => {
  open();
  scrollTo(0, 0);
});
const ask = watchHealth(show);
bindKey(document.getElementById("key"), document.getElementById("key-state"), () => {
  for (const panel of panels) panel.refresh();
  ask();
});
open();
