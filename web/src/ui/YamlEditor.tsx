// A YAML editor that tells what is wrong where. CodeMirror, with the page's nonce for its styles.
import { yaml } from '@codemirror/lang-yaml';
import { lintGutter, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, basicSetup } from 'codemirror';
import { useEffect, useRef } from 'react';

import { cspNonce } from '~/util/nonce';

type Props = {
  value: string;
  onChange?: (value: string) => void;
  diagnostics?: Diagnostic[];
  label: string;
  /** Rows shown before it scrolls. */
  rows?: number;
};

const nothing: Diagnostic[] = [];

/**
 * Typing over selected text. Left to itself the browser keeps the look of what was there in a style attribute, which the
 * content security policy refuses and reports.
 */
const typeOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { selection, readOnly } = view.state;
    if (event.inputType !== 'insertText' || event.data === null) return false;
    if (view.composing || readOnly || selection.main.empty) return false;
    event.preventDefault();
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: 'input.type', scrollIntoView: true });
    return true;
  },
});

export function YamlEditor({ value, onChange, diagnostics = nothing, label, rows = 24 }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const changed = useRef(onChange);
  const readOnly = useRef(new Compartment());
  changed.current = onChange;

  useEffect(() => {
    if (!host.current) return;
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          basicSetup,
          yaml(),
          lintGutter(),
          typeOver,
          EditorView.cspNonce.of(cspNonce()),
          EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
          readOnly.current.of(EditorState.readOnly.of(!changed.current)),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
    // The editor lives as long as the page; later values come through the effect below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [label]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const length = editor.state.doc.length;
    const inside = diagnostics.map((d) => ({
      ...d,
      from: Math.min(d.from, length),
      to: Math.min(d.to, length),
    }));
    editor.dispatch(setDiagnostics(editor.state, inside));
  }, [diagnostics, value]);

  return <div ref={host} className="osc-code" style={{ maxHeight: `${rows * 1.5}em` }} />;
}
