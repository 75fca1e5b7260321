import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './style.css';

import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router';

import { asApiError } from '~/api/errors';

import { router } from './app';
import { Frame } from './layouts/Frame';

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the server refused stays refused; only a lost connection or a fault of it is tried again.
      retry: (count, error) => {
        const { status } = asApiError(error);
        return count < 2 && (status === 0 || status >= 502);
      },
    },
  },
});

const root = document.getElementById('root');
if (!root) throw new Error('the page has no root element');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Frame>
        {/* A page that is left goes at once: as a transition it would live on and ask for what is gone. */}
        <RouterProvider router={router} useTransitions={false} />
      </Frame>
    </QueryClientProvider>
  </StrictMode>,
);
