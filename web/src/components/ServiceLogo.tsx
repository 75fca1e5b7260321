// Two letters on a colour that stays the same for a name. Pictures of packages are not loaded from elsewhere.
const colours = ['#14594e', '#27598a', '#73468a', '#8a4a2f', '#3f6b33', '#8c3f5a', '#4a576f', '#6f5a16'];

export function ServiceLogo({ name, small = false }: { name: string; small?: boolean }) {
  const sum = [...name].reduce((total, letter) => (total * 31 + letter.charCodeAt(0)) >>> 0, 7);
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters = words.length > 1 ? `${words[0]?.[0] ?? ''}${words[1]?.[0] ?? ''}` : name.slice(0, 2);
  return (
    <span
      className="osc-logo"
      data-small={small || undefined}
      aria-hidden="true"
      style={{ background: colours[sum % colours.length] }}
    >
      {letters}
    </span>
  );
}
