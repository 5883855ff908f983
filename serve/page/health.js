// The state of every model: asks /health again and again, and hands each answer on as {models, outage}.
//
// A person waits for a model that is starting, so it asks more often while one is not ready, and not while nobody looks.

import { send } from "./api.js";

const CALM = 5000;
const EAGER = 1500;

export function watchHealth(listener) {
  let models = null;
  let timer;

  async function ask() {
    clearTimeout(timer);
    let outage = "";
    try {
      ({ models } = await (await send({ path: "health" }, AbortSignal.timeout(10_000))).json());
    } catch (error) {
      outage = error.name === "TimeoutError" ? "The service takes long to answer. Trying again." : `${error.message} Trying again.`;
    }
    listener({ models, outage });
    const settled = !outage && Object.values(models).every((model) => model.status === "ok");
    clearTimeout(timer); // A change of the key may have asked meanwhile.
    if (!document.hidden) timer = setTimeout(ask, settled ? CALM : EAGER);
  }

  document.addEventListener("visibilitychange", () => document.hidden || ask());
  ask();
  return ask;
}
