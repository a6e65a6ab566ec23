// Keys of one letter, as Gmail has them; "g i" is one after the other. They are silent while somebody types.
export type KeyMap = Record<string, () => void>;

const PAIR = 1_500; // ms between the two keys of a pair
const maps: KeyMap[] = [];
let first = "";
let firstAt = 0;

// The map answers until the function that is returned is called; of several the newest that knows the key.
export function bind(map: KeyMap): () => void {
  maps.push(map);
  return () => void maps.splice(maps.indexOf(map), 1);
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function run(key: string): boolean {
  for (let at = maps.length - 1; at >= 0; --at) {
    const found = maps[at]?.[key];
    if (found) {
      found();
      return true;
    }
  }
  return false;
}

window.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target) || document.querySelector("dialog:modal")) return;
  const key = event.key === " " ? "Space" : event.key;
  // A button or link that has the focus keeps what works it.
  if ((key === "Enter" || key === "Space") && event.target instanceof Element && event.target.closest("a, button, summary, input")) return;
  const pair = first && performance.now() - firstAt < PAIR ? `${first} ${key}` : "";
  first = "";
  if ((pair && run(pair)) || run(key)) event.preventDefault();
  else if (key === "g") {
    first = key;
    firstAt = performance.now();
  }
});
