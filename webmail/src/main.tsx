import { render } from "solid-js/web";
import { preferred, speak, t } from "./i18n";
import { show } from "./lib/theme";
import { open } from "./model/mail";
import { explained } from "./model/toast";
import { App } from "./ui/app";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/list.css";
import "./style/reader.css";
import "./style/compose.css";

function Trouble(props: { why: string }) {
  return (
    <main class="empty trouble" role="alert">
      <p>{props.why}</p>
      <button type="button" class="button main" onClick={() => location.reload()}>{t().retry}</button>
    </main>
  );
}

show();
const root = document.getElementById("app");
if (root) {
  const spoken = speak(preferred());
  try {
    await Promise.all([spoken, open()]);
    render(() => <App />, root);
  } catch (fault) {
    await spoken.catch(() => undefined);
    render(() => <Trouble why={explained(fault)} />, root);
  }
}
