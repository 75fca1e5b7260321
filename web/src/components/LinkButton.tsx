// A link that looks like a button: one stop for the keyboard, and it opens in a new tab as links do.
import { Button, type ButtonProps } from 'antd';
import { useHref, useLinkClickHandler } from 'react-router';

type Props = Omit<ButtonProps, 'href' | 'onClick'> & { to: string };

export function LinkButton({ to, ...props }: Props) {
  const href = useHref(to);
  const follow = useLinkClickHandler<HTMLElement>(to);
  return (
    <Button
      {...props}
      href={href}
      // The handler is for anchors, which a button with an address is.
      onClick={(event) => follow(event as React.MouseEvent<HTMLAnchorElement, MouseEvent>)}
    />
  );
}
