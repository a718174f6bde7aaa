/**
 * What bare imapflow takes: `bare-connections.js <port> <count> <password> <settle ms>` opens so many TLS connections, each in IDLE, and
 * prints by how many kB (1000 bytes) its resident memory has grown.
 */
import { ImapFlow } from 'imapflow';

const HOST = '127.0.0.1';
const AT_ONCE = 8;
const BYTES_PER_KB = 1000;

const [port = '', count = '', password = '', settleMs = ''] = process.argv.slice(2);
const before = process.memoryUsage.rss();
const waiting = Array.from({ length: Number(count) }, (_, number) => `user-${number}`).values();
const clients: ImapFlow[] = [];
await Promise.all(Array.from({ length: AT_ONCE }, connectSome));
await new Promise((resolve) => setTimeout(resolve, Number(settleMs)));
console.log(((process.memoryUsage.rss() - before) / BYTES_PER_KB).toFixed(0));
for (const client of clients) client.close();

async function connectSome(): Promise<void> {
  for (const user of waiting) {
    const client = new ImapFlow({
      ...{ host: HOST, port: Number(port), secure: true, logger: false },
      auth: { user, pass: password },
      // It is measured how much the library holds, not whether the certificate is good.
      tls: { rejectUnauthorized: false },
    });
    client.on('error', (error) => {
      throw error;
    });
    await client.connect();
    await client.mailboxOpen('INBOX', { readOnly: true });
    void client.idle().catch(() => undefined);
    clients.push(client);
  }
}
