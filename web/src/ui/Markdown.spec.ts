import { expect, test } from 'vitest';

import { safeHtml } from './Markdown';

test('scripts, handlers, images and strange links do not survive', () => {
  const html = safeHtml(
    '# Hi\n<script>x()</script><img src=x onerror=y()>\n[a](javascript:x) [b](https://example.com) <a href="data:text/html,x">c</a>',
  );
  expect(html).not.toMatch(/script|onerror|img|data:/);
  expect(html).toContain('rel="noopener noreferrer nofollow"');
  expect(html).toContain('href="https://example.com"');
});
