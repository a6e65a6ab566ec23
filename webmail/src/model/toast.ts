// What the page says for a moment, perhaps with a way back.
import { createSignal } from "solid-js";
import { t } from "../i18n";
import { Offline } from "../jmap/client";

export interface Toast {
  text: string;
  undo?: () => void;
  bad?: boolean;
}

const LIFE = 8_000; // ms
const [toast, set] = createSignal<Toast | null>(null);
export { toast };
let timer: number | undefined;

export function say(next: Toast, life = LIFE): void {
  window.clearTimeout(timer);
  set(next);
  timer = window.setTimeout(() => set(null), life);
}

export function hush(): void {
  window.clearTimeout(timer);
  set(null);
}

// While the pointer or the keyboard is on it, it stays.
export function hold(): void {
  window.clearTimeout(timer);
}

export function release(): void {
  if (toast()) timer = window.setTimeout(() => set(null), LIFE);
}

export function undoLast(): void {
  toast()?.undo?.();
}

export function complain(fault: unknown): void {
  say({ text: explained(fault), bad: true });
}

export function explained(fault: unknown): string {
  if (fault instanceof Offline) return t().wrong.offline;
  return t().wrong.failed(fault instanceof Error ? fault.message : String(fault));
}
