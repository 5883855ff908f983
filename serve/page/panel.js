// What the panels share: the model's line and selector, the notice while it cannot answer, the curl command, one button
// that starts and stops, and errors as the API words them. `describe` gives the request for the current input.

import { send } from "./api.js";
import { curl } from "./curl.js";
import { element, say } from "./dom.js";

const WORDS = { starting: "is starting", unavailable: "is unavailable" };

export class Panel {
  constructor(id, describe, start) {
    this.root = document.getElementById(id);
    this.find = (selector) => this.root.querySelector(selector);
    this.task = this.root.dataset.task;
    this.describe = describe;
    this.models = {};
    this.running = null;
    this.changed = new EventTarget();
    this.build();
    this.button = this.find("[type=submit]");
    this.label = this.button.textContent;
    this.find("form").addEventListener("submit", (event) => this.submit(event, start));
    this.root.addEventListener("input", () => this.refresh());
  }

  build() {
    const copy = (id) => document.getElementById(id).content.cloneNode(true);
    this.find("header").append(copy("panel-model"));
    this.find("header").after(copy("panel-notice"));
    this.root.append(copy("panel-request"));
    this.select = this.find(".model select");
    this.select.addEventListener("change", () => this.state());
    this.find(".request button").addEventListener("click", (event) => this.copy(event.target));
  }

  get model() {
    return this.select.value;
  }

  get usable() {
    return this.models[this.model]?.status === "ok";
  }

  // Takes the models of this task as /health tells them.
  update(models) {
    const names = Object.keys(models);
    if (names.join() !== Object.keys(this.models).join()) {
      const chosen = names.includes(this.model) ? this.model : names.find((name) => models[name].status === "ok");
      this.select.replaceChildren(...names.map((name) => element("option", {}, name)));
      this.select.value = chosen ?? names[0];
    }
    this.models = models;
    this.state();
  }

  state() {
    const { status, reason, engine, accelerator } = this.models[this.model];
    const several = this.select.options.length > 1;
    this.find(".model .dot").dataset.status = status;
    this.select.hidden = !several;
    say(this.find(".model-name"), several ? "" : this.model);
    say(this.find(".model-place"), `${engine} on ${accelerator}`);
    say(this.find(".notice"), status === "ok" ? "" : `${this.model} ${WORDS[status] ?? status}: ${reason ?? "no reason given"}`);
    this.find(".notice").dataset.status = status;
    this.changed.dispatchEvent(new Event("model"));
    this.refresh();
  }

  refresh() {
    this.button.disabled = !this.running && !this.usable;
    if (!this.model) return;
    const command = curl(this.describe());
    const code = this.find(".request code");
    if (code.textContent !== command) code.textContent = command;
  }

  submit(event, start) {
    event.preventDefault();
    if (this.running) this.running.abort();
    else if (this.usable) this.run(start);
  }

  // Runs `start(request, signal)` with the button as its stop; what fails is shown, and no input is touched.
  async run(start) {
    this.running = new AbortController();
    this.button.textContent = "Stop";
    this.root.setAttribute("aria-busy", "true");
    this.fail("");
    try {
      await start(this.describe(), this.running.signal);
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error.message);
    } finally {
      this.running = null;
      this.button.textContent = this.label;
      this.root.removeAttribute("aria-busy");
      this.refresh();
    }
  }

  fail(message) {
    say(this.find(".error"), message);
  }

  async copy(button) {
    const code = this.find(".request code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // Browsers give no clipboard to plain http: leave the command selected, one keystroke from copied.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  }
}

export async function answer(request, signal) {
  return (await send(request, signal)).json();
}
