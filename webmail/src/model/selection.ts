// Which conversations are picked, and at which row the keyboard is.
import { createSignal } from "solid-js";
import type { Id } from "../jmap/types";

const [selected, setSelected] = createSignal<ReadonlySet<Id>>(new Set());
const [cursor, setCursor] = createSignal(0);
export { cursor, selected, setCursor };

let anchor = 0; // the row of the last pick, for ranges

export function toggle(thread: Id, row: number): void {
  anchor = row;
  const next = new Set(selected());
  if (!next.delete(thread)) next.add(thread);
  setSelected(next);
}

// From the row picked last to this one.
export function reach(row: number, threads: (Id | undefined)[]): void {
  const [from, to] = anchor < row ? [anchor, row] : [row, anchor];
  setSelected(new Set([...selected(), ...threads.slice(from, to + 1).flatMap((id) => id ?? [])]));
}

export function pick(threads: Id[]): void {
  setSelected(new Set(threads));
}

export function pickNone(): void {
  setSelected(new Set<Id>());
}
