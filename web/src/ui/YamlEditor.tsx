// A YAML editor that tells what is wrong where. CodeMirror, with the page's nonce for its styles.
import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { Compartment, EditorState } from '@codemirror/state';
import { tags } from '@lezer/highlight';
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

/** The theme's own inks, which read in light and in dark. */
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--ant-color-primary)' },
  { tag: [tags.string, tags.content, tags.attributeValue], color: 'var(--ant-color-text)' },
  {
    tag: [tags.number, tags.bool, tags.null, tags.keyword, tags.atom],
    color: 'var(--ant-color-warning-text)',
  },
  { tag: [tags.labelName, tags.typeName, tags.meta], color: 'var(--ant-color-info-text)' },
  { tag: [tags.comment, tags.separator, tags.punctuation], color: 'var(--ant-color-text-tertiary)' },
]);

/**
 * Typing over selected text. Left to itself the browser keeps the look of what was there in a style attribute, which the
 * content security policy refuses and reports.
 */
const typeOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    if (event.inputType !== 'insertText' || event.data === null) return false;
    // The browser's own selection: the editor may not have heard of it yet.
    const chosen = document.getSelection();
    const range = chosen && chosen.rangeCount > 0 ? chosen.getRangeAt(0) : null;
    if (view.composing || view.state.readOnly || !range || range.collapsed) return false;
    if (!view.contentDOM.contains(range.commonAncestorContainer)) return false;
    event.preventDefault();
    const from = view.posAtDOM(range.startContainer, range.startOffset);
    const to = view.posAtDOM(range.endContainer, range.endOffset);
    view.dispatch({
      changes: { from, to, insert: event.data },
      selection: { anchor: from + event.data.length },
      userEvent: 'input.type',
      scrollIntoView: true,
    });
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
          syntaxHighlighting(colours),
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
