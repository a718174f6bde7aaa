import { expect } from 'chai';
import { HandClock } from '../storage/hand-clock.ts';
import { type PutOptions, put, putStatus } from '../support/put.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

const FORM = 'application/x-www-form-urlencoded';
/** The time that stands still in these tests, in seconds. */
const NOW_SECS = Math.floor(new HandClock().nowMs() / 1000);

function formData(fields: Readonly<Record<string, string>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

interface Accepted {
  readonly title: string;
  readonly request: PutOptions;
  readonly query?: string;
  readonly version: number;
  readonly data?: string;
}

const ACCEPTED: readonly Accepted[] = [
  {
    title: 'a form',
    request: { body: 'version=7&data=x', contentType: FORM },
    version: 7,
    data: 'x',
  },
  {
    title: 'a form with a charset',
    request: { body: 'version=7', contentType: `${FORM}; charset=utf-8` },
    version: 7,
  },
  {
    title: 'a form by another case',
    request: { body: 'version=7', contentType: 'Application/X-WWW-Form-URLEncoded' },
    version: 7,
  },
  { title: 'no Content-Type', request: { body: 'version=7&data=x' }, version: 7, data: 'x' },
  {
    title: 'multipart',
    request: { body: formData({ version: '7', data: 'x' }) },
    version: 7,
    data: 'x',
  },
  {
    title: 'a text, whose body is passed over',
    request: { body: 'version=7&data=x', contentType: 'text/plain' },
    version: NOW_SECS,
  },
  {
    title: 'JSON, whose body is passed over',
    request: { body: '{"version":7}', contentType: 'application/json' },
    version: NOW_SECS,
  },
  {
    title: 'a Content-Type that is none',
    request: { body: 'version=7', contentType: ';;;' },
    version: NOW_SECS,
  },
  { title: 'an empty body', request: { body: '' }, version: NOW_SECS },
  { title: 'an empty version', request: { body: 'version=&data=x' }, version: NOW_SECS, data: 'x' },
  { title: 'empty data', request: { body: 'version=7&data=' }, version: 7 },
  { title: 'data alone', request: { body: 'data=x' }, version: NOW_SECS, data: 'x' },
  { title: 'a name in upper case', request: { body: 'VERSION=7' }, version: NOW_SECS },
  { title: 'a version twice', request: { body: 'version=7&version=8' }, version: 7 },
  { title: 'other fields', request: { body: 'a=b&version=7&c' }, version: 7 },
  {
    title: 'escapes',
    request: { body: 'version=%37&data=a+b%26%C3%A9' },
    version: 7,
    data: 'a b&\u00e9',
  },
  { title: 'a query', request: { body: '' }, query: 'version=9&data=q', version: 9, data: 'q' },
  { title: 'a body over a query', request: { body: 'version=7' }, query: 'version=9', version: 7 },
  {
    title: 'a query where the body is passed over',
    request: { body: 'version=7', contentType: 'text/plain' },
    query: 'version=9',
    version: 9,
  },
];

const VERSIONS: readonly { text: string; version: number | undefined }[] = [
  { text: '0', version: 0 },
  { text: '1', version: 1 },
  { text: '007', version: 7 },
  { text: '999999999999999', version: 999_999_999_999_999 },
  { text: '9007199254740991', version: 2 ** 53 - 1 },
  { text: '9007199254740992', version: undefined },
  { text: '9223372036854775807', version: undefined },
  { text: '-1', version: undefined },
  { text: '%2B5', version: undefined },
  { text: '+5', version: undefined },
  { text: '5+', version: undefined },
  { text: '1.5', version: undefined },
  { text: '1e3', version: undefined },
  { text: '0x10', version: undefined },
  { text: 'abc', version: undefined },
  { text: '%D9%A1', version: undefined },
];

describeRule('App-server side 1: PUT', (open) => {
  for (const { title, request, query, version, data } of ACCEPTED) {
    it(`reads ${title}`, async () => {
      await using server = await open({ clock: new HandClock() });
      const { device, channelID, endpoint } = await subscribe(server);
      const url = query === undefined ? endpoint : `${endpoint}?${query}`;
      expect(await putStatus(url, request)).to.equal(200);
      expect(await device.next()).to.deep.equal(notificationOf(channelID, version, data));
    });
  }

  for (const { text, version } of VERSIONS) {
    it(`${version === undefined ? 'refuses' : 'takes'} the version ${text}`, async () => {
      await using server = await open();
      const { device, channelID, endpoint } = await subscribe(server);
      const answer = await put(endpoint, { body: `version=${text}` });
      if (version === undefined) {
        expect(answer).to.include({ status: 400, text: '"Invalid Version"' });
        await device.ping();
        expect(device.takeUnread()).to.deep.equal([]);
      } else {
        expect(answer.status).to.equal(200);
        expect(await device.next()).to.deep.equal(notificationOf(channelID, version));
      }
    });
  }

  it('stores version 0 like any other', async () => {
    await using server = await open();
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await device.close();
    expect(await putStatus(endpoint, { version: 0 })).to.equal(202);
    const again = await server.connect();
    await again.hello({ uaid });
    expect(await again.next()).to.deep.equal(notificationOf(channelID, 0));
  });

  const limits = [
    { title: '4096 letters', data: 'x'.repeat(4096), status: 200 },
    { title: '4097 letters', data: 'x'.repeat(4097), status: 413 },
    { title: '4096 bytes of UTF-8', data: '\u00e9'.repeat(2048), status: 200 },
    { title: '4097 bytes of UTF-8', data: `${'\u00e9'.repeat(2048)}x`, status: 413 },
    { title: '4096 bytes of emoji', data: '\u{1f514}'.repeat(1024), status: 200 },
  ];
  for (const { title, data, status } of limits) {
    it(`answers ${status} to ${title} of data`, async () => {
      await using server = await open();
      const { device, channelID, endpoint } = await subscribe(server);
      const answer = await put(endpoint, { version: 1, data });
      expect(answer.status).to.equal(status);
      if (status === 200) {
        expect(await device.next()).to.deep.equal(notificationOf(channelID, 1, data));
      } else {
        expect(answer.text).to.equal('"Data Too Long"');
      }
    });
  }

  it('takes as much data as is configured', async () => {
    await using server = await open({ settings: { 'endpoint.data_bytes_max': 3 } });
    const { endpoint } = await subscribe(server);
    expect(await putStatus(endpoint, { version: 1, data: 'xxx' })).to.equal(200);
    expect(await putStatus(endpoint, { version: 1, data: 'xxxx' })).to.equal(413);
  });

  it('stores nothing of what it refuses', async () => {
    await using server = await open();
    const { device, uaid, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1, data: 'x'.repeat(4097) });
    await putStatus(endpoint, { version: 'abc' });
    await device.hello({ uaid });
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
  });
});
