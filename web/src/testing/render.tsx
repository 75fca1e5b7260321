// Renders pages and parts over the mock back end, as the console does.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, configure, render } from '@testing-library/react';
import { ConfigProvider } from 'antd';
import type { ReactNode } from 'react';
import { createMemoryRouter, RouterProvider, useLocation } from 'react-router';
import { afterEach, vi } from 'vitest';

import { Frame } from '~/layouts/Frame';

import { createMock, type Mock } from '../../mock-api/handlers.ts';

// A busy machine takes its time.
configure({ asyncUtilTimeout: 10_000 });

// What jsdom lacks and Ant Design asks for.
vi.stubGlobal(
  'ResizeObserver',
  class {
    observe() {}
    unobserve() {}
    disconnect() {}
  },
);
vi.stubGlobal('matchMedia', (media: string) => ({
  media,
  matches: false,
  addListener() {},
  removeListener() {},
  addEventListener() {},
  removeEventListener() {},
}));
const computed = window.getComputedStyle.bind(window);
window.getComputedStyle = (element) => computed(element);
Range.prototype.getClientRects = () => [] as unknown as DOMRectList;

afterEach(() => {
  cleanup();
  localStorage.clear();
});

/** Where the router is, so that a test can ask. */
function Place() {
  const { pathname, search } = useLocation();
  return <output aria-label="address">{pathname + search}</output>;
}

/** One page at an address, over a fresh mock, prepared where a test needs it. `path` is the route's pattern. */
export function renderPage(
  page: ReactNode,
  path: string,
  address: string,
  prepare?: (mock: Mock) => void,
): Mock & { unmount: () => void } {
  const mock = createMock({ stepTime: 0 });
  prepare?.(mock);
  vi.stubGlobal('fetch', (request: Request) => mock.fetch(request));
  localStorage.setItem('osc.language', 'en-US');
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const router = createMemoryRouter(
    [
      {
        path,
        element: (
          <>
            {page}
            <Place />
          </>
        ),
      },
      { path: '*', element: <Place /> },
    ],
    { initialEntries: [address] },
  );
  const { unmount } = render(
    <QueryClientProvider client={client}>
      <Frame>
        {/* No styles: nothing is painted here, and looking every rule up takes most of the time. */}
        <ConfigProvider theme={{ zeroRuntime: true }}>
          <RouterProvider router={router} useTransitions={false} />
        </ConfigProvider>
      </Frame>
    </QueryClientProvider>,
  );
  return Object.assign(mock, { unmount });
}

/** A part of a page. */
export const renderPart = (part: ReactNode) => renderPage(part, '/', '/');
