import { expect } from 'chai';
import { allocatorFor, flagsFor } from '../../src/commands/heap-tuning.ts';
import { filesBelow, readPage, readText, rowsIn, sectionOf } from './pages.ts';

const ALERTS = readText('deploy/alerts.yml');
const METRICS = readPage('METRICS.md');
const ROLES = ['push', 'kick', 'mail-gate', 'mailwatch'] as const;

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

describe("a role's unit of systemd", () => {
  for (const role of ROLES) {
    it(`starts ${role} with the memory that start gives it`, () => {
      const unit = readText(`deploy/reveille-${role}.service`);
      const [, flags = ''] =
        /^ExecStart=\/usr\/bin\/node (.*)build\/src\/main\.js/m.exec(unit) ?? [];
      expect(flags.trim().split(' ')).to.deep.equal(flagsFor(role));
      const told = [...unit.matchAll(/^Environment=(MALLOC_\w+)=(.*)$/gm)];
      expect(Object.fromEntries(told.map(([, name, value]) => [name, value]))).to.deep.equal(
        allocatorFor(role),
      );
    });
  }
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

  it('has the homes of packages that the architecture test holds', () => {
    const told = rowsIn(sectionOf(readPage('ARCHITECTURE.md'), 'Folders and arrows'));
    const homes = [
      ...(
        /const VENDOR_HOMES[\s\S]*?^\};$/m.exec(readText('test/architecture.test.ts'))?.[0] ?? ''
      ).matchAll(/^ {2}'?([^':\s]+)'?: \/(.*)\/,$/gm),
    ];
    expect(homes.length).to.be.greaterThan(12);
    for (const [, name = '', pattern = ''] of homes) {
      const home = new RegExp(pattern);
      const [, where = ''] = told.find(([names = '']) => names.split(', ').includes(name)) ?? [];
      const named = [...where.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path);
      expect(named, name).not.to.deep.equal([]);
      // A file is its home; a folder is when a file in it could be, and so is a pattern of names.
      const strays = named.filter((path) => {
        if (path.endsWith('…')) return !pattern.includes(path.slice(0, -1));
        return !home.test(path.endsWith('/') ? `${path}uws-a.ts` : path);
      });
      expect(strays, name).to.deep.equal([]);
    }
  });

  it('has every package that the program needs', () => {
    const told = rowsIn(sectionOf(readPage('ARCHITECTURE.md'), 'Folders and arrows'))
      .map(([names = '']) => names)
      .join(', ');
    const { dependencies } = JSON.parse(readText('package.json'));
    expect(
      Object.keys(dependencies).filter((name) => !told.split(', ').includes(name)),
    ).to.deep.equal([]);
  });

  it('names every role that there is', () => {
    const [, union = ''] = /type RoleName = (.*);/.exec(readText('src/commands/role.ts')) ?? [];
    const roles = [...union.matchAll(/'([^']+)'/g)].map(([, role = '']) => role);
    const told = rowsIn(sectionOf(readPage('ARCHITECTURE.md'), 'The shape')).map(([role]) => role);
    expect(roles.length).to.be.greaterThan(1);
    expect(told).to.include.members(roles.map((role) => `\`${role}\``));
  });
});

describe('CONTRIBUTING.md', () => {
  it('names every Debian package that the test command installs', () => {
    const needed = [...readText('test/support/packages.mjs').matchAll(/\{ name: '([^']+)'/g)];
    const { text } = readPage('CONTRIBUTING.md');
    expect(needed.length).to.be.greaterThan(3);
    expect(
      needed.map(([, name = '']) => name).filter((name) => !text.includes(`\`${name}\``)),
    ).to.deep.equal([]);
  });
});

describe('the units for systemd', () => {
  for (const path of filesBelow('deploy').filter((name) => name.endsWith('.service'))) {
    it(`run in ${path} a command that there is, and is one of those that the guide names`, () => {
      const text = readText(path);
      const [, command = ''] =
        /^ExecStart=.* build\/src\/main\.js ([a-z-]+) --config/m.exec(text) ?? [];
      expect(readText('src/main.ts')).to.match(new RegExp(`^ {2}'?${command}'?: async`, 'm'));
      expect(readPage('docs/operator-guide.md').text).to.include(`../${path})`);
    });
  }
});
