// A stand-in for the browser's event streams, which a test opens, feeds and breaks.
import { act } from '@testing-library/react';
import { vi } from 'vitest';

export class FakeEvents extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static all: FakeEvents[] = [];

  readyState = FakeEvents.CONNECTING;
  onopen: (() => void) | null = null;
  onmessage: ((event: MessageEvent<string>) => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    FakeEvents.all.push(this);
  }

  close() {
    this.readyState = FakeEvents.CLOSED;
  }

  open() {
    this.readyState = FakeEvents.OPEN;
    act(() => this.onopen?.());
  }

  send(data: unknown) {
    act(() => this.onmessage?.(new MessageEvent('message', { data: JSON.stringify(data) })));
  }

  end() {
    act(() => void this.dispatchEvent(new MessageEvent('end', { data: '{}' })));
  }

  /** `refused`: the server answered with something else, and the browser gives up. */
  fail(refused = false) {
    this.readyState = refused ? FakeEvents.CLOSED : FakeEvents.CONNECTING;
    act(() => this.onerror?.());
  }
}

/** Every stream that the console opens from now on. */
export function fakeEvents(): { newest: () => FakeEvents; all: FakeEvents[] } {
  FakeEvents.all = [];
  vi.stubGlobal('EventSource', FakeEvents);
  const newest = () => {
    const last = FakeEvents.all.at(-1);
    if (!last) throw new Error('nobody listens');
    return last;
  };
  return { newest, all: FakeEvents.all };
}
