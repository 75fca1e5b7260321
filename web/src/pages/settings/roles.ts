// Names of roles.
import type { TextKey } from '~/i18n';

const roles: Record<string, TextKey> = {
  owner: 'role.owner',
  provider: 'role.provider',
  consumer: 'role.consumer',
  viewer: 'role.viewer',
  administrator: 'role.administrator',
  reviewer: 'role.reviewer',
};

export const tenantRoles = ['owner', 'provider', 'consumer', 'viewer'] as const;

export const roleKey = (role: string): TextKey => roles[role] ?? 'role.viewer';
