// A mail program that keeps what it knows between connections: CONDSTORE, QRESYNC and OBJECTID by imapflow. Prints what
// it saw as JSON.
import { ImapFlow } from 'imapflow';

const [host, port, user, pass] = process.argv.slice(2);
const connect = async () => {
  const client = new ImapFlow({ host, port: Number(port), secure: true, qresync: true, auth: { user, pass }, logger: false, tls: { rejectUnauthorized: false } });
  client.vanished = [];
  client.on('expunge', (data) => client.vanished.push(data.uid));
  await client.connect();
  return client;
};
const seen = {};
const one = await connect();
seen.enabled = [...one.enabled].sort();
let box = await one.mailboxOpen('INBOX');
seen.mailboxId = box.mailboxId;
const since = box.highestModseq;
seen.ids = [];
for await (const message of one.fetch('1:*', { uid: true, emailId: true, threadId: true, flags: true }))
  seen.ids.push([message.uid, message.emailId, message.threadId]);
seen.status = (await one.status('INBOX', { highestModseq: true })).highestModseq === since;

const other = await connect();
await other.mailboxOpen('INBOX');
await other.messageFlagsAdd('2', ['\\Flagged'], { uid: true });
await other.messageDelete('1', { uid: true });
seen.deletedBy = [...other.vanished];
await other.logout();

await one.noop();
seen.told = [...one.vanished];
seen.changed = [];
for await (const message of one.fetch('1:*', { uid: true, flags: true }, { uid: true, changedSince: since }))
  seen.changed.push([message.uid, [...message.flags], message.modseq > since]);
seen.found = await one.search({ modseq: since + 1n }, { uid: true });
await one.logout();
console.log(JSON.stringify(seen));
