import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import { formOf } from '~/api/form';
import { renderPart } from '~/testing/render';
import type { JsonObject } from '~/util/changes';

import { everything } from '../../../mock-api/forms.ts';
import { ValuesEditor } from './ValuesEditor';

const changed = vi.fn();
const readable = vi.fn();

function Editor({ start }: { start: JsonObject }) {
  const [overrides, setOverrides] = useState(start);
  return (
    <ValuesEditor
      form={formOf(everything)}
      overrides={overrides}
      onChange={(next) => {
        changed(next);
        setOverrides(next);
      }}
      onReadable={readable}
      choices={{ 'storage-class': ['standard', 'archive'] }}
    />
  );
}

const user = userEvent.setup({ delay: null });
const show = (start: JsonObject = {}) => renderPart(<Editor start={start} />);
const sent = () => changed.mock.lastCall?.[0] as unknown;

/** Puts a text in place of what a field holds. */
async function replace(name: string | RegExp, text: string) {
  const field = await screen.findByLabelText(name);
  await user.clear(field);
  if (text) await user.type(field, text);
}

beforeEach(() => {
  changed.mockClear();
  readable.mockClear();
});

describe('only what differs from the defaults is handed on', () => {
  test('a text and a number', async () => {
    show();
    await replace(/^Title/, 'Mine');
    await replace(/^Replicas/, '3');
    expect(sent()).toEqual({ title: 'Mine', replicas: 3 });
  });

  test('a switch, and back again', async () => {
    show();
    const debug = await screen.findByRole('switch', { name: 'Debug' });
    await user.click(debug);
    expect(sent()).toEqual({ debug: true });
    await user.click(debug);
    expect(sent()).toEqual({});
  });

  test('one of several', async () => {
    show();
    await user.click(await screen.findByLabelText('Log level'));
    await user.click(await screen.findByTitle('error'));
    expect(sent()).toEqual({ level: 'error' });
  });

  test('a nested value', async () => {
    show();
    await user.click(await screen.findByRole('button', { name: /Image/ }));
    await replace('Tag', '2.0');
    expect(sent()).toEqual({ image: { tag: '2.0' } });
  });

  test('an item of a list: the list goes whole', async () => {
    show();
    const hosts = await screen.findByRole('group', { name: 'Hosts' });
    await user.click(within(hosts).getByRole('button', { name: 'Add item' }));
    await user.type(within(hosts).getAllByRole('textbox').at(-1)!, 'b.example.org');
    expect(sent()).toEqual({ hosts: ['a.example.org', 'b.example.org'] });
    await user.click(within(hosts).getByRole('button', { name: 'Remove item 1' }));
    expect(sent()).toEqual({ hosts: ['b.example.org'] });
  });

  test('an entry of a map, under the name it is given', async () => {
    show();
    await user.click(await screen.findByRole('button', { name: /Labels/ }));
    await user.click(screen.getByRole('button', { name: 'Add entry' }));
    await replace('Name of the entry', 'team');
    await user.tab();
    await user.type(await screen.findByLabelText('team'), 'shop');
    expect(sent()).toEqual({ labels: { team: 'shop' } });
  });

  test('another choice of a group brings its own fields', async () => {
    show();
    const storage = await screen.findByRole('group', { name: 'Storage' });
    await user.click(within(storage).getByRole('combobox'));
    await user.click(await screen.findByTitle('Volume'));
    expect(sent()).toEqual({ storage: { kind: 'volume', size: '8Gi' } });
    await replace(/^Size/, '20Gi');
    expect(sent()).toEqual({ storage: { kind: 'volume', size: '20Gi' } });
  });

  test('a list that the form wants as YAML', async () => {
    show();
    const field = await screen.findByLabelText('Tolerations');
    expect((field as HTMLTextAreaElement).value).toBe('- key: a\n  operator: Exists');
    await replace('Tolerations', '- key: b');
    expect(sent()).toEqual({ tolerations: [{ key: 'b' }] });
  });

  test('a value of which nothing is said is YAML', async () => {
    show();
    await replace('Extra', 'a: [[1, two]');
    expect(sent()).toEqual({ extra: { a: [1, 'two'] } });
  });
});

describe('Kubernetes values', () => {
  test('digits are a number and anything else a text', async () => {
    show();
    await replace('Port', '8080');
    expect(sent()).toEqual({ port: 8080 });
    await replace('Port', 'http');
    expect(sent()).toEqual({ port: 'http' });
    await replace('Surge', '2');
    expect(sent()).toEqual({ port: 'http', surge: 2 });
  });

  test('a quantity is picked or typed', async () => {
    show();
    await replace('Memory', '1536Mi');
    expect(sent()).toEqual({ memory: '1536Mi' });
  });

  test('names of the cluster are offered', async () => {
    show();
    await user.click(await screen.findByLabelText('Storage class'));
    await user.click(await screen.findByTitle('archive'));
    expect(sent()).toEqual({ storageClass: 'archive' });
  });
});

test('a changed value can be reset to its default', async () => {
  show({ replicas: 5 });
  await user.click(await screen.findByRole('button', { name: 'Reset to default' }));
  expect(sent()).toEqual({});
});

test('the default is what the package sets, not what its schema says', async () => {
  show({ title: 'Mine', hosts: ['b.example.org'] });
  // `title` has no default in the schema; a list is reset as a whole.
  const [title, hosts] = await screen.findAllByRole('button', { name: 'Reset to default' });
  await user.click(title!);
  expect(sent()).toEqual({ hosts: ['b.example.org'] });
  await user.click(hosts!);
  expect(sent()).toEqual({});
});

test('a choice that asks for nothing more shows no empty group', async () => {
  show();
  const storage = await screen.findByRole('group', { name: 'Storage' });
  expect(within(storage).queryByRole('button', { name: /None/ })).toBeNull();
});

test('what the schema asks for is said at the field', async () => {
  show();
  await replace(/^Title/, '');
  expect(await screen.findByRole('alert')).toBeDefined();
  expect(screen.getByLabelText(/^Title/).getAttribute('aria-invalid')).toBe('true');
});

test('a secret is not shown', async () => {
  show();
  await replace('Password', 'hunter2');
  expect(screen.getByLabelText('Password').getAttribute('type')).toBe('password');
  await user.click(screen.getByRole('tab', { name: /Changes/ }));
  const row = await screen.findByRole('row', { name: /password/ });
  expect(row.textContent).not.toContain('hunter2');
});

describe('a long form', () => {
  test('is searched, and what was found lies open', async () => {
    show();
    await user.type(await screen.findByLabelText('Search settings'), 'tag');
    expect(await screen.findByLabelText('Tag')).toBeDefined();
    await waitFor(() => expect(screen.queryByLabelText('Log level')).toBeNull());
    expect(screen.getByText('1 of 18 settings')).toBeDefined();
    await replace('Tag', '3');
    expect(sent()).toEqual({ image: { tag: '3' } });
    await replace('Search settings', 'zzz');
    expect(await screen.findByText('No setting matches. Try another word.')).toBeDefined();
  });

  test('leaves advanced settings out until they are asked for or differ', async () => {
    const { unmount } = show();
    expect(await screen.findByLabelText('Log level')).toBeDefined();
    expect(screen.queryByLabelText('Extra arguments')).toBeNull();
    await user.click(screen.getByRole('switch', { name: /Advanced settings/ }));
    expect(await screen.findByLabelText('Extra arguments')).toBeDefined();
    unmount();
    show({ extraArgs: '-v' });
    expect(await screen.findByLabelText('Extra arguments')).toBeDefined();
  });
});

test('what does not fit is said below every tab', async () => {
  show({ replicas: 99 });
  expect(await screen.findByText("1 value does not fit the package's schema")).toBeDefined();
  await user.click(screen.getByRole('tab', { name: /Changes/ }));
  expect(screen.getByText("1 value does not fit the package's schema")).toBeDefined();
});

test('changes stand against the defaults', async () => {
  show({ replicas: 3, image: { tag: '2' } });
  await user.click(await screen.findByRole('tab', { name: /Changes/ }));
  const rows = (await screen.findAllByRole('row')).slice(1).map((row) => row.textContent);
  expect(rows).toEqual(['replicas13', 'image.tag""2']);
});

describe('the YAML tab', () => {
  const editor = () => screen.findByRole('textbox', { name: 'YAML' });
  const open = async (tab: string) => user.click(await screen.findByRole('tab', { name: tab }));

  test('shows what the form has, and the form what was written', async () => {
    show({ replicas: 3 });
    await open('YAML');
    expect((await editor()).textContent).toBe('replicas: 3');
    await write('replicas: 4\ntitle: Mine\n');
    expect(sent()).toEqual({ replicas: 4, title: 'Mine' });
    await open('Form');
    expect((screen.getByLabelText(/^Title/) as HTMLInputElement).value).toBe('Mine');
    await replace(/^Title/, 'Yours');
    await open('YAML');
    await waitFor(async () => expect((await editor()).textContent).toContain('title: Yours'));
  });

  test('says when it cannot be read, and hands nothing on', async () => {
    show();
    await open('YAML');
    await editor();
    changed.mockClear();
    await write('replicas: [');
    expect(readable).toHaveBeenLastCalledWith(false);
    expect(changed).not.toHaveBeenCalled();
    await write('replicas: 2');
    expect(readable).toHaveBeenLastCalledWith(true);
  });

  /** jsdom does not edit; the editor is told as it would be by the browser. */
  async function write(text: string) {
    const { EditorView } = await import('@codemirror/view');
    const view = EditorView.findFromDOM(await editor());
    view?.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  }
});
