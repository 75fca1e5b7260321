import { expect, test } from 'vitest';

import { translator } from '~/i18n';

import { stepMessage, stepName } from './steps';

const english = translator('en-US');
const chinese = translator('zh-CN');

test('steps that are known are said in the language of the page', () => {
  expect(stepName('apply 1 object: services', chinese)).toBe('应用 1 个对象：服务');
  expect(stepName('apply 3 objects: workloads', english)).toBe('Apply 3 objects: workloads');
  expect(stepName('wait until 1 object is ready', english)).toBe('Wait until 1 object is ready');
  expect(stepName('run pre-install hook Job web-migration', chinese)).toBe(
    '运行 pre-install 钩子 Job web-migration',
  );
});

test('what another plugin says stays as it is', () => {
  expect(stepName('brew the coffee', chinese)).toBe('brew the coffee');
  expect(stepName('apply 2 objects: beans', chinese)).toBe('应用 2 个对象：beans');
  const step = { name: 'brew', message: 'the Deployment `web` is not ready' };
  expect(stepMessage(step, chinese)).toBe(step.message);
});

test('a count that the name holds is not said again', () => {
  expect(stepMessage({ name: 'apply 2 objects: roles', message: '2 objects' }, english)).toBeNull();
  expect(stepMessage({ name: 'brew', message: '2 objects' }, english)).toBe('2 objects');
  expect(stepMessage({ name: 'ensure the namespace', message: 'made' }, chinese)).toBe('已创建');
  expect(stepMessage({ name: 'brew', message: null }, english)).toBeNull();
});
