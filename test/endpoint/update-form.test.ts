import { expect } from 'chai';
import { type FormSource, readUpdateForm } from '../../src/endpoint/update-form.ts';

const RULES = { dataBytesMax: 8, nowMs: () => 1_800_000_000_999 };
const NOW_SECS = 1_800_000_000;

function read(source: { readonly body?: string } & Partial<Omit<FormSource, 'body'>>) {
  const { body = '', contentType = '', query = '' } = source;
  return readUpdateForm({ body: Buffer.from(body), contentType, query }, RULES);
}

/** A part of each field, as browsers write them. */
function multipart(fields: Readonly<Record<string, string>>, boundary = 'here') {
  const parts = Object.entries(fields).map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return {
    body: `${parts.join('')}--${boundary}--\r\n`,
    contentType: `multipart/form-data; boundary=${boundary}`,
  };
}

describe('readUpdateForm', () => {
  const forms: readonly {
    title: string;
    source: Parameters<typeof read>[0];
    version: number;
    data?: string;
  }[] = [
    { title: 'a version alone', source: { body: 'version=17' }, version: 17 },
    {
      title: 'a version of sixteen digits',
      source: { body: 'version=9007199254740991' },
      version: 2 ** 53 - 1,
    },
    { title: 'both fields', source: { body: 'version=17&data=x' }, version: 17, data: 'x' },
    { title: 'nothing', source: {}, version: NOW_SECS },
    {
      title: 'bytes that are no UTF-8',
      source: { body: 'version=1&data=%ff' },
      version: 1,
      data: '\ufffd',
    },
    {
      title: 'an escape that is none',
      source: { body: 'version=1&data=%zz' },
      version: 1,
      data: '%zz',
    },
    {
      title: 'a version of the query beside data of the body',
      source: { body: 'data=x', query: 'version=2' },
      version: 2,
      data: 'x',
    },
    {
      title: 'an empty version of the body over one of the query',
      source: { body: 'version=', query: 'version=2' },
      version: NOW_SECS,
    },
    { title: 'multipart', source: multipart({ version: '17', data: 'x' }), version: 17, data: 'x' },
    {
      title: 'multipart without a version',
      source: multipart({ data: 'x' }),
      version: NOW_SECS,
      data: 'x',
    },
    {
      title: 'multipart with a query',
      source: { ...multipart({ data: 'x' }), query: 'version=2' },
      version: 2,
      data: 'x',
    },
    {
      title: 'as much data as there may be',
      source: { body: 'version=1&data=12345678' },
      version: 1,
      data: '12345678',
    },
  ];
  for (const { title, source, version, data } of forms) {
    it(`reads ${title}`, async () => {
      expect(await read(source)).to.deep.equal({ kind: 'update', version, data });
    });
  }

  it('passes over a file that is called like a field', async () => {
    const { body, contentType } = multipart({ version: '17' });
    const asFile = body.replace('name="version"', 'name="version"; filename="v.txt"');
    expect(await read({ body: asFile, contentType })).to.include({ version: NOW_SECS });
  });

  const refused: readonly { title: string; source: Parameters<typeof read>[0]; answer: string }[] =
    [
      { title: 'a version that is none', source: { body: 'version=x' }, answer: 'invalidVersion' },
      {
        title: 'a version of the query that is none',
        source: { query: 'version=-1' },
        answer: 'invalidVersion',
      },
      {
        title: 'a byte of data too much',
        source: { body: 'version=1&data=123456789' },
        answer: 'dataTooLong',
      },
      {
        title: 'a byte of UTF-8 too much',
        source: { body: 'data=1234567%C3%A9' },
        answer: 'dataTooLong',
      },
      {
        title: 'a bad version before long data',
        source: { body: 'version=x&data=123456789' },
        answer: 'invalidVersion',
      },
      {
        title: 'multipart without its boundary',
        source: { body: 'x', contentType: 'multipart/form-data' },
        answer: 'invalidBody',
      },
      {
        title: 'multipart that is cut off',
        source: {
          body: multipart({ version: '1' }).body.slice(0, -9),
          contentType: 'multipart/form-data; boundary=here',
        },
        answer: 'invalidBody',
      },
      {
        title: 'multipart of another boundary',
        source: {
          ...multipart({ version: '1' }),
          contentType: 'multipart/form-data; boundary=there',
        },
        answer: 'invalidBody',
      },
    ];
  for (const { title, source, answer } of refused) {
    it(`refuses ${title}`, async () => {
      expect(await read(source)).to.deep.equal({ kind: 'refused', answer });
    });
  }

  it('answers at once but for multipart', () => {
    expect(read({ body: 'version=1&data=x' })).not.to.be.instanceOf(Promise);
    expect(read({ body: 'x', contentType: 'text/plain' })).not.to.be.instanceOf(Promise);
  });
});
