// The API key that a person typed: kept for this tab, sent as a bearer token with each request.

const SLOT = "api-key";

export function authorization() {
  const key = sessionStorage.getItem(SLOT);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

export function bindKey(input, state, changed) {
  const show = () => {
    state.textContent = input.value ? "set" : "";
  };
  input.value = sessionStorage.getItem(SLOT) ?? "";
  show();
  input.addEventListener("change", () => {
    sessionStorage.setItem(SLOT, input.value.trim());
    show();
    changed();
  });
}
