// The one dialog for what cannot be undone: it shows what goes and what stays, and wants the name typed.
import { Button, Input, Modal } from 'antd';
import { useState, type ReactNode } from 'react';

import { useText } from '~/i18n';

import { ReasonButton } from './ReasonButton';

type Props = {
  title: string;
  /** What must be typed before the button works. */
  name: string;
  action: string;
  busy: boolean;
  children: ReactNode;
  onConfirm: () => void;
  /** Called once it is gone and the focus is back where it was. */
  onClose: () => void;
};

export function ConfirmDialog({ title, name, action, busy, children, onConfirm, onClose }: Props) {
  const t = useText();
  const [open, setOpen] = useState(true);
  const [typed, setTyped] = useState('');
  return (
    <Modal
      open={open}
      title={title}
      width={720}
      footer={[
        <Button key="cancel" onClick={() => setOpen(false)}>
          {t('common.cancel')}
        </Button>,
        <ReasonButton
          key="confirm"
          type="primary"
          danger
          reason={typed === name ? undefined : t('confirm.why', { name })}
          loading={busy}
          onClick={onConfirm}
        >
          {action}
        </ReasonButton>,
      ]}
      onCancel={() => setOpen(false)}
      afterClose={onClose}
    >
      <div className="osc-stack">
        {children}
        <label className="osc-confirm">
          <span>{t('confirm.type', { name })}</span>
          <Input value={typed} autoComplete="off" onChange={(event) => setTyped(event.target.value)} />
        </label>
      </div>
    </Modal>
  );
}
