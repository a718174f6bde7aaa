/** How the two kinds of records are written: their text, their time, and when there must be room on a list first. */
import { RecordEditor } from './editor.ts';
import { joinList } from './lists.ts';
import type { Tables } from './places.ts';
import {
  channelEndMs,
  currentChannel,
  decodeChannel,
  decodeDevice,
  deviceEndMs,
  encodeChannel,
  encodeDevice,
} from './records.ts';

/** Channels whose state is remembered, some 350 bytes each: for them a PUT or an ack is one round trip instead of two. */
const REMEMBERED_CHANNELS_MAX = 50_000;

/** Lists change seldom. */
const REMEMBERED_DEVICES_MAX = 1_000;

export function createTables({ limits, clock }: Pick<Tables, 'limits' | 'clock'>): Tables {
  const devices: Tables['devices'] = new RecordEditor({
    clock,
    rememberedMax: REMEMBERED_DEVICES_MAX,
    kind: {
      encode: encodeDevice,
      decode: decodeDevice,
      endMs: (device) => deviceEndMs(device, limits),
      needsRoom: () => false,
      makeRoom: () => Promise.resolve(true),
    },
  });
  const channels: Tables['channels'] = new RecordEditor({
    clock,
    rememberedMax: REMEMBERED_CHANNELS_MAX,
    kind: {
      encode: encodeChannel,
      decode: decodeChannel,
      endMs: (channel) => channelEndMs(channel, limits),
      needsRoom: (record, next) =>
        next.kind === 'live' && currentChannel(record, clock.nowMs(), limits)?.kind !== 'live',
      makeRoom: (place) => joinList(place, tables),
    },
  });
  const tables: Tables = { devices, channels, limits, clock };
  return tables;
}
