// Chat: turns go in, the answer streams out, with the time to its first token and its rate.

import { events, send } from "./api.js";
import { element, say } from "./dom.js";
import { Panel } from "./panel.js";
import { prose } from "./prose.js";

const NEAR = 120; // Pixels from the end of the conversation within which a reader wants to follow the text.

export function chat() {
  const turns = [];
  const panel = new Panel("chat", describe, converse);
  const { find } = panel;
  const [input, system, temperature] = ["#chat-input", "#chat-system", "#chat-temperature"].map(find);
  const thread = find(".thread");

  function describe() {
    const { value } = system;
    const before = value.trim() ? [{ role: "system", content: value }] : [];
    const messages = [...before, ...turns, { role: "user", content: input.value.trim() || "Hello" }];
    const heat = "untouched" in temperature.dataset ? {} : { temperature: Number(temperature.value) };
    const stream = { stream: true, stream_options: { include_usage: true } };
    return { path: "v1/chat/completions", json: { model: panel.model, messages, ...heat, ...stream } };
  }

  async function converse(request, signal) {
    const said = input.value.trim();
    if (!said) return;
    const asked = show("You", "user");
    asked.text.textContent = said;
    const reply = show(panel.model, "assistant");
    take("");
    try {
      await stream(request, signal, reply);
    } catch (error) {
      reply.stopped = error.name === "AbortError";
      if (!reply.said) takeBack(said, [asked, reply]);
      if (!reply.stopped) throw error;
    } finally {
      finish(said, reply);
    }
  }

  // An answer that never began leaves no turn: the message returns to where it was typed.
  function takeBack(said, shown) {
    for (const { node } of shown) node.remove();
    if (!input.value) take(said);
    find(".suggestions").hidden = turns.length > 0;
  }

  async function stream(request, signal, reply) {
    const sent = performance.now();
    const response = await send(request, signal);
    for await (const { choices, usage } of events(response)) {
      if (usage) reply.tokens = usage.completion_tokens;
      const delta = choices?.[0]?.delta?.content;
      if (!delta) continue;
      reply.said += delta;
      reply.chunks += 1;
      reply.last = performance.now() - sent;
      reply.first ??= reply.last;
      draw(reply);
    }
  }

  function finish(said, reply) {
    if (!reply.node.isConnected) return;
    turns.push({ role: "user", content: said }, { role: "assistant", content: reply.said });
    following(() => {
      reply.text.replaceChildren(...prose(reply.said));
      reply.node.append(element("p", { className: "figures" }, figures(reply)));
    });
    reply.node.removeAttribute("aria-busy");
    find("#chat-new").hidden = false;
  }

  // Once a frame, however fast the tokens come.
  function draw(reply) {
    reply.frame ??= requestAnimationFrame(() => {
      reply.frame = null;
      if (reply.node.hasAttribute("aria-busy")) following(() => reply.text.replaceChildren(...prose(reply.said)));
    });
  }

  // How far the conversation reaches below the window; what comes after it, on a phone, does not count.
  const below = () => find("form").getBoundingClientRect().bottom - innerHeight;
  const toEnd = () => scrollBy(0, Math.max(0, below()));

  function following(change) {
    const follow = below() < NEAR;
    change();
    if (follow) toEnd();
  }

  function show(name, role) {
    find(".suggestions").hidden = true;
    const text = element("div", { className: "text" });
    const node = element("article", { className: `turn ${role}` }, element("h3", {}, name), text);
    // Read out when it is complete, not word by word.
    if (role === "assistant") node.setAttribute("aria-busy", "true");
    thread.append(node);
    toEnd();
    return { node, text, said: "", chunks: 0 };
  }

  function take(text) {
    input.value = text;
    grow();
    panel.refresh();
  }

  const grow = () => {
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight}px`;
  };

  function restart() {
    panel.running?.abort();
    turns.length = 0;
    thread.replaceChildren();
    find(".suggestions").hidden = false;
    find("#chat-new").hidden = true;
    panel.fail("");
    panel.refresh();
    input.focus();
  }

  input.addEventListener("input", grow);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!panel.running) find("form").requestSubmit();
  });
  temperature.addEventListener("input", () => {
    delete temperature.dataset.untouched;
    say(find("output[for=chat-temperature]"), Number(temperature.value).toFixed(1));
    panel.refresh();
  });
  find("#chat-new").addEventListener("click", restart);
  for (const suggestion of panel.root.querySelectorAll(".suggestion")) {
    suggestion.addEventListener("click", () => {
      take(suggestion.textContent);
      input.focus();
    });
  }
  return panel;
}

function figures({ first, last, chunks, tokens = chunks, stopped }) {
  const parts = [];
  if (first !== undefined) parts.push(`first token ${Math.round(first)} ms`);
  if (tokens > 1) parts.push(`${(((tokens - 1) * 1000) / (last - first)).toFixed(0)} tokens/s`, `${tokens} tokens`);
  if (stopped) parts.push("stopped");
  return parts.join(" · ");
}
