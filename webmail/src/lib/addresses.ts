// Addresses as people type them: Ann <ann@example.com>, "Doe, Jane" <jane@example.com>; bob@example.com
import type { Address } from "../jmap/types";

// Split at commas and semicolons that are not within quotes or angle brackets.
export function split(text: string): string[] {
  const parts = text.match(/(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,;"<]|["<])+/g) ?? [];
  return parts.map((part) => part.trim()).filter(Boolean);
}

export function parse(text: string): Address | null {
  const match = /^(?:"?((?:\\.|[^"<])*?)"?\s*)<([^<>\s]+)>$/.exec(text) ?? /^()([^<>\s]+)$/.exec(text);
  const email = match?.[2] ?? "";
  if (!/^[^@\s"(),:;<>[\\\]]+@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)*[\p{L}\p{N}-]+$/u.test(email)) return null;
  return { name: match?.[1]?.replace(/\\(.)/g, "$1").trim() || null, email };
}

export function written(list: Address[] | null | undefined): string {
  return (list ?? []).map(one).join(", ");
}

export function one(address: Address): string {
  if (!address.name) return address.email;
  const name = /[",;<>@()]/.test(address.name) ? `"${address.name.replace(/["\\]/g, "\\$&")}"` : address.name;
  return `${name} <${address.email}>`;
}
