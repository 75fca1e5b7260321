// The words of steps in the reader's language. Plugins name their steps in English; what is not known here stays as it is.
import type { TextKey, Translate } from '~/i18n';

const names: [RegExp, TextKey][] = [
  [/^ensure the namespace$/, 'steps.namespace'],
  [/^record revision (?<number>\d+) as pending$/, 'steps.recordPending'],
  [/^record revision (?<number>\d+) as deployed$/, 'steps.recordDeployed'],
  [/^record revision (?<number>\d+) as failed$/, 'steps.recordFailed'],
  [/^record revision (?<number>\d+) as abandoned$/, 'steps.recordAbandoned'],
  [/^record revision (?<number>\d+) as adopted$/, 'steps.recordAdopted'],
  [/^apply (?<count>\d+) definitions?$/, 'steps.definitions'],
  [/^wait for (?:the chart's )?definitions$/, 'steps.definitionsWait'],
  [/^apply (?<count>\d+) objects?: (?<what>.+)$/, 'steps.apply'],
  [/^run (?<event>\S+) hook (?<name>.+)$/, 'steps.hook'],
  [/^wait until (?<count>\d+) objects? (?:is|are) ready$/, 'steps.ready'],
  [/^remove (?<count>\d+) objects? that fell out$/, 'steps.prune'],
  [/^delete (?<count>\d+) objects? of (?<event>\S+) hooks$/, 'steps.deleteHooks'],
  [/^delete (?<count>\d+) objects?: (?<what>.+)$/, 'steps.delete'],
  [/^delete (?<count>\d+) volumes? of claim templates$/, 'steps.deleteVolumes'],
  [/^delete the namespace `(?<name>.+)`$/, 'steps.deleteNamespace'],
];

const stages: Record<string, TextKey> = {
  'namespaces and priorities': 'steps.stageNamespaces',
  'configuration and accounts': 'steps.stageConfiguration',
  definitions: 'steps.stageDefinitions',
  roles: 'steps.stageRoles',
  'role bindings': 'steps.stageBindings',
  services: 'steps.stageServices',
  workloads: 'steps.stageWorkloads',
  'ingresses and API services': 'steps.stageIngresses',
  webhooks: 'steps.stageWebhooks',
  'other objects': 'steps.stageOthers',
};

const messages: [RegExp, TextKey][] = [
  [/^made$/, 'steps.made'],
  [/^exists already$/, 'steps.exists'],
  [/^cancelled$/, 'steps.cancelled'],
  [/^(?<count>\d+) objects? deleted$/, 'steps.deleted'],
  [/^(?<count>\d+) objects?$/, 'steps.objects'],
];

function said(text: string, table: [RegExp, TextKey][], t: Translate): string {
  for (const [pattern, key] of table) {
    const match = pattern.exec(text);
    if (!match) continue;
    const values: Record<string, string> = { ...match.groups };
    const stage = stages[values['what'] ?? ''];
    return t(key, stage ? { ...values, what: t(stage) } : values);
  }
  return text;
}

export const stepName = (name: string, t: Translate) => said(name, names, t);

/** Nothing when the name tells it already: how many objects it is about. */
export function stepMessage({ name, message }: { name: string; message?: string | null }, t: Translate) {
  if (!message) return null;
  const known = /^\d+ objects?$/.test(message) && /^(apply|record) /.test(name);
  return known ? null : said(message, messages, t);
}
