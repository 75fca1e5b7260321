// The version that a page is about, to be chosen.
import { Select } from 'antd';
import { useId } from 'react';

import { useText } from '~/i18n';

type Props = {
  value: string | null | undefined;
  /** Nothing before they are known. */
  versions: { version: string }[] | undefined;
  onChange: (version: string) => void;
};

export function VersionSelect({ value, versions, onChange }: Props) {
  const t = useText();
  const label = useId();
  return (
    <div className="osc-row">
      <span className="osc-muted" id={label}>
        {t('service.version')}
      </span>
      <Select
        aria-labelledby={label}
        style={{ minWidth: 160 }}
        value={value}
        options={versions?.map(({ version }) => ({ value: version, label: version })) ?? []}
        onChange={onChange}
      />
    </div>
  );
}
