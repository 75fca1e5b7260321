// Copies a text and says so for a moment.
import { CheckOutlined, CopyOutlined } from '@ant-design/icons';
import { Button, Tooltip } from 'antd';
import { useState } from 'react';

import { useText } from '~/i18n';

export function CopyButton({ text, label }: { text: string; label: string }) {
  const t = useText();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <Tooltip title={copied ? t('copy.done') : label} onOpenChange={(open) => open || setCopied(false)}>
      <Button
        size="small"
        type="text"
        icon={copied ? <CheckOutlined /> : <CopyOutlined />}
        aria-label={label}
        onClick={() => void copy()}
      />
    </Tooltip>
  );
}
