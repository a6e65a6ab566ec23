// Labels and Gmail's search language by imapflow. Prints what it saw as JSON.
import { ImapFlow } from 'imapflow';

const [host, port, user, pass] = process.argv.slice(2);
const client = new ImapFlow({ host, port: Number(port), secure: true, auth: { user, pass }, logger: false, tls: { rejectUnauthorized: false } });
const seen = {};
await client.connect();
const lock = await client.getMailboxLock('INBOX');
try {
  seen.gmail = client.capabilities.has('X-GM-EXT-1');
  seen.raw = await client.search({ gmraw: 'from:carol subject:"number 2"' }, { uid: true });
  await client.messageFlagsAdd('1', ['Travel', '\\Starred'], { useLabels: true });
  const one = await client.fetchOne('1', { labels: true, threadId: true, flags: true });
  seen.labels = [...one.labels].sort();
  seen.thread = typeof one.threadId;
  seen.flagged = one.flags.has('\\Flagged');
  await client.messageFlagsRemove('1', ['\\Starred'], { useLabels: true });
  seen.after = [...(await client.fetchOne('1', { labels: true })).labels].sort();
} finally {
  lock.release();
}
await client.logout();
console.log(JSON.stringify(seen));
