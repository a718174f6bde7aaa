import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { parseServiceAccount } from '../../../src/kick/fcm/service-account.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const SMALL = generateKeyPairSync('rsa', { modulusLength: 1024 });
const CURVE = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function pemOf({ privateKey: key }: { privateKey: typeof privateKey }): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

const GOOD = {
  type: 'service_account',
  project_id: 'some-project',
  private_key_id: 'abc',
  private_key: PEM,
  client_email: 'sender@some-project.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
};

const refused: readonly { title: string; text: string; problems: readonly string[] }[] = [
  { title: 'no JSON', text: '{"type":', problems: ['It is not a JSON object.'] },
  { title: 'a list', text: '[]', problems: ['It is not a JSON object.'] },
  {
    title: 'the file of a person',
    text: '{"type":"authorized_user"}',
    problems: [
      'Its "type" is "authorized_user", not "service_account": it is another kind of file.',
    ],
  },
  {
    title: "an app's google-services.json",
    text: '{"project_info":{}}',
    problems: ['Its "type" is not "service_account": it is another kind of file.'],
  },
  {
    title: 'an account without anything',
    text: '{"type":"service_account"}',
    problems: [
      '"project_id" is missing.',
      '"client_email" is missing.',
      '"token_uri" is missing.',
      '"private_key" is missing.',
    ],
  },
  {
    title: 'an empty member',
    text: member('project_id', ''),
    problems: ['"project_id" is missing.'],
  },
  {
    title: 'members of the wrong type',
    text: JSON.stringify({ ...GOOD, client_email: 5, private_key: [] }),
    problems: ['"client_email" must be a string.', '"private_key" must be a string.'],
  },
  {
    title: 'a member that is too long',
    text: member('client_email', `${'x'.repeat(2048)}@a`),
    problems: ['"client_email" is too long.'],
  },
  {
    title: 'a project id that would lead elsewhere in the path',
    text: member('project_id', '../other'),
    problems: ['"project_id" is not the id of a project.'],
  },
  {
    title: 'an address that is none',
    text: member('client_email', 'sender'),
    problems: ['"client_email" is not an e-mail address.'],
  },
  {
    title: 'a token endpoint in clear',
    text: member('token_uri', 'http://oauth2.googleapis.com/token'),
    problems: ['"token_uri" is not an https URL.'],
  },
  {
    title: 'a key that was cut',
    text: member('private_key', PEM.slice(0, 200)),
    problems: ['"private_key" is not a private key in PEM form; was the file cut or edited?'],
  },
  {
    title: 'a key that is too small',
    text: member('private_key', pemOf(SMALL)),
    problems: ['"private_key" must be an RSA key of at least 2048 bits.'],
  },
  {
    title: 'a key of another kind',
    text: member('private_key', pemOf(CURVE)),
    problems: ['"private_key" must be an RSA key of at least 2048 bits.'],
  },
];

function member(name: string, value: string): string {
  return JSON.stringify({ ...GOOD, [name]: value });
}

describe("A service account's file", () => {
  it('is read', () => {
    const reading = parseServiceAccount(JSON.stringify(GOOD));
    if (reading.kind === 'refused') throw new Error(reading.problems.join(' '));
    const { privateKey: key, ...rest } = reading.account;
    expect(rest).to.deep.equal({
      projectId: 'some-project',
      clientEmail: 'sender@some-project.iam.gserviceaccount.com',
      privateKeyId: 'abc',
      tokenUrl: 'https://oauth2.googleapis.com/token',
    });
    expect(key.equals(privateKey)).to.equal(true);
  });

  it('may name no key id, and a project of old', () => {
    const { private_key_id: _, ...older } = GOOD;
    const text = JSON.stringify({ ...older, project_id: 'example.com:some-project' });
    const reading = parseServiceAccount(text);
    if (reading.kind === 'refused') throw new Error(reading.problems.join(' '));
    expect(reading.account.projectId).to.equal('example.com:some-project');
    expect(reading.account.privateKeyId).to.equal(undefined);
  });

  for (const { title, text, problems } of refused) {
    it(`is refused with what is wrong: ${title}`, () => {
      expect(parseServiceAccount(text)).to.deep.equal({ kind: 'refused', problems });
    });
  }

  it('does not show its key when it is printed or made JSON', () => {
    const reading = parseServiceAccount(JSON.stringify(GOOD));
    const line = PEM.split('\n')[1] ?? '';
    expect(line).to.have.length(64);
    expect(inspect(reading, { depth: 9, showHidden: true })).not.to.contain(line);
    expect(JSON.stringify(reading)).not.to.contain(line);
  });
});
