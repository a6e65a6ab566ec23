import { For, type JSX } from "solid-js";
import { t } from "../i18n";

type Name = keyof ReturnType<typeof t>["help"]["keys"];
const GROUPS: Record<keyof ReturnType<typeof t>["help"]["groups"], [string, Name][]> = {
  move: [["j", "next"], ["k", "previous"], ["o", "open"], ["u", "back"], ["n", "nextMessage"], ["p", "previousMessage"],
    ["g i", "goInbox"], ["g s", "goStarred"], ["g t", "goSent"], ["g d", "goDrafts"], ["g a", "goAll"]],
  act: [["x", "select"], ["s", "star"], ["e", "archive"], ["#", "trash"], ["!", "junk"], ["Shift+I", "read"], ["Shift+U", "unread"], ["l", "label"], ["z", "undo"]],
  write: [["c", "compose"], ["r", "reply"], ["a", "replyAll"], ["f", "forward"], ["Ctrl+Enter", "send"]],
  app: [["/", "search"], ["?", "help"]],
};

export function Help(props: { ref: (dialog: HTMLDialogElement) => void }): JSX.Element {
  let dialog!: HTMLDialogElement;
  return (
    <dialog class="dialog help" aria-labelledby="help-title" ref={(it) => { dialog = it; props.ref(it); }}
      onClick={(event) => { if (event.target === dialog) dialog.close(); }}>
      <h2 id="help-title">{t().help.title}</h2>
      <div class="help-groups">
        <For each={Object.entries(GROUPS) as [keyof typeof GROUPS, [string, Name][]][]}>
          {([group, keys]) => (
            <section>
              <h3>{t().help.groups[group]}</h3>
              <dl>
                <For each={keys}>
                  {([key, name]) => (
                    <div>
                      <dt><For each={key.split(" ")}>{(one) => <kbd>{one}</kbd>}</For></dt>
                      <dd>{t().help.keys[name]}</dd>
                    </div>
                  )}
                </For>
              </dl>
            </section>
          )}
        </For>
      </div>
      <div class="buttons"><button type="button" class="button main" autofocus onClick={() => dialog.close()}>{t().close}</button></div>
    </dialog>
  );
}
