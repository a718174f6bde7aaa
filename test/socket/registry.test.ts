import { expect } from 'chai';
import { Registry } from '../../src/socket/registry.ts';
import { newDevice } from '../storage/store-fixtures.ts';
import { quietDeps } from '../support/quiet-deps.ts';
import { Conversation } from './conversation.ts';

describe('Registry', () => {
  const device = newDevice();
  const { session: older } = new Conversation(quietDeps());
  const { session: newer } = new Conversation(quietDeps());
  let registry: Registry;

  beforeEach(() => {
    registry = new Registry();
  });

  it('finds who joined, and nobody else', () => {
    expect(registry.join(device, older)).to.equal(undefined);
    expect(registry.find(device)).to.equal(older);
    expect(registry.find(newDevice())).to.equal(undefined);
    expect([...registry.all()]).to.deep.equal([older]);
  });

  it('hands back the older session of a device', () => {
    registry.join(device, older);
    expect(registry.join(device, newer)).to.equal(older);
    expect(registry.find(device)).to.equal(newer);
    expect(registry.size).to.equal(1);
  });

  it('lets nobody leave for another', () => {
    registry.join(device, older);
    registry.join(device, newer);
    registry.leave(device, older);
    expect(registry.find(device)).to.equal(newer);
    registry.leave(device, newer);
    expect(registry.size).to.equal(0);
  });

  it('takes a session once', () => {
    registry.join(device, older);
    expect(() => registry.join(device, older)).to.throw('a session joins once');
  });
});
