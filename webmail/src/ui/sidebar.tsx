import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { t } from "../i18n";
import type { Mailbox, Role } from "../jmap/types";
import { follow, format, route, sameView, type View } from "../lib/route";
import { makeLabel } from "../model/labels";
import { byRole, fullName, labels } from "../model/mail";
import { complain } from "../model/toast";
import { Icon, type IconName } from "./icons";

const PLACES = ["inbox", "starred", "important", "sent", "drafts", "all", "archive", "junk", "trash"] as const;

export function Sidebar(props: { onGo: () => void; onCompose: () => void }): JSX.Element {
  // Drafts are counted whole, the others by what is unread.
  const count = (box: Mailbox | undefined): number => (!box ? 0 : box.role === "drafts" ? box.totalEmails : box.unreadThreads);
  const shown = createMemo(() => PLACES.filter((place) => place === "starred" || place === "all" || byRole(place as Role)));
  const counted = (place: string): number =>
    ["inbox", "drafts", "junk", "important"].includes(place) ? count(byRole(place as Role)) : 0;

  const Entry = (entry: { view: View; icon: IconName; count: number; level?: number; children: JSX.Element }): JSX.Element => (
    <li>
      <a class="place" href={format({ view: entry.view, thread: null })} aria-current={sameView(route().view, entry.view) ? "page" : undefined}
        style={{ "--level": String(entry.level ?? 0) }}
        onClick={(event) => {
          follow(event, { view: entry.view });
          props.onGo();
        }}>
        <Icon name={entry.icon} />
        <span class="place-name">{entry.children}</span>
        <Show when={entry.count > 0}>
          <span class="count" aria-label={t().unread(entry.count)}>{entry.count.toLocaleString(t().code)}</span>
        </Show>
      </a>
    </li>
  );

  return (
    <nav class="sidebar" aria-label={t().menu}>
      <button type="button" class="compose" onClick={() => props.onCompose()}>
        <Icon name="pen" />
        {t().compose}
      </button>
      <ul class="places">
        <For each={shown()}>
          {(place) => (
            <Entry view={{ kind: "role", role: place }} icon={place} count={counted(place)}>
              {t().boxes[place]}
            </Entry>
          )}
        </For>
      </ul>
      <div class="places-head">
        <h2>{t().labels}</h2>
        <NewLabel />
      </div>
      <ul class="places">
        <For each={labels()}>
          {(box) => (
            <Entry view={{ kind: "label", id: box.id }} icon="label" count={box.unreadThreads} level={fullName(box).split("/").length - 1}>
              <span title={fullName(box)}>{box.name}</span>
            </Entry>
          )}
        </For>
      </ul>
    </nav>
  );
}

function NewLabel(): JSX.Element {
  const [open, setOpen] = createSignal(false);
  let dialog!: HTMLDialogElement;
  let name!: HTMLInputElement;
  async function make(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    try {
      await makeLabel(name.value.trim());
      dialog.close();
    } catch (fault) {
      complain(fault);
    }
  }
  return (
    <>
      <button type="button" class="icon-button small" aria-label={t().newLabel} title={t().newLabel} aria-expanded={open()}
        onClick={() => {
          name.value = "";
          dialog.showModal();
          setOpen(true);
        }}>
        <Icon name="plus" />
      </button>
      <dialog ref={dialog} class="dialog" aria-labelledby="new-label" onClose={() => setOpen(false)}>
        <form onSubmit={(event) => void make(event)}>
          <h2 id="new-label">{t().newLabel}</h2>
          <label class="field">
            {t().labelName}
            <input ref={name} required maxlength="200" autocomplete="off" />
          </label>
          <div class="buttons">
            <button type="button" class="button" onClick={() => dialog.close()}>{t().cancel}</button>
            <button class="button main">{t().create}</button>
          </div>
        </form>
      </dialog>
    </>
  );
}
