// Google's own clients, @googleapis/gmail and google-auth-library, unmodified: each scenario drives a part of the API as a
// program of its users would. node gmail_scenarios.mjs SCENARIO < {origin, account, other, clientId, clientSecret,
// refreshToken};
// prints the names of the methods that were called. "surface" prints those that the client has.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gmail } from '@googleapis/gmail';
import { OAuth2Client } from 'google-auth-library';

const given = JSON.parse(readFileSync(0, 'utf8'));
const rootUrl = `${given.origin}/`;
const auth = new OAuth2Client({
  clientId: given.clientId, clientSecret: given.clientSecret,
  endpoints: { oauth2TokenUrl: `${given.origin}/oauth/token`, oauth2RevokeUrl: `${given.origin}/oauth/revoke` },
});
auth.setCredentials({ refresh_token: given.refreshToken });
const client = gmail({ version: 'v1', auth, rootUrl });
const called = new Set();

const isResource = (value) => typeof value === 'object' && value !== null && value.constructor.name.startsWith('Resource');
function surface(resource, path, names) {
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(resource)))
    if (name !== 'constructor') names.push(`${path}.${name}`);
  for (const [name, inner] of Object.entries(resource)) if (isResource(inner)) surface(inner, `${path}.${name}`, names);
  return names;
}

// The same client, that notes what is called; userId is "me" where nothing else is said.
function noted(resource, path) {
  return new Proxy(resource, {
    get(of, name) {
      if (isResource(of[name])) return noted(of[name], `${path}.${name}`);
      if (typeof of[name] !== 'function') return of[name];
      return async (params = {}, options = {}) => {
        called.add(`${path}.${name}`);
        return of[name]({ userId: 'me', ...params }, options);
      };
    },
  });
}
const users = noted(client.users, 'users');
const data = async (promise) => (await promise).data;
// What the call is refused with: the fields of Google's error JSON.
async function refused(promise) {
  const answer = await promise.then((fine) => assert.fail(`took it: ${JSON.stringify(fine.data)}`), (error) => error);
  assert.ok(answer.response, String(answer));
  const { error } = answer.response.data;
  assert.equal(error.code, answer.response.status);
  assert.equal(answer.message, error.errors[0].message);
  assert.equal(error.errors[0].domain, 'global');
  return { code: error.code, reason: error.errors[0].reason, status: error.status, message: error.message };
}

const base64url = (text) => Buffer.from(text).toString('base64url');
const plain = (data64) => Buffer.from(data64, 'base64url').toString();
let letters = 0;
function letter(subject, { from = 'carol@example.net', to = given.account, more = '', text = 'See below.\r\n' } = {}) {
  letters += 1;
  return `From: ${from}\r\nTo: ${to}\r\nSubject: ${subject}\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n`
    + `Message-ID: <${letters}.${given.account}>\r\n${more}\r\n${text}`;
}
const insert = (bytes, labelIds = ['INBOX']) => data(users.messages.insert({ requestBody: { raw: base64url(bytes), labelIds } }));
const idOf = async (bytes, labelIds) => (await insert(bytes, labelIds)).id;
const labelsOf = async (id) => (await data(users.messages.get({ id, format: 'minimal' }))).labelIds?.sort() ?? [];
const ids = async (params) => ((await data(users.messages.list(params))).messages ?? []).map((one) => one.id);
async function until(what) {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await what();
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  return assert.fail('waited in vain');
}
const header = (message, name) => message.payload.headers.find((one) => one.name.toLowerCase() === name.toLowerCase())?.value;

const ATTACHED = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n';
const PARTS = '--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n'
  + '--inner\r\nContent-Type: text/plain; charset=euc-kr\r\nContent-Transfer-Encoding: 8bit\r\n\r\nKOREAN\r\n'
  + '--inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=C3=A9</p>\r\n--inner--\r\n'
  + '--outer\r\nContent-Type: application/pdf; name="=?utf-8?B?67O06rOg7IScLnBkZg==?="\r\nContent-Disposition: attachment\r\n'
  + 'Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQKJeLjz9M=\r\n--outer--\r\n';
const attached = () => {
  const [before, behind] = letter('with a file', { more: ATTACHED, text: PARTS }).split('KOREAN');
  return Buffer.concat([Buffer.from(before), Buffer.from([0xbe, 0xc8, 0xb3, 0xe7]), Buffer.from(behind)]);  // "안녕"
};

const scenarios = {
  async messages() {
    const before = await data(users.getProfile());
    assert.equal(before.emailAddress, given.account);
    assert.equal(before.messagesTotal, 0);
    assert.equal(typeof before.historyId, 'string');
    assert.deepEqual(await data(users.messages.list()), { resultSizeEstimate: 0 });

    const bytes = attached();
    const { id, threadId, labelIds } = await insert(bytes, ['INBOX', 'UNREAD']);
    assert.match(id, /^[0-9a-f]{16}$/);
    assert.equal(threadId, id);
    assert.deepEqual(labelIds.sort(), ['INBOX', 'UNREAD']);
    const full = await data(users.messages.get({ id, format: 'full' }));
    assert.deepEqual(await data(users.messages.get({ userId: given.account, id })), full);
    assert.match(full.internalDate, /^\d{13}$/);
    assert.match(full.historyId, /^\d+$/);
    assert.equal(full.sizeEstimate, bytes.length);
    assert.equal(header(full, 'subject'), 'with a file');
    assert.equal(full.payload.mimeType, 'multipart/mixed');
    assert.equal(full.payload.partId, '');
    const [both, pdf] = full.payload.parts;
    assert.deepEqual(both.parts.map((part) => [part.partId, part.mimeType, part.filename]), [['0.0', 'text/plain', ''], ['0.1', 'text/html', '']]);
    assert.equal(plain(both.parts[0].body.data), '안녕');
    assert.equal(plain(both.parts[1].body.data), '<p>café</p>');
    assert.deepEqual([pdf.partId, pdf.mimeType, pdf.filename, pdf.body.size, pdf.body.data], ['1', 'application/pdf', '보고서.pdf', 14, undefined]);
    const file = await data(users.messages.attachments.get({ messageId: id, id: pdf.body.attachmentId }));
    assert.equal(file.size, 14);
    assert.equal(Buffer.from(file.data, 'base64url').subarray(0, 8).toString(), '%PDF-1.4');
    const minimal = await data(users.messages.get({ id, format: 'minimal' }));
    assert.equal(minimal.payload, undefined);
    assert.match(minimal.snippet, /안녕/);
    const raw = await data(users.messages.get({ id, format: 'raw' }));
    assert.deepEqual(Buffer.from(raw.raw, 'base64url'), bytes);
    assert.equal(raw.payload, undefined);
    const some = await data(users.messages.get({ id, format: 'metadata', metadataHeaders: ['Subject', 'To'] }));
    assert.deepEqual(some.payload.headers.map((one) => one.name).sort(), ['Subject', 'To']);
    assert.equal(some.payload.body?.data, undefined);

    const imported = await data(users.messages.import({ neverMarkSpam: true, requestBody: { raw: base64url(letter('imported')), labelIds: ['INBOX'] } }));
    assert.equal((await data(users.messages.get({ id: imported.id, format: 'minimal' }))).internalDate, String(Date.UTC(2026, 10, 24, 10)));
    const dated = await data(users.messages.insert({ internalDateSource: 'dateHeader', requestBody: { raw: base64url(letter('dated')) } }));
    assert.equal((await data(users.messages.get({ id: dated.id, format: 'minimal' }))).internalDate, String(Date.UTC(2026, 10, 24, 10)));

    const sent = await data(users.messages.send({ requestBody: { raw: base64url(letter('Grüße', { from: given.account, to: given.account })) } }));
    assert.deepEqual(sent.labelIds, ['SENT']);
    const arrived = await until(async () => (await ids({ q: 'subject:Grüße in:inbox' }))[0]);
    assert.ok((await labelsOf(arrived)).includes('UNREAD'));
    const answer = letter('Re: with a file', { from: given.account, to: given.other, more: `In-Reply-To: ${header(full, 'message-id')}\r\n` });
    assert.equal((await data(users.messages.send({ requestBody: { raw: base64url(answer), threadId } }))).threadId, threadId);

    assert.deepEqual((await data(users.messages.modify({ id, requestBody: { addLabelIds: ['STARRED', 'IMPORTANT'], removeLabelIds: ['UNREAD'] } }))).labelIds.sort(),
      ['IMPORTANT', 'INBOX', 'STARRED']);
    await users.messages.batchModify({ requestBody: { ids: [id, imported.id], addLabelIds: ['CATEGORY_UPDATES'], removeLabelIds: ['INBOX', 'STARRED'] } });
    assert.deepEqual(await labelsOf(id), ['CATEGORY_UPDATES', 'IMPORTANT']);
    assert.deepEqual(await labelsOf(imported.id), ['CATEGORY_UPDATES']);
    assert.deepEqual((await data(users.messages.trash({ id }))).labelIds.filter((one) => !one.startsWith('CATEGORY')), ['TRASH']);
    assert.ok(!(await ids({})).includes(id));
    assert.ok((await ids({ includeSpamTrash: true })).includes(id));
    assert.ok((await data(users.messages.untrash({ id }))).labelIds.includes('IMPORTANT'));
    assert.equal((await users.messages.delete({ id })).status, 204);
    assert.deepEqual(await refused(users.messages.get({ id })),
      { code: 404, reason: 'notFound', status: 'NOT_FOUND', message: 'Requested entity was not found.' });
    await users.messages.batchDelete({ requestBody: { ids: [imported.id, dated.id] } });
    assert.equal((await refused(users.messages.get({ id: imported.id }))).code, 404);
    assert.notEqual((await data(users.getProfile())).historyId, before.historyId);
  },

  async lists() {
    const all = [];
    for (let n = 0; n < 12; n += 1) all.unshift((await insert(letter(`n${n}`), n % 4 === 0 ? ['INBOX', 'UNREAD'] : ['INBOX'])).id);
    const pages = [];
    for (let pageToken; pages.length === 0 || pageToken;) {
      const page = await data(users.messages.list({ maxResults: 5, labelIds: ['INBOX'], pageToken }));
      pages.push(page.messages.map((one) => one.id));
      pageToken = page.nextPageToken;
      if (pages.length === 1) await insert(letter('meanwhile'));
    }
    assert.deepEqual(pages.map((page) => page.length), [5, 5, 2]);
    assert.deepEqual(pages.flat(), all);
    assert.deepEqual(await ids({ labelIds: ['INBOX', 'UNREAD'] }), [all[3], all[7], all[11]]);
    const first = await data(users.messages.list({ maxResults: 3, q: 'subject:n*' }));
    assert.deepEqual((await data(users.messages.list({ maxResults: 3, q: 'subject:n*', pageToken: first.nextPageToken }))).messages.map((one) => one.id), all.slice(3, 6));
    assert.deepEqual(await data(users.messages.list({ maxResults: 1, labelIds: ['INBOX'], fields: 'messages/id,nextPageToken' })).then((page) => Object.keys(page).sort()),
      ['messages', 'nextPageToken']);
    assert.deepEqual(await data(users.messages.get({ id: all[0], fields: 'id,payload(headers/name)' })).then((one) => Object.keys(one)), ['id', 'payload']);
    assert.equal((await refused(users.messages.list({ pageToken: 'x' }))).code, 400);
    assert.deepEqual(await refused(users.messages.list({ labelIds: ['Label_99'] })),
      { code: 400, reason: 'invalidArgument', status: 'INVALID_ARGUMENT', message: 'Invalid label: Label_99' });
    assert.equal((await refused(users.messages.list({ fields: 'a(b' }))).code, 400);
    assert.equal((await refused(users.messages.get({ id: 'zz' }))).code, 400);
    assert.equal((await refused(users.messages.list({ userId: given.other }))).code, 403);
    assert.deepEqual(await refused(users.messages.send({ requestBody: {} })).then(({ code, reason }) => [code, reason]), [400, 'invalidArgument']);
    const stranger = gmail({ version: 'v1', auth: (() => { const made = new OAuth2Client(); made.setCredentials({ access_token: 'stolen' }); return made; })(), rootUrl });
    assert.deepEqual(await refused(stranger.users.getProfile({ userId: 'me' })).then(({ code, status }) => [code, status]), [401, 'UNAUTHENTICATED']);
  },

  async search() {
    const work = await data(users.labels.create({ requestBody: { name: 'Work/Deep plans' } }));
    const amy = await idOf(letter('dinner on friday', { from: 'Amy Pond <amy@example.net>', to: `${given.account}, team@example.org`,
      more: 'Cc: dave@example.com\r\nBcc: erin@example.com\r\nList-Id: <walks.example.org>\r\nDelivered-To: alias@example.com\r\n',
      text: 'A walk in the park, then a movie.\r\n' }), ['INBOX', 'UNREAD', work.id]);
    const file = await idOf(attached(), ['INBOX', 'STARRED', 'CATEGORY_PROMOTIONS']);
    const old = (await data(users.messages.insert({ internalDateSource: 'dateHeader',
      requestBody: { raw: base64url(letter('old news').replace('2026', '2004')), labelIds: ['INBOX', 'IMPORTANT'] } }))).id;
    const big = await idOf(letter('big', { text: `${'x'.repeat(70)}\r\n`.repeat(800) }), []);
    const spam = await idOf(letter('win a movie'), ['SPAM']);
    const trash = await idOf(letter('gone movie'), ['TRASH']);
    const me = await idOf(letter('to him', { from: given.account, to: given.other }), ['SENT']);
    const found = {
      'from:amy': [amy], 'from:"Amy Pond"': [amy], 'from:me': [me], 'to:team': [amy], 'cc:dave': [amy], 'bcc:erin': [amy], 'subject:dinner': [amy],
      'subject:(dinner friday)': [amy], 'subject:{old big}': [big, old], 'dinner -movie': [], 'dinner movie': [amy], 'dinner OR old': [old, amy],
      '{dinner old}': [old, amy], '(dinner OR old) -from:amy': [old], '"walk in the park"': [amy], '"park in the walk"': [], 'walk AROUND 9 movie': [amy],
      'mov*': [amy], 'has:attachment': [file], 'filename:pdf': [file], 'filename:보고서.pdf': [file], '안녕': [file], 'list:walks.example.org': [amy],
      'deliveredto:alias@example.com': [amy], 'in:inbox': [old, file, amy], 'in:spam': [spam], 'in:trash': [trash], 'in:sent': [me],
      'in:anywhere movie': [trash, spam, amy], 'is:unread': [amy], 'is:starred': [file], 'is:important': [old], 'is:read from:carol -has:attachment': [big, old],
      'label:work-deep-plans': [amy], 'label:"Work/Deep plans"': [amy], 'has:userlabels': [amy], 'category:promotions': [file], 'category:social': [],
      'before:2005/01/01': [old], 'older:2005-01-01': [old], 'after:2004/11/23 before:2004/11/26': [old], 'older_than:1y': [old],
      'newer_than:2d in:inbox': [file, amy], 'newer:2020/01/01 in:inbox': [file, amy], 'larger:40K': [big], 'size:40000': [big], 'smaller:1M larger:10K': [big],
      [`rfc822msgid:1.${given.account}`]: [amy], [`rfc822msgid:<1.${given.account}>`]: [amy],
    };
    for (const [q, wanted] of Object.entries(found)) {
      const got = await ids({ q });
      assert.deepEqual(got, wanted, q);
      assert.deepEqual(await ids({ q: `(${q})`, labelIds: ['INBOX'], includeSpamTrash: true }), await ids({ q: `(${q}) in:inbox` }), q);
    }
    assert.deepEqual(await ids({ q: 'movie', includeSpamTrash: true }), [trash, spam, amy]);
    assert.deepEqual((await data(users.threads.list({ q: 'dinner' }))).threads.map((one) => one.id), [amy]);
  },

  async threads() {
    const first = await insert(letter('plans'), ['INBOX', 'UNREAD']);
    const messageId = `<1.${given.account}>`;
    const other = await insert(letter('else'));
    const second = await insert(letter('Re: plans', { more: `In-Reply-To: ${messageId}\r\nReferences: ${messageId}\r\n`, text: 'Yes & no.\r\n' }), ['INBOX', 'UNREAD']);
    assert.equal(second.threadId, first.id);
    const list = await data(users.threads.list({ labelIds: ['INBOX'] }));
    assert.deepEqual(list.threads.map((one) => one.id), [first.id, other.id]);
    assert.equal(list.threads[0].snippet, 'Yes &amp; no.');
    assert.match(list.threads[0].historyId, /^\d+$/);
    const page = await data(users.threads.list({ maxResults: 1, q: 'plans OR else' }));
    assert.deepEqual(page.threads.map((one) => one.id), [first.id]);
    assert.deepEqual((await data(users.threads.list({ maxResults: 5, q: 'plans OR else', pageToken: page.nextPageToken }))).threads.map((one) => one.id), [other.id]);
    const thread = await data(users.threads.get({ id: first.id }));
    assert.deepEqual(thread.messages.map((one) => one.id), [first.id, second.id]);
    assert.equal(plain(thread.messages[1].payload.body.data).trim(), 'Yes & no.');
    assert.deepEqual((await data(users.threads.get({ id: first.id, format: 'metadata', metadataHeaders: ['Subject'] }))).messages.map((one) => header(one, 'Subject')),
      ['plans', 'Re: plans']);
    const changed = await data(users.threads.modify({ id: first.id, requestBody: { addLabelIds: ['STARRED'], removeLabelIds: ['UNREAD'] } }));
    assert.deepEqual(changed.messages.map((one) => one.labelIds.sort()), [['INBOX', 'STARRED'], ['INBOX', 'STARRED']]);
    await users.threads.trash({ id: first.id });
    assert.deepEqual((await data(users.threads.list())).threads.map((one) => one.id), [other.id]);
    assert.deepEqual((await data(users.threads.untrash({ id: first.id }))).messages.map((one) => one.labelIds.includes('INBOX')), [true, true]);
    assert.equal((await users.threads.delete({ id: first.id })).status, 204);
    assert.equal((await refused(users.threads.get({ id: first.id }))).code, 404);
  },

  async labels() {
    const system = (await data(users.labels.list())).labels;
    for (const id of ['INBOX', 'SENT', 'DRAFT', 'SPAM', 'TRASH', 'UNREAD', 'STARRED', 'IMPORTANT', 'CATEGORY_SOCIAL'])
      assert.equal(system.find((one) => one.id === id)?.type, 'system', id);
    const color = { textColor: '#ffffff', backgroundColor: '#16a765' };
    const made = await data(users.labels.create({ requestBody: { name: '일/계획', labelListVisibility: 'labelShowIfUnread', messageListVisibility: 'hide', color } }));
    assert.deepEqual({ ...made, id: '' }, { id: '', name: '일/계획', type: 'user', labelListVisibility: 'labelShowIfUnread', messageListVisibility: 'hide', color });
    const one = await insert(letter('a'), [made.id, 'UNREAD']);
    await insert(letter('Re: a', { more: `References: <1.${given.account}>\r\n` }), [made.id]);
    await insert(letter('b'), [made.id, 'INBOX']);
    const counted = await data(users.labels.get({ id: made.id }));
    assert.deepEqual([counted.messagesTotal, counted.messagesUnread, counted.threadsTotal, counted.threadsUnread], [3, 1, 2, 1]);
    assert.deepEqual((({ messagesTotal, messagesUnread }) => [messagesTotal, messagesUnread])(await data(users.labels.get({ id: 'UNREAD' }))), [1, 1]);
    assert.deepEqual((await labelsOf(one.id)), [made.id, 'UNREAD'].sort());
    const patched = await data(users.labels.patch({ id: made.id, requestBody: { name: 'Plans' } }));
    assert.deepEqual([patched.name, patched.color, patched.messageListVisibility], ['Plans', color, 'hide']);
    const updated = await data(users.labels.update({ id: made.id, requestBody: { id: made.id, name: 'Plan', messageListVisibility: 'show' } }));
    assert.deepEqual([updated.name, updated.color, updated.messageListVisibility], ['Plan', undefined, 'show']);
    assert.equal((await data(users.labels.list())).labels.find((label) => label.id === made.id).name, 'Plan');
    assert.equal((await refused(users.labels.create({ requestBody: { name: 'Plan' } }))).code, 409);
    assert.equal((await refused(users.labels.delete({ id: 'INBOX' }))).code, 400);
    assert.equal((await users.labels.delete({ id: made.id })).status, 204);
    assert.equal((await refused(users.labels.get({ id: made.id }))).code, 404);
    assert.deepEqual(await labelsOf(one.id), ['UNREAD']);
  },

  async drafts() {
    const text = (subject) => base64url(letter(subject, { from: given.account, to: given.other }));
    const made = await data(users.drafts.create({ requestBody: { message: { raw: text('first') } } }));
    assert.deepEqual(made.message.labelIds, ['DRAFT']);
    const updated = await data(users.drafts.update({ id: made.id, requestBody: { message: { raw: text('second') } } }));
    assert.equal(updated.id, made.id);
    assert.notEqual(updated.message.id, made.message.id);
    assert.equal(header((await data(users.drafts.get({ id: made.id, format: 'full' }))).message, 'Subject'), 'second');
    const list = await data(users.drafts.list());
    assert.deepEqual(list.drafts, [{ id: made.id, message: { id: updated.message.id, threadId: updated.message.threadId } }]);
    assert.deepEqual((await data(users.drafts.list({ q: 'subject:first' }))).drafts, undefined);
    const sent = await data(users.drafts.send({ requestBody: { id: made.id } }));
    assert.deepEqual(sent.labelIds, ['SENT']);
    assert.equal((await refused(users.drafts.get({ id: made.id }))).code, 404);
    const byMedia = await data(users.drafts.create({ requestBody: { message: {} }, media: { mimeType: 'message/rfc822', body: letter('third', { to: given.other }) } }, { rootUrl }));
    const bySecond = await data(users.drafts.update({ id: byMedia.id, requestBody: { id: byMedia.id }, media: { mimeType: 'message/rfc822',
      body: letter('fourth', { from: given.account, to: given.other }) } }, { rootUrl }));
    assert.equal(bySecond.id, byMedia.id);
    const last = await data(users.drafts.send({ requestBody: { id: byMedia.id }, media: { mimeType: 'message/rfc822',
      body: letter('fifth', { from: given.account, to: given.other }) } }, { rootUrl }));
    assert.equal(header(await data(users.messages.get({ id: last.id, format: 'metadata' })), 'Subject'), 'fifth');
    const thrown = await data(users.drafts.create({ requestBody: { message: { raw: text('thrown away') } } }));
    assert.equal((await users.drafts.delete({ id: thrown.id })).status, 204);
    assert.equal((await refused(users.drafts.delete({ id: thrown.id }))).code, 404);
    assert.deepEqual(await data(users.drafts.list()), { resultSizeEstimate: 0 });
  },

  async history() {
    const start = (await data(users.getProfile())).historyId;
    const { id } = await insert(letter('told'), ['INBOX', 'UNREAD']);
    await users.messages.modify({ id, requestBody: { addLabelIds: ['STARRED'], removeLabelIds: ['UNREAD'] } });
    const middle = (await data(users.getProfile())).historyId;
    await users.messages.delete({ id });
    const whole = await data(users.history.list({ startHistoryId: start }));
    const kinds = whole.history.flatMap((one) => ['messagesAdded', 'labelsAdded', 'labelsRemoved', 'messagesDeleted'].filter((kind) => one[kind]));
    assert.deepEqual(kinds, ['messagesAdded', 'labelsAdded', 'labelsRemoved', 'messagesDeleted']);
    assert.deepEqual(whole.history.flatMap((one) => one.labelsAdded ?? []).map((one) => [one.message.id, one.labelIds]), [[id, ['STARRED']]]);
    assert.equal(whole.historyId, (await data(users.getProfile())).historyId);
    assert.equal((await data(users.history.list({ startHistoryId: middle }))).history.length, 1);
    const only = await data(users.history.list({ startHistoryId: start, historyTypes: ['messageAdded', 'messageDeleted'] }));
    assert.deepEqual(only.history.flatMap((one) => Object.keys(one).filter((key) => key.startsWith('messages') && key !== 'messages')), ['messagesAdded', 'messagesDeleted']);
    const page = await data(users.history.list({ startHistoryId: start, maxResults: 1 }));
    assert.equal(page.history.length, 1);
    assert.ok((await data(users.history.list({ startHistoryId: start, maxResults: 100, pageToken: page.nextPageToken }))).history.length >= 2);
    assert.equal((await data(users.history.list({ startHistoryId: whole.historyId }))).history, undefined);
    assert.equal((await data(users.history.list({ startHistoryId: start, labelId: 'TRASH' }))).history, undefined);
    assert.equal((await refused(users.history.list({ startHistoryId: '99999999' }))).code, 404);
    assert.equal((await refused(users.history.list({}))).code, 400);
  },

  async settings() {
    const { settings } = users;
    const label = await data(users.labels.create({ requestBody: { name: 'Bills' } }));
    const filter = await data(settings.filters.create({ requestBody: { criteria: { from: 'billing', subject: 'invoice', hasAttachment: true, size: 1000, sizeComparison: 'larger' },
      action: { addLabelIds: [label.id, 'STARRED'], removeLabelIds: ['INBOX'] } } }));
    assert.deepEqual(await data(settings.filters.get({ id: filter.id })), filter);
    assert.deepEqual((await data(settings.filters.list())).filter, [filter]);
    await settings.filters.delete({ id: filter.id });
    assert.deepEqual(await data(settings.filters.list()), {});

    const vacation = { enableAutoReply: true, responseSubject: '휴가', responseBodyPlainText: 'Back on Monday.', restrictToDomain: true,
      startTime: '1790000000000', endTime: '1800000000000' };
    assert.equal((await data(settings.getVacation())).enableAutoReply, false);
    const set = await data(settings.updateVacation({ requestBody: vacation }));
    for (const [name, value] of Object.entries(vacation)) assert.equal(set[name], value, name);
    assert.deepEqual(await data(settings.getVacation()), set);
    assert.equal((await data(settings.updateLanguage({ requestBody: { displayLanguage: 'ko' } }))).displayLanguage, 'ko');
    assert.equal((await data(settings.getLanguage())).displayLanguage, 'ko');
    const imap = await data(settings.getImap());
    assert.deepEqual(await data(settings.updateImap({ requestBody: imap })), imap);
    const pop = await data(settings.getPop());
    assert.deepEqual(await data(settings.updatePop({ requestBody: pop })), pop);
    assert.equal((await refused(settings.updatePop({ requestBody: { ...pop, disposition: 'trash' } }))).code, 400);

    const address = { forwardingEmail: given.other };
    assert.equal((await data(settings.forwardingAddresses.create({ requestBody: address }))).verificationStatus, 'pending');
    assert.equal((await data(settings.forwardingAddresses.get(address))).verificationStatus, 'pending');
    assert.equal((await data(settings.forwardingAddresses.list())).forwardingAddresses.length, 1);
    assert.equal((await refused(settings.updateAutoForwarding({ requestBody: { enabled: true, emailAddress: given.other } }))).code, 400);
    assert.equal((await data(settings.updateAutoForwarding({ requestBody: { enabled: false } }))).enabled, false);
    assert.equal((await data(settings.getAutoForwarding())).enabled, false);
    await settings.forwardingAddresses.delete(address);
    assert.deepEqual(await data(settings.forwardingAddresses.list()), {});

    const plus = given.account.replace('@', '+shop@');
    const own = (await data(settings.sendAs.list())).sendAs;
    assert.deepEqual(own.map((one) => [one.sendAsEmail, one.isPrimary, one.isDefault]), [[given.account, true, true]]);
    const sender = await data(settings.sendAs.create({ requestBody: { sendAsEmail: plus, displayName: 'Shop', replyToAddress: given.other } }));
    assert.deepEqual([sender.displayName, sender.verificationStatus], ['Shop', 'accepted']);
    assert.equal((await data(settings.sendAs.patch({ sendAsEmail: plus, requestBody: { isDefault: true, signature: '<b>S</b>' } }))).isDefault, true);
    assert.equal((await data(settings.sendAs.update({ sendAsEmail: plus, requestBody: { sendAsEmail: plus, displayName: 'Store' } }))).displayName, 'Store');
    assert.equal((await data(settings.sendAs.get({ sendAsEmail: plus }))).displayName, 'Store');
    assert.equal((await settings.sendAs.verify({ sendAsEmail: plus })).status, 204);
    await settings.sendAs.delete({ sendAsEmail: plus });
    assert.equal((await refused(settings.sendAs.get({ sendAsEmail: plus }))).code, 404);

    assert.deepEqual(await data(settings.delegates.list()), {});
    assert.equal((await refused(settings.delegates.get({ delegateEmail: given.other }))).code, 404);
    assert.equal((await refused(settings.delegates.create({ requestBody: { delegateEmail: given.other } }))).code, 403);
    assert.equal((await refused(settings.delegates.delete({ delegateEmail: given.other }))).code, 404);
  },

  async uploads() {
    const bytes = attached();
    const media = (body) => ({ mimeType: 'message/rfc822', body });
    // The client sends streams chunked, without Content-Length.
    const together = await data(users.messages.insert({ requestBody: { labelIds: ['INBOX', 'STARRED'] }, media: media(Readable.from([bytes])) }, { rootUrl }));
    assert.deepEqual(await labelsOf(together.id), ['INBOX', 'STARRED']);
    assert.deepEqual(Buffer.from((await data(users.messages.get({ id: together.id, format: 'raw' }))).raw, 'base64url'), bytes);
    const alone = await data(users.messages.import({ media: media(Readable.from([letter('alone')])) }, { rootUrl }));
    assert.equal(header(await data(users.messages.get({ id: alone.id, format: 'metadata' })), 'Subject'), 'alone');
    const large = letter('large', { from: given.account, to: given.other, text: `${'y'.repeat(76)}\r\n`.repeat(60_000) });
    const sent = await data(users.messages.send({ requestBody: {}, media: media(Readable.from([large.slice(0, 1e6), large.slice(1e6)])) }, { rootUrl }));
    assert.equal(header(await data(users.messages.get({ id: sent.id, format: 'metadata' })), 'Subject'), 'large');
    assert.equal((await refused(users.messages.insert({ requestBody: { labelIds: ['Label_99'] }, media: media(letter('x')) }, { rootUrl }))).code, 400);
  },
};

const scenario = process.argv[2];
if (scenario === 'surface') {
  console.log(JSON.stringify(surface(client.users, 'users', [])));
} else {
  await scenarios[scenario]();
  console.log(JSON.stringify([...called]));
}
