// The whole page: bar, places, list, conversation; the keys that work everywhere; what keeps it up to date.
import { createEffect, createSignal, lazy, onCleanup, onMount, Show, Suspense, type JSX } from "solid-js";
import { t } from "../i18n";
import { follow, type Link } from "../jmap/push";
import { bind } from "../lib/keys";
import { go, route } from "../lib/route";
import { isBusy } from "../model/actions";
import * as commands from "../model/commands";
import * as drafts from "../model/drafts";
import { neighbour, refresh, rows, show } from "../model/list";
import { byRole, emails, loadBoxes } from "../model/mail";
import { cursor, pickNone, reach, selected, setCursor, toggle } from "../model/selection";
import { reread } from "../model/thread";
import { undoLast } from "../model/toast";
import { Help } from "./help";
import { Icon } from "./icons";
import { MailList, openAtCursor } from "./list";
import { Reader } from "./reader";
import { Sidebar } from "./sidebar";
import { Toasts } from "./toasts";
import { openLabels, viewName } from "./tools";
import { TopBar } from "./topbar";

const Compose = lazy(() => import("./compose"));

const PAUSE = 60; // ms in which changes that are told one after the other become one refresh

export function App(): JSX.Element {
  const [drawer, setDrawer] = createSignal(false);
  const [link, setLink] = createSignal<Link>("live");
  let help!: HTMLDialogElement;
  let timer: number | undefined;

  createEffect(() => show(route().view));
  createEffect(() => {
    const unread = byRole("inbox")?.unreadThreads ?? 0;
    document.title = `${unread ? `(${unread}) ` : ""}${viewName()} – ${t().app}`;
  });

  onMount(() => {
    const stop = follow(["Email", "Mailbox", "Thread"], (types) => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => {
        void loadBoxes().catch(() => undefined);
        if (!types.has("Email") && !types.has("Thread")) return;
        if (!isBusy()) void refresh();
        void reread().catch(() => undefined);
      }, PAUSE);
    }, setLink);
    onCleanup(stop);
  });

  function step(by: 1 | -1): void {
    const open = route().thread;
    const next = open ? neighbour(open, by) : null;
    const at = open ? rows().findIndex((id) => id && emails[id]?.threadId === open) + by : cursor() + by;
    setCursor(Math.max(0, Math.min(rows().length - 1, at)));
    if (open && next) go({ thread: next }, "replace");
    else document.querySelector<HTMLElement>(`[data-row="${cursor()}"]`)?.focus();
  }
  function pick(): void {
    const thread = commands.threadAt(cursor());
    if (thread) toggle(thread, cursor());
  }
  function compose(): void {
    setDrawer(false);
    void drafts.begin({});
  }
  const to = (role: string) => (): void => go({ view: { kind: "role", role } });
  onCleanup(bind({
    j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1),
    o: openAtCursor, Enter: openAtCursor, u: () => go({ thread: null }),
    Escape: () => (drawer() ? setDrawer(false) : selected().size ? pickNone() : route().thread && go({ thread: null })),
    x: pick, X: () => reach(cursor(), rows().map((id) => id && emails[id]?.threadId)),
    e: commands.archive, y: commands.archive, "#": commands.trash, "!": commands.junk, s: commands.star, l: openLabels, v: openLabels, z: undoLast, c: compose,
    I: () => commands.read(true), U: () => commands.read(false),
    "/": () => document.getElementById("search")?.focus(), "?": () => help.showModal(),
    "g i": to("inbox"), "g s": to("starred"), "g t": to("sent"), "g d": to("drafts"), "g a": to("all"),
  }));

  return (
    <div class="app" classList={{ reading: !!route().thread, drawer: drawer() }}>
      <a class="skip" href="#messages">{t().skip}</a>
      <TopBar link={link()} open={drawer()} onMenu={() => setDrawer(!drawer())} />
      <Sidebar onGo={() => setDrawer(false)} onCompose={compose} />
      <Show when={drawer()}><div class="scrim" onClick={() => setDrawer(false)} /></Show>
      <main class="panes">
        <MailList />
        <Reader onWrite={(how, email) => void drafts.from(how, email)} onMailto={drafts.fromMailto} />
      </main>
      <button type="button" class="fab" aria-label={t().compose} onClick={compose}><Icon name="pen" /></button>
      <Show when={drafts.open()}><Suspense><Compose /></Suspense></Show>
      <Toasts />
      <Help ref={(dialog) => (help = dialog)} />
    </div>
  );
}
