// The bars of buttons over the list and over a conversation.
import { createEffect, createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { t } from "../i18n";
import type { Id } from "../jmap/types";
import { route } from "../lib/route";
import * as actions from "../model/actions";
import * as commands from "../model/commands";
import { makeLabel } from "../model/labels";
import { rows } from "../model/list";
import { boxes, emails, fullName, inThread, labels } from "../model/mail";
import { pick, pickNone, selected } from "../model/selection";
import { complain } from "../model/toast";
import { IconButton } from "./icons";
import { Menu } from "./menu";

export function viewName(): string {
  const view = route().view;
  if (view.kind === "search") return view.query;
  if (view.kind === "role") return t().boxes[view.role as "inbox"];
  const box = boxes().find((one) => one.id === view.id);
  return box ? fullName(box) : "";
}

export function ListTools(): JSX.Element {
  const some = (): boolean => selected().size > 0;
  return (
    <div class="tools" role="toolbar" aria-label={t().messages}>
      <label class="all" title={t().selectAll}>
        <input type="checkbox" aria-label={some() ? t().clearSelection : t().selectAll} checked={some()}
          onChange={() => (some() ? pickNone() : pick([...new Set(rows().flatMap((id) => (id && emails[id]?.threadId) || []))]))} />
      </label>
      <Show when={some()} fallback={
        <>
          <h1 class="view-name">{viewName()}</h1>
          <span class="soft total">{rows().length ? t().count(rows().length) : ""}</span>
        </>
      }>
        <span class="picked-count" role="status">{t().selected(selected().size)}</span>
        <Acts />
      </Show>
    </div>
  );
}

export function Acts(): JSX.Element {
  const place = createMemo(commands.place);
  const unread = (): boolean => commands.targets().some(commands.isUnread);
  return (
    <div class="acts">
      <Show when={place() === "inbox" || place() === "search" || place() === "label" || place() === "starred"}>
        <IconButton icon="archive" label={t().archive} onClick={commands.archive} />
      </Show>
      <Show when={["archive", "trash", "all"].includes(place())}>
        <IconButton icon="inbox" label={t().moveToInbox} onClick={commands.toInbox} />
      </Show>
      <Show when={!["sent", "drafts", "trash"].includes(place())}>
        <IconButton icon={place() === "junk" ? "inbox" : "junk"} label={place() === "junk" ? t().notSpam : t().spam} onClick={commands.junk} />
      </Show>
      <IconButton icon="trash" label={place() === "trash" || place() === "junk" ? t().removeForGood : t().remove} onClick={commands.trash} />
      <IconButton icon={unread() ? "read" : "unread"} label={unread() ? t().markRead : t().markUnread} onClick={() => commands.read(unread())} />
      <LabelMenu />
    </div>
  );
}

function LabelMenu(): JSX.Element {
  const [threads, setThreads] = createSignal<Id[]>([]);
  const [wanted, setWanted] = createSignal(new Map<Id, boolean>());
  let name!: HTMLInputElement;
  const has = (box: Id, every: boolean): boolean => {
    const each = threads().map((thread) => inThread(thread, false).some((email) => email.mailboxIds[box]));
    return each.length > 0 && (every ? each.every(Boolean) : each.some(Boolean));
  };
  async function apply(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    (event.currentTarget as HTMLElement).closest<HTMLElement>("[popover]")?.hidePopover();
    const set = new Map(wanted());
    try {
      if (name.value.trim()) set.set(await makeLabel(name.value.trim()), true);
    } catch (fault) {
      return complain(fault);
    }
    if (set.size) await actions.label(threads(), set);
  }
  return (
    <Menu icon="label" label={t().labelAs} role="dialog" class="label-button"
      onOpen={() => {
        setThreads(commands.targets());
        setWanted(new Map());
        name.value = "";
      }}>
      <form class="label-form" onSubmit={(event) => void apply(event)}>
        <Show when={labels().length} fallback={<p class="soft">{t().noLabels}</p>}>
          <ul>
            <For each={labels()}>
              {(box) => (
                <li>
                  <label>
                    <input type="checkbox" checked={wanted().get(box.id) ?? has(box.id, true)} ref={(it) => createEffect(() => { it.indeterminate = !wanted().has(box.id) && !has(box.id, true) && has(box.id, false); })}
                      onChange={(event) => setWanted(new Map(wanted()).set(box.id, event.currentTarget.checked))} />
                    <span>{fullName(box)}</span>
                  </label>
                </li>
              )}
            </For>
          </ul>
        </Show>
        <label class="field">
          {t().newLabel}
          <input ref={name} maxlength="200" autocomplete="off" />
        </label>
        <button class="button main wide">{t().apply}</button>
      </form>
    </Menu>
  );
}

// By the key: the menu of whichever bar is in sight.
export function openLabels(): void {
  const buttons = [...document.querySelectorAll<HTMLElement>(".label-button")].filter((button) => button.offsetParent);
  buttons[0]?.click();
}
