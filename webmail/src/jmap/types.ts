// What of RFC 8620 and RFC 8621 the web mail uses.
export type Id = string;

export interface Session {
  username: string;
  apiUrl: string;
  downloadUrl: string;
  uploadUrl: string;
  state: string;
  primaryAccounts: Record<string, Id>;
  accounts: Record<Id, { name: string; accountCapabilities: Record<string, Record<string, unknown>> }>;
  capabilities: Record<string, Record<string, unknown>>;
}

export type Role = "inbox" | "drafts" | "sent" | "junk" | "trash" | "archive" | "important";

export interface Mailbox {
  id: Id;
  name: string;
  parentId: Id | null;
  role: Role | null;
  sortOrder: number;
  totalEmails: number;
  unreadEmails: number;
  totalThreads: number;
  unreadThreads: number;
}

export interface Address {
  name: string | null;
  email: string;
}

export type Keywords = Record<string, boolean>;

// The part of an email that lists show.
export interface Email {
  id: Id;
  threadId: Id;
  mailboxIds: Record<Id, boolean>;
  keywords: Keywords;
  from: Address[] | null;
  to: Address[] | null;
  subject: string | null;
  receivedAt: string;
  preview: string;
  hasAttachment: boolean;
}
export const LISTED = ["id", "threadId", "mailboxIds", "keywords", "from", "to", "subject", "receivedAt", "preview", "hasAttachment"];

export interface Part {
  partId: string | null;
  blobId: Id | null;
  size: number;
  name: string | null;
  type: string;
  disposition: string | null;
  cid: string | null;
}

// What opening an email adds.
export interface Body {
  id: Id;
  blobId: Id;
  size: number;
  sentAt: string | null;
  messageId: string[] | null;
  references: string[] | null;
  cc: Address[] | null;
  bcc: Address[] | null;
  replyTo: Address[] | null;
  textBody: Part[];
  htmlBody: Part[];
  attachments: Part[];
  bodyValues: Record<string, { value: string; isTruncated: boolean }>;
}
export const OPENED = ["id", "blobId", "size", "sentAt", "messageId", "references", "cc", "bcc", "replyTo", "textBody", "htmlBody",
  "attachments", "bodyValues"];

export interface Thread {
  id: Id;
  emailIds: Id[];
}

export interface Identity {
  id: Id;
  name: string;
  email: string;
  textSignature: string;
  htmlSignature: string;
}

export interface Got<T> {
  accountId: Id;
  state: string;
  list: T[];
  notFound: Id[];
}

export interface Queried {
  ids: Id[];
  position: number;
  total?: number;
  queryState: string;
}

export interface SetError {
  type: string;
  description?: string;
}

export interface SetAnswer {
  newState: string;
  created?: Record<string, { id: Id; blobId?: Id; threadId?: Id; sendAt?: string }> | null;
  updated?: Record<Id, unknown> | null;
  destroyed?: Id[] | null;
  notCreated?: Record<string, SetError> | null;
  notUpdated?: Record<Id, SetError> | null;
  notDestroyed?: Record<Id, SetError> | null;
}

export type Filter = { operator: "AND" | "OR" | "NOT"; conditions: Filter[] } | Record<string, unknown>;
