import { expect } from 'chai';
import { chooseSubprotocol, isOriginAllowed } from '../../src/socket/device-listener.ts';

describe('chooseSubprotocol', () => {
  const offers = [
    { offered: 'push-notification', chosen: 'push-notification' },
    { offered: 'chat, push-notification', chosen: 'push-notification' },
    { offered: 'push-notification,chat', chosen: 'push-notification' },
    { offered: 'Push-Notification', chosen: '' },
    { offered: 'chat', chosen: '' },
    { offered: '', chosen: '' },
  ];
  for (const { offered, chosen } of offers) {
    it(`answers ${JSON.stringify(chosen)} to ${JSON.stringify(offered)}`, () => {
      expect(chooseSubprotocol(offered)).to.equal(chosen);
    });
  }
});

describe('isOriginAllowed', () => {
  const listed = ['https://app.example'];
  const origins = [
    { origins: [], origin: 'https://any.example', isAllowed: true },
    { origins: listed, origin: '', isAllowed: true },
    { origins: listed, origin: 'https://app.example', isAllowed: true },
    { origins: listed, origin: 'HTTPS://App.Example', isAllowed: true },
    { origins: listed, origin: 'http://app.example', isAllowed: false },
    { origins: listed, origin: 'https://app.example:8443', isAllowed: false },
    { origins: listed, origin: 'https://app.example.evil', isAllowed: false },
    { origins: listed, origin: 'null', isAllowed: false },
  ];
  for (const { origins: allowed, origin, isAllowed } of origins) {
    it(`${isAllowed ? 'lets in' : 'refuses'} ${origin || 'no origin'} where ${allowed.join() || 'nothing'} is listed`, () => {
      expect(isOriginAllowed(allowed, origin)).to.equal(isAllowed);
    });
  }
});
