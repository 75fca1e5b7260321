// Two letters on a colour that stays the same for a name. Pictures of packages are not loaded from elsewhere.
const colours = ['#176157', '#27598a', '#7a4b8f', '#8a4a2f', '#3f6b33', '#8c3f5a', '#4d5a73', '#6f5a16'];

export function ServiceLogo({ name }: { name: string }) {
  const sum = [...name].reduce((total, letter) => (total * 31 + letter.charCodeAt(0)) >>> 0, 7);
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters = words.length > 1 ? `${words[0]?.[0] ?? ''}${words[1]?.[0] ?? ''}` : name.slice(0, 2);
  return (
    <span className="osc-logo" aria-hidden="true" style={{ background: colours[sum % colours.length] }}>
      {letters}
    </span>
  );
}
