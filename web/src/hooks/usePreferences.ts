// Language and light or dark, kept in the browser: the only state that neither the server nor the URL holds.
import { createContext, useContext, useEffect, useState } from 'react';

import { preferredLanguage, type Language } from '~/i18n';
import type { Mode } from '~/theme';

export type Preferences = {
  language: Language;
  mode: Mode;
  setLanguage: (language: Language) => void;
  setMode: (mode: Mode) => void;
};

export const PreferencesContext = createContext<Preferences>({
  language: 'en-US',
  mode: 'light',
  setLanguage: () => undefined,
  setMode: () => undefined,
});

export const usePreferences = () => useContext(PreferencesContext);

const systemMode = (): Mode =>
  window.matchMedia?.('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';

export function usePreferencesState(): Preferences {
  const [language, setLanguage] = useState(() =>
    preferredLanguage(localStorage.getItem('osc.language'), navigator.languages),
  );
  const [mode, setMode] = useState<Mode>(() => {
    const stored = localStorage.getItem('osc.mode');
    return stored === 'dark' || stored === 'light' ? stored : systemMode();
  });
  // Another tab of the console chose; this one follows.
  useEffect(() => {
    const follow = ({ key, newValue }: StorageEvent) => {
      if (key === 'osc.mode' && (newValue === 'dark' || newValue === 'light')) setMode(newValue);
      if (key === 'osc.language' && (newValue === 'en-US' || newValue === 'zh-CN')) setLanguage(newValue);
    };
    window.addEventListener('storage', follow);
    return () => window.removeEventListener('storage', follow);
  }, []);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  useEffect(() => {
    document.documentElement.dataset.mode = mode;
  }, [mode]);
  return {
    language,
    mode,
    setLanguage: (next) => {
      localStorage.setItem('osc.language', next);
      setLanguage(next);
    },
    setMode: (next) => {
      localStorage.setItem('osc.mode', next);
      setMode(next);
    },
  };
}
