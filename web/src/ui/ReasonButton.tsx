// A button that says why it cannot be used.
import { Button, Tooltip, type ButtonProps } from 'antd';

type Props = ButtonProps & {
  /** Why it cannot be used now; nothing when it can. */
  reason?: string | undefined;
};

export function ReasonButton({ reason, ...props }: Props) {
  if (!reason) return <Button {...props} />;
  // Not `disabled`: a disabled button takes no focus, so a keyboard could not reach the reason.
  const { onClick: _onClick, danger: _danger, type: _type, ...rest } = props;
  return (
    <Tooltip title={reason}>
      <Button {...rest} aria-disabled className="osc-cannot" />
    </Tooltip>
  );
}
