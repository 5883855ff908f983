// Transcribe: a file or a recording goes in, its text, language and segments come out; a segment plays its part.

import { events, send } from "./api.js";
import { element, say } from "./dom.js";
import { meter } from "./meter.js";
import { Panel } from "./panel.js";
import { load, record } from "./sound.js";

const SILENCE = "No speech was recognised.";

export function transcribe() {
  const panel = new Panel("transcribe", describe, recognize);
  const { find } = panel;
  const [file, recorder, language, live] = ["file", "record", "language", "stream"].map((name) => find(`#transcribe-${name}`));
  const [audio, drop] = ["audio", ".drop"].map(find);
  const levels = meter(find(".meter"));
  let recording = null;
  let stop = null;

  function describe() {
    const form = [["model", panel.model], ["response_format", live.checked ? "json" : "verbose_json"]];
    if (live.checked) form.push(["stream", "true"]);
    if (language.value.trim()) form.push(["language", language.value.trim()]);
    return { path: "v1/audio/transcriptions", form: [...form, ["file", recording ?? new File([], "recording.wav")]] };
  }

  async function recognize(request, signal) {
    if (!recording) throw new Error("Choose, drop or record something first.");
    const sent = performance.now();
    const response = await send(request, signal);
    if (live.checked) await listen(response);
    else show(await response.json(), (performance.now() - sent) / 1000);
  }

  async function listen(response) {
    const show = (text) => say(find(".transcript"), text);
    let heard = "";
    show("");
    clear();
    for await (const { type, delta, text } of events(response)) {
      if (type === "transcript.text.delta") show((heard += delta));
      else if (type === "transcript.text.done") show(text.trim() || SILENCE);
    }
  }

  function show({ text, language: spoken, duration, segments }, took) {
    clear();
    say(find(".transcript"), text.trim() || SILENCE);
    say(find(".figures"), `language ${spoken} · ${duration.toFixed(1)} s of sound in ${took.toFixed(1)} s`);
    find(".segments").replaceChildren(...(segments ?? []).map(segmentRow));
  }

  function clear() {
    find(".result").hidden = false;
    say(find(".figures"), "");
    find(".segments").replaceChildren();
  }

  function segmentRow({ start, text }) {
    const button = element("button", { type: "button" }, element("span", { className: "time" }, clock(start)), text.trim());
    button.addEventListener("click", () => {
      audio.currentTime = start;
      audio.play().catch(() => {});
    });
    return element("li", {}, button);
  }

  function take(sound) {
    if (!sound) return;
    recording = sound;
    load(audio, sound);
    find(".recording").hidden = false;
    find(".recording .file").textContent = `${sound.name} · ${Math.ceil(sound.size / 1024)} KB`;
    find(".result").hidden = true;
    panel.fail("");
    panel.refresh();
    if (panel.usable && !panel.running) find("form").requestSubmit();
  }

  async function toggle() {
    try {
      if (stop) take(await finish());
      else await begin();
    } catch (error) {
      listening(null);
      panel.fail(`The microphone cannot be used: ${error.message}`);
    }
  }

  async function begin() {
    levels.clear();
    listening(await record(levels.push));
  }

  function finish() {
    const finished = stop();
    listening(null);
    return finished;
  }

  function listening(stopping) {
    stop = stopping;
    recorder.textContent = stop ? "Stop recording" : "Record";
    find(".meter").hidden = !stop;
    for (const selector of [".drop-title", "#transcribe-file", ".drop .button"]) find(selector).hidden = Boolean(stop);
    say(find("#transcribe-hint"), stop ? "Listening" : "");
  }

  file.addEventListener("change", () => {
    take(file.files[0]);
    file.value = ""; // The same file can be chosen again.
  });
  recorder.addEventListener("click", toggle);
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files[0]);
    });
  }
  if (!navigator.mediaDevices) {
    recorder.disabled = true;
    say(find("#transcribe-hint"), "Browsers record only on https or localhost.");
  }
  return panel;
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
