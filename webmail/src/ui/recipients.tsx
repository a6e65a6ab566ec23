// A field for addresses, with those known here offered while one types (WAI-ARIA's combobox).
import { createMemo, createSignal, createUniqueId, For, Show, type JSX } from "solid-js";
import type { Address } from "../jmap/types";
import { one } from "../lib/addresses";
import { emails, isMe } from "../model/mail";

const MOST = 6; // offered at once

// Everybody in the mail that is here, those met most first.
function known(): Address[] {
  const met = new Map<string, { address: Address; times: number }>();
  for (const email of Object.values(emails))
    for (const address of [...(email.from ?? []), ...(email.to ?? [])]) {
      const key = address.email.toLowerCase();
      const entry = met.get(key) ?? { address, times: 0 };
      ++entry.times;
      if (address.name) entry.address = address;
      met.set(key, entry);
    }
  return [...met.values()].sort((a, b) => b.times - a.times).map((entry) => entry.address).filter((address) => !isMe(address.email));
}

export function Recipients(props: { label: string; value: string; onInput: (value: string) => void; children?: JSX.Element }): JSX.Element {
  const id = createUniqueId();
  const [typing, setTyping] = createSignal(false);
  const [at, setAt] = createSignal(0);
  const word = (): string => (props.value.split(/[,;]/).at(-1) ?? "").trim().toLowerCase();
  const offers = createMemo(() => {
    const wanted = word();
    if (!typing() || !wanted) return [];
    return known().filter((address) => address.email.toLowerCase().startsWith(wanted) || (address.name ?? "").toLowerCase().split(/\s+/).some((name) => name.startsWith(wanted)) || (address.name ?? "").toLowerCase().startsWith(wanted)).slice(0, MOST);
  });
  function take(address: Address): void {
    const before = props.value.slice(0, Math.max(props.value.lastIndexOf(","), props.value.lastIndexOf(";")) + 1).trim();
    props.onInput((before ? before + " " : "") + one(address) + ", ");
    setTyping(false);
  }
  function keys(event: KeyboardEvent): void {
    const list = offers();
    if (!list.length || event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") setAt((at() + (event.key === "ArrowDown" ? 1 : -1) + list.length) % list.length);
    else if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey) || event.key === "Tab") take(list[at()] ?? (list[0] as Address));
    else if (event.key === "Escape") setTyping(false);
    else return;
    event.preventDefault();
  }
  return (
    <div class="compose-field">
      <label for={id}>{props.label}</label>
      <input id={id} value={props.value} role="combobox" aria-expanded={offers().length > 0} aria-controls={id + "-list"} aria-autocomplete="list"
        aria-activedescendant={offers().length ? `${id}-${at()}` : undefined} autocomplete="off" autocapitalize="none" spellcheck={false} inputmode="email"
        onInput={(event) => { setTyping(true); setAt(0); props.onInput(event.currentTarget.value); }} onKeyDown={keys} onBlur={() => setTyping(false)} />
      {props.children}
      <ul id={id + "-list"} role="listbox" class="offers" aria-label={props.label} hidden={!offers().length}>
        <For each={offers()}>
          {(address, row) => (
            <li id={`${id}-${row()}`} role="option" aria-selected={row() === at()} onPointerDown={(event) => { event.preventDefault(); take(address); }}>
              <Show when={address.name}><span>{address.name}</span></Show>
              <span class="soft">{address.email}</span>
            </li>
          )}
        </For>
      </ul>
    </div>
  );
}
