// Routes. Pages load when they are first opened.
import { lazy, Suspense } from 'react';
import { createBrowserRouter } from 'react-router';

import AppLayout from './layouts/AppLayout';

const page = (load: () => Promise<{ default: React.ComponentType }>) => {
  const Page = lazy(load);
  return <Page />;
};

export const router = createBrowserRouter([
  { path: '/sign-in', element: <Suspense>{page(() => import('./pages/SignIn'))}</Suspense> },
  {
    element: <AppLayout />,
    children: [
      { path: '/', element: page(() => import('./pages/catalogue/Catalogue')) },
      { path: '/upload', element: page(() => import('./pages/catalogue/Upload')) },
      { path: '/services/:service', element: page(() => import('./pages/catalogue/Service')) },
      { path: '/services/:service/deploy', element: page(() => import('./pages/instances/Deploy')) },
      { path: '/subscriptions', element: page(() => import('./pages/subscriptions/Subscriptions')) },
      { path: '/instances', element: page(() => import('./pages/instances/Instances')) },
      { path: '/instances/:id', element: page(() => import('./pages/instances/Instance')) },
      { path: '/instances/:id/edit', element: page(() => import('./pages/instances/Edit')) },
      { path: '/plans/:id', element: page(() => import('./pages/plans/Plan')) },
      { path: '/operations', element: page(() => import('./pages/operations/Operations')) },
      { path: '/operations/:id', element: page(() => import('./pages/operations/Operation')) },
      { path: '/clusters', element: page(() => import('./pages/clusters/Clusters')) },
      { path: '/reviews', element: page(() => import('./pages/reviews/Reviews')) },
      { path: '/plugins', element: page(() => import('./pages/plugins/Plugins')) },
      { path: '/audit', element: page(() => import('./pages/audit/Audit')) },
      { path: '/settings', element: page(() => import('./pages/settings/Settings')) },
      { path: '*', element: page(() => import('./pages/NotFound')) },
    ],
  },
]);
