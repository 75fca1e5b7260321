// A README of a package: hostile input. Sanitised, links only to http(s), images left out.
import DOMPurify from 'dompurify';
import { marked } from 'marked';
import { useMemo } from 'react';

const allowed = {
  ALLOWED_TAGS: [
    'h1',
    'h2',
    'h3',
    'h4',
    'h5',
    'h6',
    'p',
    'a',
    'ul',
    'ol',
    'li',
    'code',
    'pre',
    'em',
    'strong',
    'del',
    'blockquote',
    'table',
    'thead',
    'tbody',
    'tr',
    'th',
    'td',
    'hr',
    'br',
  ],
  ALLOWED_ATTR: ['href', 'align', 'start'],
  ALLOWED_URI_REGEXP: /^https?:\/\//i,
};

/** HTML that is safe to show. */
export function safeHtml(markdown: string): string {
  const html = marked.parse(markdown.slice(0, 400_000), { async: false, gfm: true });
  const fragment = DOMPurify.sanitize(html, { ...allowed, RETURN_DOM_FRAGMENT: true });
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow';
  }
  const host = document.createElement('div');
  host.append(fragment);
  return host.innerHTML;
}

export function Markdown({ text }: { text: string }) {
  const html = useMemo(() => safeHtml(text), [text]);
  return <div className="osc-markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}
