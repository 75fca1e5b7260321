// Services, their versions, and packages that are uploaded.
import type { Back } from '../back.ts';
import { before } from '../data.ts';
import { everything, plain } from '../forms.ts';
import { missing, part, whole, type Schemas } from '../router.ts';

export function services({ state, router, changed, serviceOf, versionOf, versionsOf, audit }: Back) {
  router.on('get', '/api/v1/services', ({ query }) => {
    const search = (query.get('search') ?? '').toLowerCase();
    const kind = query.get('kind');
    return part(
      state.services.filter(
        (service) =>
          (!kind || service.kind === kind) &&
          `${service.name} ${service.description}`.toLowerCase().includes(search),
      ),
      query,
    );
  });
  router.on('get', '/api/v1/services/{name}', ({ params }) => serviceOf(params['name'] ?? ''));
  router.on('get', '/api/v1/services/{name}/versions', ({ params }) =>
    whole(versionsOf(serviceOf(params['name'] ?? '').name)),
  );
  router.on('get', '/api/v1/services/{name}/versions/{version}', ({ params }) => versionOf(params));
  router.on('get', '/api/v1/services/{name}/versions/{version}/form', ({ params }) =>
    versionOf(params).service === 'everything' ? everything : plain,
  );
  router.on('get', '/api/v1/services/{name}/versions/{version}/readme', ({ params }) => {
    const { service, version, has_readme } = versionOf(params);
    if (!has_readme) throw missing('readme', `${service}@${version}`);
    return new Response(
      `# ${service}\n\nA made-up service of the mock back end.\n\n## Values\n\n| name | default |\n|---|---|\n| \`replicas\` | 1 |\n`,
      { headers: { 'content-type': 'text/markdown' } },
    );
  });
  router.on(
    'post',
    '/api/v1/packages',
    ({ query }) => {
      const file = query.get('filename') ?? 'package.tgz';
      const [, name = 'package', version = '0.1.0'] = /^(.+?)-(\d+\.\d+\.\d+)\./.exec(file) ?? [];
      const broken = file.startsWith('broken');
      const made: Schemas['Version'] = {
        service: name,
        version,
        created_at: before(0),
        digest: `sha256:${'ab'.repeat(32)}`,
        size: 2000,
        state: broken ? 'rejected' : 'ready',
        state_reason: broken ? '1 finding refuses the package' : null,
        has_readme: false,
        facts: {},
        findings: broken
          ? [
              {
                id: 'f1',
                check: 'OSC-LINT-template',
                severity: 'high',
                result: 'failed',
                message: 'unexpected `}` in template',
                path: 'templates/deployment.yaml',
                line: 12,
                object: null,
                remediation: 'close the action with `}}`',
                blocking: true,
              },
            ]
          : [],
      };
      state.versions.unshift(made);
      if (!state.services.some((service) => service.name === name)) {
        state.services.unshift({
          name,
          kind: 'helm',
          description: null,
          categories: [],
          keywords: [],
          icon: null,
          provider: 'default',
          state: 'private',
          subscribed: true,
          created_at: before(0),
          latest_version: broken ? null : version,
          versions: 1,
        });
      }
      audit('UploadServiceVersion', 'file', file);
      changed('services');
      return [made];
    },
    201,
  );
}
