import { Show, type JSX } from "solid-js";
import { t } from "../i18n";
import { hold, hush, release, toast } from "../model/toast";
import { IconButton } from "./icons";

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role={toast()?.bad ? "alert" : "status"} aria-live={toast()?.bad ? "assertive" : "polite"}>
      <Show when={toast()}>
        {(one) => (
          <div class="toast" classList={{ bad: !!one().bad }} onPointerEnter={hold} onPointerLeave={release} onFocusIn={hold} onFocusOut={release}>
            <span>{one().text}</span>
            <Show when={one().undo}><button type="button" class="button" onClick={() => one().undo?.()}>{t().undo}</button></Show>
            <IconButton icon="close" label={t().close} onClick={hush} />
          </div>
        )}
      </Show>
    </div>
  );
}
