// Sound: a streamed answer plays while it arrives, where the browser can; a microphone becomes a recording and a level.

export const TYPES = { mp3: "audio/mpeg", wav: "audio/wav", flac: "audio/flac", opus: "audio/ogg", aac: "audio/aac" };

// Plays `response` on `audio` and returns all of it; `heard` is told the bytes that have come so far.
export async function playArriving(response, type, audio, heard) {
  const sink = globalThis.MediaSource?.isTypeSupported(type) ? await openSource(audio, type) : null;
  const parts = [];
  let bytes = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    heard((bytes += part.value.length));
    if (sink) await sink.append(part.value);
  }
  const whole = new Blob(parts, { type });
  if (sink) sink.end();
  else play(audio, whole);
  return whole;
}

export function play(audio, blob) {
  release(audio);
  audio.src = URL.createObjectURL(blob);
  begin(audio);
}

export function load(audio, blob) {
  release(audio);
  audio.src = URL.createObjectURL(blob);
}

async function openSource(audio, type) {
  const source = new MediaSource();
  release(audio);
  audio.src = URL.createObjectURL(source);
  await new Promise((opened) => source.addEventListener("sourceopen", opened, { once: true }));
  const buffer = source.addSourceBuffer(type);
  begin(audio);
  const settled = () => new Promise((done) => buffer.addEventListener("updateend", done, { once: true }));
  return {
    append(bytes) {
      buffer.appendBuffer(bytes);
      return settled();
    },
    end: () => source.readyState === "open" && source.endOfStream(),
  };
}

// A browser may refuse to play unasked; the controls are there.
function begin(audio) {
  audio.play().catch(() => {});
}

function release(audio) {
  if (audio.src) URL.revokeObjectURL(audio.src);
}

// Records until `stop()`, which gives the recording; `level` hears the loudness from 0 to 1 about sixty times a second.
export async function record(level) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const measure = () => {
    if (recorder.state === "inactive") return;
    analyser.getFloatTimeDomainData(samples);
    level(Math.min(1, 3 * Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length)));
    requestAnimationFrame(measure);
  };
  recorder.start();
  measure();
  return async () => {
    const stopped = new Promise((done) => recorder.addEventListener("stop", done, { once: true }));
    recorder.stop();
    await stopped;
    for (const track of stream.getTracks()) track.stop();
    await context.close();
    const type = recorder.mimeType.split(";")[0];
    return new File(parts, `recording.${type.split("/")[1]}`, { type });
  };
}
