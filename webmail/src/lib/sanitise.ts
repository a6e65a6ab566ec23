// HTML of strangers, made harmless. This is the first of three walls: the second is the frame it is shown in, whose policy
// runs no script but its own and loads nothing (src/app/webmail.cc), the third that frame's opaque origin.
import DOMPurify from "dompurify";

export interface Clean {
  html: string;
  remote: number; // pictures and styles that would have been loaded from elsewhere
  plain: boolean; // it brings no colours of its own, so that it can have ours
}

const FORBIDDEN = ["form", "input", "button", "textarea", "select", "option", "optgroup", "fieldset", "datalist", "dialog", "base", "meta",
  "link", "object", "embed", "iframe", "frame", "frameset", "audio", "video", "source", "track", "picture", "svg", "math", "template",
  "slot", "portal", "canvas", "marquee", "noscript", "title"];
const FORBIDDEN_ATTRIBUTES = ["srcset", "sizes", "ping", "action", "formaction", "poster", "autofocus", "tabindex", "accesskey",
  "contenteditable", "popover", "popovertarget", "is", "slot", "part", "usemap", "longdesc", "background", "dynsrc", "lowsrc"];
const LINKS = /^(?:https?|mailto|tel):/i;
const REMOTE = /^\s*(?:https?:)?\/\//i;
// A url() in CSS, also where letters of it are written as escapes; data: stays.
const CSS_URL = /(?:u|\\0{0,4}[57]5\s?)(?:r|\\0{0,4}[57]2\s?)(?:l|\\0{0,4}[46]c\s?)\(\s*(?!["']?data:image\/(?:png|gif|jpeg|webp))[^)]*\)?|@import[^;]*;?|(?:-webkit-)?image-set\([^)]*\)?/gi;

const purifier = DOMPurify(window);
let remote = 0;

purifier.addHook("uponSanitizeElement", (node) => {
  if (node.nodeName.toLowerCase() !== "style") return;
  node.textContent = withoutUrls(node.textContent ?? "");
});
purifier.addHook("uponSanitizeAttribute", (node, data) => {
  const name = data.attrName;
  if (name === "background" && data.attrValue) ++remote;
  if (name === "style") data.attrValue = withoutUrls(data.attrValue);
  if (name === "src" || name === "srcset") {
    const value = data.attrValue.replace(/[\s\u0000-\u001f]+/g, "");
    if (/^cid:/i.test(value)) node.setAttribute("data-picture", "cid:" + decoded(value.slice(4)));
    else if (REMOTE.test(value) && name === "src") {
      ++remote;
      node.setAttribute("data-picture", value.startsWith("//") ? "https:" + value : value);
    }
    if (name === "srcset" || !/^data:image\/(?:png|gif|jpeg|webp)[;,]/i.test(value)) data.keepAttr = false;
  }
});
purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName !== "A" && node.nodeName !== "AREA") return;
  const href = node.getAttribute("href") ?? "";
  if (!LINKS.test(href.trim())) node.removeAttribute("href");
  node.removeAttribute("target");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

function withoutUrls(css: string): string {
  return css.replace(CSS_URL, () => {
    ++remote;
    return "none";
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function sanitise(html: string): Clean {
  remote = 0;
  const body = purifier.sanitize(html, {
    USE_PROFILES: { html: true },
    FORBID_TAGS: FORBIDDEN,
    FORBID_ATTR: FORBIDDEN_ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ADD_ATTR: ["data-picture"],
    ALLOW_UNKNOWN_PROTOCOLS: false,
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|cid:|data:image\/|\/\/|#)/i,
    FORCE_BODY: true,
    RETURN_DOM: true,
    WHOLE_DOCUMENT: false,
  }) as HTMLElement;
  fold(body);
  const plain = !/\sbgcolor=|background|[\s;"']color\s*:|<font[^>]+color/i.test(body.innerHTML);
  return { html: body.innerHTML, remote, plain };
}

// What the answer quotes of the letter before, folded away.
function fold(body: HTMLElement): void {
  const quotes = [...body.querySelectorAll(".gmail_quote, blockquote[type=cite], .yahoo_quoted, .moz-cite-prefix + blockquote")];
  for (const quote of quotes) {
    if (quote.closest("details")) continue;
    const details = body.ownerDocument.createElement("details");
    details.append(body.ownerDocument.createElement("summary"));
    quote.replaceWith(details);
    details.append(quote);
  }
}

// Whether a link shows one address and leads to another: the host that its text names, else null.
export function otherHost(text: string, href: string): string | null {
  const shown = /^(?:https?:\/\/)?((?:[\p{L}\p{N}-]+\.)+[\p{L}]{2,})(?:[/:?#]|$)/iu.exec(text.trim())?.[1]?.toLowerCase();
  if (!shown) return null;
  try {
    const real = new URL(href).hostname.toLowerCase();
    const bare = (host: string): string => host.replace(/^www\./, "");
    return bare(real) === bare(shown) || real.endsWith("." + bare(shown)) || !real ? null : shown;
  } catch {
    return null;
  }
}

const QUOTED_TAGS = ["p", "br", "div", "span", "b", "i", "u", "s", "strong", "em", "a", "ul", "ol", "li", "blockquote", "pre", "code", "hr",
  "h1", "h2", "h3", "h4", "table", "tbody", "thead", "tr", "td", "th"];

// For the editor, which is in our own page: no styles, no pictures, nothing that could look like ours.
export function quotable(html: string): string {
  return DOMPurify.sanitize(html, { ALLOWED_TAGS: QUOTED_TAGS, ALLOWED_ATTR: ["href"], ALLOW_DATA_ATTR: false, ALLOWED_URI_REGEXP: LINKS });
}
