// A described request (see api.js) as a curl command that a shell takes as it stands. A key is named, never shown.

import { address } from "./api.js";
import { authorization } from "./key.js";

export function curl({ path, json, form, output }) {
  const parts = [`curl ${json?.stream ? "-N " : ""}${address(path)}`];
  if (authorization().Authorization) parts.push('-H "Authorization: Bearer $API_KEY"');
  if (json) parts.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(json, null, 2))}`);
  for (const [name, value] of form ?? []) parts.push(`-F ${quoted(`${name}=${value instanceof Blob ? `@${value.name}` : value}`)}`);
  if (output) parts.push(`--output ${output}`);
  return parts.join(" \\\n  ");
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
