/** The fake IMAP server in a process of its own, so that what it needs is not counted: prints its port as JSON, and serves until it is killed. */
import { FakeImap } from '../test/support/fake-imap.ts';
import { makeKickCertificates } from '../test/support/kick-certificates.ts';

const certificates = await makeKickCertificates();
const fake = await FakeImap.open(certificates);
fake.passwords.set('ada', 'correct horse');
fake.arrive();
console.log(JSON.stringify({ port: fake.port, ca: certificates.ca }));
