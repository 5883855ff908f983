// Speak: text, voice and speed go in, speech plays as it arrives and can be kept.

import { send } from "./api.js";
import { element, say } from "./dom.js";
import { answer, Panel } from "./panel.js";
import { playArriving, TYPES } from "./sound.js";

export function speak() {
  const panel = new Panel("speak", describe, synthesize);
  const { find } = panel;
  const [text, voice, speed, format] = ["#speak-text", "#speak-voice", "#speak-speed", "#speak-format"].map(find);
  const [audio, download, figures] = ["audio", "#speak-download", ".figures"].map(find);
  let listed = "";
  let trouble = false;

  function describe() {
    const json = { model: panel.model, input: text.value.trim(), response_format: format.value };
    if (voice.value) json.voice = voice.value;
    if (speed.value !== "1") json.speed = Number(speed.value);
    return { path: "v1/audio/speech", json, output: `speech.${format.value}` };
  }

  async function synthesize(request, signal) {
    const kind = request.json.response_format;
    const sent = performance.now();
    let first;
    find(".result").hidden = false;
    download.hidden = true;
    say(figures, "Waiting for the first sound");
    try {
      const response = await send(request, signal);
      const whole = await playArriving(response, TYPES[kind], audio, (bytes) => {
        first ??= Math.round(performance.now() - sent);
        say(figures, `first sound ${first} ms · ${kilobytes(bytes)}`);
      });
      say(figures, `first sound ${first} ms · all ${Math.round(performance.now() - sent)} ms · ${kilobytes(whole.size)}`);
      offer(whole, `speech.${kind}`);
    } catch (error) {
      find(".result").hidden = first === undefined;
      throw error;
    }
  }

  function offer(whole, name) {
    if (download.href) URL.revokeObjectURL(download.href);
    Object.assign(download, { href: URL.createObjectURL(whole), download: name, hidden: false });
  }

  // The voices belong to the model; they are asked for once it can answer.
  async function listVoices() {
    if (!panel.usable || listed === panel.model) return;
    const model = (listed = panel.model);
    try {
      const { voices } = await answer({ path: `v1/audio/voices?model=${encodeURIComponent(model)}` });
      if (listed !== model) return;
      if (trouble) panel.fail("");
      trouble = false;
      voice.replaceChildren(...voices.map((name) => element("option", {}, name)));
      panel.refresh();
    } catch (error) {
      listed = "";
      trouble = true;
      panel.fail(error.message);
    }
  }

  panel.changed.addEventListener("model", listVoices);
  speed.addEventListener("input", () => say(find("output[for=speak-speed]"), Number(speed.value).toFixed(1)));
  return panel;
}

function kilobytes(bytes) {
  return `${Math.ceil(bytes / 1024)} KB`;
}
