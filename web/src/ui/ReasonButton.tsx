// A button that says why it cannot be used.
import { Button, Tooltip, type ButtonProps } from 'antd';

type Props = ButtonProps & {
  /** Why it cannot be used now; nothing when it can. */
  reason?: string | undefined;
};

export function ReasonButton({ reason, onClick, danger, type, ...props }: Props) {
  // Not `disabled`: a disabled button takes no focus, so a keyboard could not reach the reason. It stays the same
  // element when the reason goes, and so keeps the focus.
  const can = { onClick, danger, type };
  return (
    <Tooltip title={reason}>
      {reason ? <Button {...props} aria-disabled className="osc-cannot" /> : <Button {...props} {...can} />}
    </Tooltip>
  );
}
