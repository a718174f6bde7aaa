import { expect } from 'chai';
import { storeLimitsOf } from '../../src/config/store-limits.ts';
import { configOf } from './load.ts';

describe('storeLimitsOf', () => {
  it('gives milliseconds for days', () => {
    const text = `
      [storage]
      channels_per_device_max = 7
      channel_ttl_days = 3
      update_ttl_days = 2
      gone_ttl_days = 1`;
    expect(storeLimitsOf(configOf(text))).to.deep.equal({
      channelsPerDeviceMax: 7,
      channelTtlMs: 259_200_000,
      updateTtlMs: 172_800_000,
      goneTtlMs: 86_400_000,
    });
  });
});
