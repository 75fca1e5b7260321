// Texts of the console in two languages. A key missing in either is a compile error, an unused one fails a test.
import { createContext, useContext } from 'react';

import { enUS } from './i18n/en-US';
import { zhCN } from './i18n/zh-CN';

export type TextKey = keyof typeof enUS;
export type Language = 'en-US' | 'zh-CN';
export type Translate = (key: TextKey, values?: Record<string, string | number>) => string;

const texts: Record<Language, Record<TextKey, string>> = { 'en-US': enUS, 'zh-CN': zhCN };

/** The text of a key with `{name}` replaced, and `{count|instance|instances}` by the word that fits the number. */
export function translator(language: Language): Translate {
  return (key, values) =>
    texts[language][key].replace(
      /\{(\w+)(?:\|(.*?)\|(.*?))?\}/g,
      (whole, name: string, one?: string, many?: string) => {
        const value = values?.[name];
        if (value === undefined) return whole;
        return (String(value) === '1' ? one : many) ?? String(value);
      },
    );
}

export function preferredLanguage(stored: string | null, browser: readonly string[]): Language {
  if (stored === 'en-US' || stored === 'zh-CN') return stored;
  return browser[0]?.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en-US';
}

export const LanguageContext = createContext<Language>('en-US');

export const useLanguage = () => useContext(LanguageContext);
export const useText = () => translator(useLanguage());
