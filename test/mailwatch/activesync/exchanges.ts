import type { Credentials, ExchangeRequest } from '../../../src/mailwatch/account.ts';

/** The answer "nothing new" to a Ping, as Exchange writes it: status 1. */
export const NO_CHANGE = Buffer.from('03016a000d45470331000101', 'hex');
/** Status 2, with a folder that has changed. */
export const CHANGE = Buffer.from('03016a000d454703320001494a033500010101', 'hex');
/** What the device asks: heartbeat and folders. */
export const QUESTION = Buffer.from('03016a000d454803363000014949034a033500010101', 'hex');

export const PATH = '/Microsoft-Server-ActiveSync?Cmd=Ping&User=ada&DeviceId=1&DeviceType=phone';
export const PING: ExchangeRequest = {
  path: PATH,
  requestData: QUESTION.toString('base64'),
  noChangeReply: NO_CHANGE.toString('base64'),
  isSync: false,
  responseTimeoutMs: 600_000,
  protocolVersion: '14.1',
};
export const SYNC: ExchangeRequest = {
  path: PATH.replace('Ping', 'Sync'),
  requestData: QUESTION.toString('base64'),
  isSync: true,
  responseTimeoutMs: 600_000,
  protocolVersion: '14.1',
};
export const PASSWORD: Credentials = { kind: 'password', username: 'ada', password: 'sesäme' };
export const TOKEN: Credentials = {
  kind: 'oauth',
  username: 'ada',
  refreshToken: 'refresh',
  tokenEndpoint: 'https://login.example/token',
  clientId: 'client',
  accessToken: 'access',
};
