// Every address inside the console is made here.
const part = encodeURIComponent;

export const paths = {
  signIn: () => '/sign-in',
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
  audit: () => '/audit',
  settings: () => '/settings',
};
