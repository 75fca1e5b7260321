// Every address inside the console is made here.
const part = encodeURIComponent;

/** An address of the console itself, else its first page: nobody's link may lead elsewhere. */
export function ownAddress(text: string | null): string {
  const own = text !== null && /^\/(?![/\\])/.test(text) && !text.startsWith('/sign-in');
  return own ? text : '/';
}

export const paths = {
  /** `next`: where to go then. `ended`: the session has ended while the console was open. */
  signIn: (next = '/', ended = false) => {
    const query = new URLSearchParams({ ...(next !== '/' && { next }), ...(ended && { ended: '1' }) });
    return query.size > 0 ? `/sign-in?${query}` : '/sign-in';
  },
  catalogue: () => '/',
  service: (service: string) => `/services/${part(service)}`,
  upload: () => '/upload',
  deploy: (service: string, version?: string) =>
    `/services/${part(service)}/deploy${version ? `?version=${part(version)}` : ''}`,
  subscriptions: () => '/subscriptions',
  instances: () => '/instances',
  instance: (id: string, tab?: string) => `/instances/${part(id)}${tab ? `?tab=${tab}` : ''}`,
  editInstance: (id: string) => `/instances/${part(id)}/edit`,
  plan: (id: string) => `/plans/${part(id)}`,
  operation: (id: string) => `/operations/${part(id)}`,
  operations: () => '/operations',
  clusters: () => '/clusters',
  plugins: () => '/plugins',
  reviews: () => '/reviews',
  audit: () => '/audit',
  settings: () => '/settings',
};
