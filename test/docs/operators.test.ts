import { expect } from 'chai';
import { filesBelow, readPage, readText, rowsIn, sectionOf } from './pages.ts';

const ALERTS = readText('deploy/alerts.yml');
const METRICS = readPage('METRICS.md');

describe('the alert rules', () => {
  it('use only metrics that METRICS.md lists', () => {
    const listed = METRICS.rows.map(([name = '']) => name).join(' ');
    const used = new Set(ALERTS.match(/\b(?:reveille|nodejs|process)_[a-z0-9_]+\b/g));
    const unknown = [...used].filter(
      (name) => !listed.includes(`\`${name.replace(/_bucket$/, '')}\``),
    );
    expect(unknown).to.deep.equal([]);
  });

  it('are those that METRICS.md explains', () => {
    const named = [...METRICS.text.matchAll(/\[`(Reveille\w+)`\]/g)].map(([, name]) => name);
    const ruled = [...ALERTS.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
    expect(ruled).to.have.members(named);
  });
});

describe("the operator's guide", () => {
  it('names only events that the log can have', () => {
    const source = filesBelow('src').map(readText).join('\n');
    const events = rowsIn(sectionOf(readPage('docs/operator-guide.md'), 'Monitoring'))
      .map(([first = '']) => /^`([a-z._]+)`$/.exec(first)?.[1])
      .filter((event) => event !== undefined);
    expect(events.length).to.be.greaterThan(5);
    expect(events.filter((event) => !source.includes(`'${event}'`))).to.deep.equal([]);
  });

  it('knows every event of warn and error', () => {
    const source = filesBelow('src')
      .map((path) => readText(path).replaceAll(/^ *\*.*$/gm, ''))
      .join('\n');
    const logged = [
      ...source.matchAll(/\blog\??\.(?:warn|error)\([^;]*?'([a-z]+(?:\.[a-z_]+)+)'/g),
    ];
    const guide = readPage('docs/operator-guide.md').text;
    const unknown = logged.map(([, event = '']) => event).filter((event) => !guide.includes(event));
    expect([...new Set(unknown)]).to.deep.equal([]);
  });
});

describe('ARCHITECTURE.md', () => {
  it('has the arrows that the architecture test holds', () => {
    const told = rowsIn(sectionOf(readPage('ARCHITECTURE.md'), 'Folders and arrows'));
    const arrows = [
      ...(
        /const ARROWS[\s\S]*?^\};$/m.exec(readText('test/architecture.test.ts'))?.[0] ?? ''
      ).matchAll(/^ {2}'([^']+)': (\[.*\]|OPEN_TO_ALL),$/gm),
    ];
    expect(arrows.length).to.be.greaterThan(15);
    for (const [, row = '', list = ''] of arrows) {
      const [, may = ''] = told.findLast(([rows = '']) => rows.includes(`\`${row}\``)) ?? [];
      const named = [...list.matchAll(/'([^']+)'/g)].map(([, target = '']) => target);
      const written = [...may.matchAll(/`([^`]+)`/g)].map(([, target = '']) => target);
      expect(written, row).to.have.members(named.filter((target) => target !== ''));
      const isOpen = list.includes('OPEN_TO_ALL') || list === "['']";
      expect(!may.startsWith('only'), row).to.equal(isOpen);
    }
  });
});
