// The API: a described request goes in, its answer comes out, or an ApiError with the message that the API gave.
//
// A request is {path, json} or {path, form: [[name, value], ...]}, or {path} alone for GET; curl.js writes the same
// description as a command, so what a panel shows is what it sends.

import { authorization } from "./key.js";

export class ApiError extends Error {}

export function address(path) {
  return new URL(path, document.baseURI).href;
}

export async function send(request, signal) {
  const response = await reach(request, signal);
  if (!response.ok) throw new ApiError(message(await response.text(), response));
  return response;
}

// The events of a streamed answer, each as the object that it carries.
export async function* events(response) {
  for await (const line of textLines(response.body)) {
    if (!line.startsWith("data:")) continue;
    const data = line.slice(5).trim();
    if (data === "[DONE]") return;
    const event = JSON.parse(data);
    if (event.error) throw new ApiError(event.error.message ?? String(event.error));
    yield event;
  }
}

async function reach({ path, json, form }, signal) {
  const method = json || form ? "POST" : "GET";
  const headers = { ...authorization(), ...(json && { "Content-Type": "application/json" }) };
  const init = { method, headers, signal, body: json ? JSON.stringify(json) : form && formData(form) };
  try {
    return await fetch(address(path), init);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // Stopped or timed out; a TypeError is fetch's "nobody is there".
    throw new ApiError(`No answer from ${location.host}. Is the service running?`);
  }
}

function formData(fields) {
  const data = new FormData();
  for (const [name, value] of fields) data.append(name, value);
  return data;
}

function message(text, response) {
  try {
    const { error, detail } = JSON.parse(text);
    return error?.message ?? String(error ?? detail ?? text);
  } catch {
    return text.trim().slice(0, 300) || `${response.status} ${response.statusText}`;
  }
}

async function* textLines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const split = (rest + part.value).split(/\r?\n/);
    rest = split.pop();
    yield* split;
  }
  if (rest) yield rest;
}
